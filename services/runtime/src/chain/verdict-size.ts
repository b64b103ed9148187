// How large a verdict becomes while its chain runs. What cannot be published on the bus would be no verdict at all, so a result that
// makes it too large fails by itself, under the name of its plugin, and the verdict of the others is kept.

/** Bytes of a verdict that any NATS server takes: its default limit is 1 MiB. */
export const DEFAULT_PAYLOAD_BYTES = 1024 * 1024;
/** Most bytes of one plugin's annotations, written as JSON. */
export const MAX_ANNOTATION_BYTES = 64 * 1024;
/** Share of a payload that is left to what is not counted: names, times and errors in the trail. */
const UNCOUNTED_SHARE = 1 / 8;

/** Bytes in the verdict, so far. */
export interface VerdictSize {
	/** Of the event's data, once it was changed. */
	data: number;
	/** Of annotations, the claim, and the pointers in the trail. */
	rest: number;
}

/** Bytes that the counted parts of a verdict may have together where a message may have `payloadBytes`. */
export function verdictBudget(payloadBytes: number): number {
	return Math.floor(payloadBytes * (1 - UNCOUNTED_SHARE));
}

/** Bytes of a value as JSON; 0 for `undefined`. */
export function jsonBytes(value: unknown): number {
	return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}
