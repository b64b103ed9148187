// Work that must not be done at the same time, in turns. The spare thread tries plugins out and runs their own calls; one that hangs
// costs that thread its life, and whatever waited in it would be called slow without ever having run.

type Turn = () => Promise<void>;

export class Turns {
	readonly #first: Turn[] = [];
	readonly #others: Turn[] = [];
	#isBusy = false;

	/** Does the work when it is its turn: before all that comes in here later, and before all that waits in {@link take}. */
	takeFirst<T>(work: () => Promise<T>): Promise<T> {
		return this.#queue(this.#first, work);
	}

	take<T>(work: () => Promise<T>): Promise<T> {
		return this.#queue(this.#others, work);
	}

	#queue<T>(turns: Turn[], work: () => Promise<T>): Promise<T> {
		return new Promise((resolve, reject) => {
			turns.push(() => work().then(resolve, reject));
			if (!this.#isBusy) void this.#goOn();
		});
	}

	async #goOn(): Promise<void> {
		this.#isBusy = true;
		for (let turn = this.#next(); turn !== undefined; turn = this.#next()) await turn();
		this.#isBusy = false;
	}

	#next(): Turn | undefined {
		return this.#first.shift() ?? this.#others.shift();
	}
}
