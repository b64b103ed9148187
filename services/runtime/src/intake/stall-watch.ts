// Remembers that the process stood still (SIGSTOP, a suspended machine). Events that arrive right afterwards may have waited
// in the socket for a minute; only then are they held against the wall clock, so that clocks that differ between machines
// do no harm at other times.

/** Milliseconds after a stall during which events are suspected of being stale. */
const SUSPICION_MS = 1_000;

export class StallWatch {
	readonly #clock: () => number;
	#suspectUntil = Number.NEGATIVE_INFINITY;

	constructor(clock: () => number) {
		this.#clock = clock;
	}

	/** The process stood still until now. */
	note(): void {
		this.#suspectUntil = this.#clock() + SUSPICION_MS;
	}

	/** Whether events that arrive now may be stale. */
	isRecent(): boolean {
		return this.#clock() < this.#suspectUntil;
	}
}
