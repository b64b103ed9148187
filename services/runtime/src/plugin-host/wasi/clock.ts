// The time as plugins see it, in whole milliseconds: a finer clock would let a plugin measure what its neighbours in the same
// processor do. A plugin that sleeps is ended at its limit like one that loops, so waiting must be something that the end of a
// thread interrupts: Atomics.wait is, a sleep of the operating system is not.

/** WASI's numbers of the clocks; those that count processor time are not offered. */
export const REALTIME = 0;
export const MONOTONIC = 1;

export const RESOLUTION_NS = 1_000_000n;

/** Where the monotonic clock begins: Go takes a clock that stands at zero for broken. */
const BEGIN_MS = 1_000;

export class Clock {
	readonly #startedMs = performance.now();
	/** Nobody else has it, so nothing but the time wakes who waits on it. */
	readonly #nobody = new Int32Array(new SharedArrayBuffer(4));

	has(clock: number): boolean {
		return clock === REALTIME || clock === MONOTONIC;
	}

	nowMs(clock: number): number {
		return clock === REALTIME ? Date.now() : Math.floor(performance.now() - this.#startedMs) + BEGIN_MS;
	}

	wait(ms: number): void {
		Atomics.wait(this.#nobody, 0, 0, ms);
	}
}
