// Waits for work until the call's time is over. The NATS client cannot be told to stop waiting, so what it still waits for is left
// behind; whoever starts something after a wait looks at the signal first.

/**
 * What `work` resolves to. Not started when the signal is aborted already.
 *
 * @throws the signal's reason as soon as it is aborted, whatever the work is doing
 */
export async function untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
	signal.throwIfAborted();
	let stop: (() => void) | undefined;
	const aborted = new Promise<never>((_resolve, reject) => {
		stop = () => reject(signal.reason);
		signal.addEventListener("abort", stop);
	});
	try {
		// Both are awaited here: what loses the race is nobody's unhandled rejection.
		return await Promise.race([work(), aborted]);
	} finally {
		if (stop !== undefined) signal.removeEventListener("abort", stop);
	}
}
