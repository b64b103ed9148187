// Waits until something holds. A fixed sleep is either too short on a busy machine or too long on every other one.
import { setTimeout as delay } from "node:timers/promises";

export interface WaitOptions {
	/** Milliseconds until it is given up; default 120,000. */
	readonly timeoutMs?: number;
	/** Milliseconds between two looks; default 20. */
	readonly intervalMs?: number;
}

/**
 * Calls `look` until it returns something other than `undefined`, `null` or `false`, and returns that. What `look` throws
 * counts as "not yet" and is named when time is up.
 *
 * @param what said in the error: "the plugin is enabled"
 * @throws Error `not within … ms: <what>` with the last error as cause
 */
export async function waitFor<T>(
	what: string,
	look: () => T | Promise<T>,
	options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
	const timeoutMs = options.timeoutMs ?? 120_000;
	const deadline = performance.now() + timeoutMs;
	let last: unknown;
	for (;;) {
		try {
			const found = await look();
			if (found !== undefined && found !== null && found !== false) return found as Exclude<T, undefined | null | false>;
			last = undefined;
		} catch (thrown) {
			last = thrown;
		}
		if (performance.now() >= deadline) {
			const why = last === undefined ? "" : ` (${last instanceof Error ? last.message : String(last)})`;
			throw new Error(`not within ${timeoutMs} ms: ${what}${why}`, last === undefined ? undefined : { cause: last });
		}
		await delay(options.intervalMs ?? 20);
	}
}
