// Threads that were ended leave some memory behind that a process never gets back. A runtime that had to end many hands over in an
// orderly way and is started anew, before that memory becomes a problem of its own.

export class Recycling {
	readonly #after: number;
	readonly #recycle: (kills: number) => void;
	#kills = 0;

	/**
	 * @param after how many threads may be ended
	 * @param recycle called once, when there were as many
	 */
	constructor(after: number, recycle: (kills: number) => void) {
		this.#after = after;
		this.#recycle = recycle;
	}

	threadEnded(): void {
		this.#kills += 1;
		if (this.#kills === this.#after) this.#recycle(this.#kills);
	}
}
