// Waits for an event of a connection or a request. Some of them end without an error, when the other side changes the protocol for
// example; whoever waited for the event alone would wait until the deadline.
import type { EventEmitter } from "node:events";

/** What the event brings; rejects with the error that comes instead, or when it is closed. From here on no error of it ends the process. */
export function eventOrEnd<Value>(emitter: EventEmitter, event: string): Promise<Value> {
	return new Promise((resolve, reject) => {
		emitter.once(event, resolve);
		// Stays: an error that comes when nobody waits any more is no news.
		emitter.on("error", reject);
		emitter.once("close", () => reject(Object.assign(new Error(`closed, no ${event}`), { code: "ECONNRESET" })));
	});
}
