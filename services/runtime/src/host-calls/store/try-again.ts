// Tries a compare-and-set again when somebody else was faster: after a moment that is different for each, and not for ever.
import { setTimeout as delay } from "node:timers/promises";
import { failed } from "../host-call-errors.js";

const MAX_ATTEMPTS = 32;
/** Longest moment between two attempts in milliseconds. */
const MAX_PAUSE_MS = 32;

/**
 * @param what is done: "state_increment"
 * @param attempt resolves to `undefined` when somebody else was faster
 * @throws HostCallError `host_error` when it never succeeds; the signal's reason
 */
export async function tryAgain<T>(what: string, signal: AbortSignal, attempt: () => Promise<T | undefined>): Promise<T> {
	for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts += 1) {
		const done = await attempt();
		if (done !== undefined) return done;
		await delay(Math.random() * Math.min(2 ** attempts, MAX_PAUSE_MS), undefined, { signal });
	}
	throw failed(`${what}: others changed the same key ${MAX_ATTEMPTS} times in a row; it was not done`);
}
