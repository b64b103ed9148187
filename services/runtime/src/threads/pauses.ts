// Times in which this process did not run although it wanted to: a CPU quota that was used up, SIGSTOP, a suspended machine.
// What a plugin could not use is not counted against its limit; otherwise a throttled machine would end innocent threads, and
// starting their successors would keep it throttled.

/** Older pauses matter to nobody: no limit is longer than the number of invocations this can span. */
const KEPT = 64;

export class Pauses {
	#pauses: { readonly endedAt: number; readonly lostMs: number }[] = [];

	note(endedAt: number, lostMs: number): void {
		this.#pauses.push({ endedAt, lostMs });
		if (this.#pauses.length > KEPT) this.#pauses.shift();
	}

	/** Milliseconds that were lost since then; a pause that had begun before counts whole. */
	lostSince(at: number): number {
		let lost = 0;
		for (const pause of this.#pauses) if (pause.endedAt > at) lost += pause.lostMs;
		return lost;
	}
}
