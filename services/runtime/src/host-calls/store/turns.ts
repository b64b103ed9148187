// Lets callers in this process work on the same thing one after the other. Compare-and-set alone would be right too, but of a
// hundred callers ninety-nine would try in vain, each time.

export class Turns {
	/** Settles when the last caller of a key is done. */
	readonly #last = new Map<string, Promise<unknown>>();

	/** Runs `work` when all who came before with the same key are done, however they ended. */
	async take<T>(key: string, work: () => Promise<T>): Promise<T> {
		const before = this.#last.get(key);
		const mine = before === undefined ? work() : before.then(work);
		const done = mine.catch(() => undefined);
		this.#last.set(key, done);
		try {
			return await mine;
		} finally {
			if (this.#last.get(key) === done) this.#last.delete(key);
		}
	}
}
