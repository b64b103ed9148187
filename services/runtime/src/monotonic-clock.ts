// Milliseconds that never jump and mean the same in every thread of this process. `performance.now()` counts from the
// start of its own thread, so a deadline set in one thread would be wrong in another.

/** Monotonic milliseconds (CLOCK_MONOTONIC); only differences mean something. */
export function monotonicMs(): number {
	const [seconds, nanoseconds] = process.hrtime();
	return seconds * 1_000 + nanoseconds / 1e6;
}
