// Cuts long work into slices, between which everything else of the process runs. Without it a table of ten thousand bindings would
// hold up all events, or all requests, until it is read.

/** Milliseconds of one slice. */
const SLICE_MS = 5;

/**
 * Ask often, pause when it says so: `if (slices.isOver()) await slices.pause();`. The first slice begins with the constructor.
 */
export class TimeSlices {
	readonly #sliceMs: number;
	#began = performance.now();

	/** @param sliceMs milliseconds of one slice; default 5 */
	constructor(sliceMs: number = SLICE_MS) {
		this.#sliceMs = sliceMs;
	}

	isOver(): boolean {
		return performance.now() - this.#began >= this.#sliceMs;
	}

	/** Lets everything run that waits, and begins the next slice. */
	async pause(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
		this.#began = performance.now();
	}
}
