// Extism's variables (`var_get`, `var_set`) of one instance. They live as long as one call: what lasts goes through the host
// function for state. Those that `initialize` set are there at the beginning of each call.
const encoder = new TextEncoder();

export class Variables {
	readonly #maxBytes: number;
	#saved: ReadonlyMap<string, Uint8Array> = new Map();
	#values = new Map<string, Uint8Array>();
	#bytes = 0;
	#changed = false;

	/** @param maxBytes of all names and values together */
	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	get(name: string): Uint8Array | undefined {
		return this.#values.get(name);
	}

	/** Says what is wrong when there is no room; nothing is changed then. */
	set(name: string, value: Uint8Array): string | undefined {
		const bytes = this.#bytes - this.#sizeOf(name) + encoder.encode(name).length + value.length;
		if (bytes > this.#maxBytes) {
			return `var memory limit exceeded: ${bytes} bytes requested, ${this.#maxBytes} allowed`;
		}
		this.#values.set(name, value);
		this.#bytes = bytes;
		this.#changed = true;
		return undefined;
	}

	delete(name: string): void {
		this.#bytes -= this.#sizeOf(name);
		this.#values.delete(name);
		this.#changed = true;
	}

	save(): void {
		this.#saved = new Map(this.#values);
		this.#changed = false;
	}

	restore(): void {
		if (!this.#changed) return;
		this.#values = new Map(this.#saved);
		this.#bytes = [...this.#values.keys()].reduce((sum, name) => sum + this.#sizeOf(name), 0);
		this.#changed = false;
	}

	#sizeOf(name: string): number {
		const value = this.#values.get(name);
		return value === undefined ? 0 : encoder.encode(name).length + value.length;
	}
}
