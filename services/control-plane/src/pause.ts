// A pause that ends early when the service stops; a loop that slept on would hold up the stop by its whole interval.
import { setTimeout as delay } from "node:timers/promises";

/** Resolves after `ms` milliseconds, or when the signal is aborted. Never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
	try {
		await delay(ms, undefined, { signal });
	} catch {
		// Aborted: the caller looks at the signal.
	}
}
