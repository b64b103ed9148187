/** Events that flow while a test does something else. */
export interface Traffic<T> {
	/** Ends the traffic and gives every answer that came, in no particular order. */
	stop(): Promise<T[]>;
}

export interface TrafficOptions {
	/** Callers that send at the same time. */
	readonly callers: number;
	/** Least milliseconds between two events of one caller. */
	readonly everyMs: number;
}

/**
 * Starts callers that each send an event, wait for its answer, and send the next: `callers * 1000 / everyMs` events a second
 * where the machine can, fewer where it cannot. A rate that is forced would measure how full the queues of a slow machine get.
 */
export function startTraffic<T>(send: () => Promise<T>, { callers, everyMs }: TrafficOptions): Traffic<T> {
	const answers: T[] = [];
	let flowing = true;
	const caller = async (): Promise<void> => {
		while (flowing) {
			const next = performance.now() + everyMs;
			answers.push(await send());
			const early = next - performance.now();
			if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
		}
	};
	const done = Promise.all(Array.from({ length: callers }, caller));
	// Seen by whoever stops the traffic; until then it is nobody's unhandled rejection.
	done.catch(() => undefined);
	return {
		async stop() {
			flowing = false;
			await done;
			return answers;
		},
	};
}
