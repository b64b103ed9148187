// Names in their order, kept up to date name by name: sorting ten thousand of them for every list would hold up the main thread.
// The order is that of UTF-16 code units, in which all names with one prefix stand together.

export class SortedNames {
	readonly #names: string[];

	constructor(names: Iterable<string>) {
		this.#names = [...names].sort();
	}

	add(name: string): void {
		const index = this.#indexOf(name);
		if (this.#names[index] !== name) this.#names.splice(index, 0, name);
	}

	delete(name: string): void {
		const index = this.#indexOf(name);
		if (this.#names[index] === name) this.#names.splice(index, 1);
	}

	/** The first `most` names that begin with the prefix. */
	startingWith(prefix: string, most: number): string[] {
		const first = this.#indexOf(prefix);
		const found = this.#names.slice(first, first + most);
		const end = found.findIndex((name) => !name.startsWith(prefix));
		return end === -1 ? found : found.slice(0, end);
	}

	/** Where the name stands or would have to stand. */
	#indexOf(name: string): number {
		let low = 0;
		let high = this.#names.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#names[middle] as string) < name) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}
