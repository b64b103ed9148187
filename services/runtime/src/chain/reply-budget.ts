// How much of an event's deadline the runtime may use. The verdict still has to travel, and a verdict that arrives a
// millisecond after the caller gave up is worth nothing.

const MARGIN_SHARE = 0.1;
const MAX_MARGIN_MS = 25;

/** Milliseconds after the event's arrival by which its verdict should leave the runtime. */
export function replyBudgetMs(deadlineMs: number): number {
	return deadlineMs - Math.min(MAX_MARGIN_MS, deadlineMs * MARGIN_SHARE);
}
