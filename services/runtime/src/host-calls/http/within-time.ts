// The time that a plugin gives one request, inside of its own. Without it a plugin whose server hangs is ended, and cannot tell
// the model or the user what happened.
import { NoResponse } from "./no-response.js";

/**
 * What `work` resolves to.
 *
 * @param timeoutMs milliseconds; `undefined`: until the signal
 * @param signal ends the plugin's call
 * @param work gets a signal that is aborted by either
 * @throws NoResponse when the time is over before the signal is aborted
 */
export async function withinTime<T>(
	timeoutMs: number | undefined,
	signal: AbortSignal,
	work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
	if (timeoutMs === undefined) return await work(signal);
	const limited = new AbortController();
	const end = () => limited.abort(signal.reason);
	let isLate = false;
	const timer = setTimeout(() => {
		isLate = true;
		limited.abort();
	}, timeoutMs);
	if (signal.aborted) end();
	else signal.addEventListener("abort", end, { once: true });
	try {
		return await work(limited.signal);
	} catch (thrown) {
		if (isLate && !signal.aborted) throw new NoResponse(`no whole response within ${timeoutMs} ms`, { cause: thrown });
		throw thrown;
	} finally {
		clearTimeout(timer);
		signal.removeEventListener("abort", end);
	}
}
