// One timer for all requests. Two timers for each request (deadline, silence) would cost more than the request itself on
// an unused hook. Entries are swept after the event loop's poll phase: when this process was stalled, the replies that
// wait in its socket are read before anybody is declared silent.
const TICK_MS = 5;
const SLOTS = 512;

export interface WheelEntry {
	/** Written by the wheel only: the tick at which the entry is due, or -1. */
	wheelTick: number;
}

/** Wakes entries at or up to one tick (5 ms) after their time. Runs only while it holds entries. */
export class TimerWheel<Entry extends WheelEntry> {
	readonly #onDue: (entry: Entry, now: number) => void;
	readonly #now: () => number;
	readonly #slots: Entry[][] = Array.from({ length: SLOTS }, () => []);
	#held = 0;
	#tick = 0;
	#timer: NodeJS.Timeout | undefined;

	/** @param now milliseconds of a clock that never jumps */
	constructor(onDue: (entry: Entry, now: number) => void, now: () => number) {
		this.#onDue = onDue;
		this.#now = now;
	}

	/** Wakes the entry at this time, instead of any time set before. Farther than 2.5 s it is woken early and must look again. */
	schedule(entry: Entry, at: number): void {
		if (this.#timer === undefined) this.#start();
		const tick = Math.min(Math.max(Math.ceil(at / TICK_MS), this.#tick + 1), this.#tick + SLOTS - 1);
		if (tick === entry.wheelTick) return;
		entry.wheelTick = tick;
		this.#slots[tick % SLOTS]?.push(entry);
		this.#held++;
	}

	/** Forgets the entry; its place in the wheel is freed when the wheel comes by. */
	cancel(entry: Entry): void {
		entry.wheelTick = -1;
	}

	#start(): void {
		this.#tick = Math.floor(this.#now() / TICK_MS);
		this.#timer = setInterval(() => setImmediate(() => this.#sweep()), TICK_MS);
	}

	#sweep(): void {
		const now = this.#now();
		const reached = Math.floor(now / TICK_MS);
		while (this.#tick < reached && this.#held > 0) {
			this.#tick++;
			const index = this.#tick % SLOTS;
			const due = this.#slots[index] ?? [];
			if (due.length === 0) continue;
			this.#slots[index] = [];
			this.#held -= due.length;
			for (const entry of due) {
				if (entry.wheelTick !== this.#tick) continue;
				entry.wheelTick = -1;
				this.#onDue(entry, now);
			}
		}
		this.#tick = Math.max(this.#tick, reached);
		if (this.#held === 0 && this.#timer !== undefined) {
			clearInterval(this.#timer);
			this.#timer = undefined;
		}
	}
}
