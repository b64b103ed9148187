// Lets one ledger at a time be counted, and none for a while after it: a count of ten thousand names takes the main thread a tenth of
// a second, and plugins decide when their stores are full.

/** How many times as long as a count nobody counts after it. */
const PAUSE_SHARE = 10;

export class CountGate {
	#counting = false;
	/** Monotonic milliseconds. */
	#opensAt = 0;

	get isOpen(): boolean {
		return !this.#counting && performance.now() >= this.#opensAt;
	}

	/** Counts, when the gate is open; look first. */
	async pass<T>(count: () => Promise<T>): Promise<T> {
		const startedAt = performance.now();
		this.#counting = true;
		try {
			return await count();
		} finally {
			this.#counting = false;
			const endedAt = performance.now();
			this.#opensAt = endedAt + PAUSE_SHARE * (endedAt - startedAt);
		}
	}
}
