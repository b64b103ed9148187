// Where the mark of a durable event stands in its bucket. Runtimes write marks and the control plane takes them back for a
// replay; with two ideas of the key a replay would run nothing.
import { createHash } from "node:crypto";

/** Key in DONE_BUCKET. Event ids may hold characters that keys may not. */
export function doneMarkKey(tenant: string, eventId: string): string {
	return `${tenant}.${createHash("sha256").update(eventId).digest("hex").slice(0, 40)}`;
}
