// The host's view of a plugin's own memory, word by word through host-memory/memory-access.wat. WASI's calls are few and small,
// so that is fast enough; events and results do not come this way.

/** Exports of host-memory/memory-access.wat. What lies outside of the plugin's memory traps. */
export interface MemoryAccess {
	load_byte(at: number): number;
	load_word(at: number): number;
	store_byte(at: number, value: number): void;
	store_word(at: number, value: number): void;
}

const WORD = 2 ** 32;

export class PluginBytes {
	readonly #access: MemoryAccess;

	constructor(access: MemoryAccess) {
		this.#access = access;
	}

	byte(at: number): number {
		return this.#access.load_byte(at);
	}

	u32(at: number): number {
		return this.#access.load_word(at) >>> 0;
	}

	/** Inexact above 2^53, which in nanoseconds is a hundred days. */
	u64(at: number): number {
		return this.u32(at) + this.u32(at + 4) * WORD;
	}

	setByte(at: number, value: number): void {
		this.#access.store_byte(at, value);
	}

	setU32(at: number, value: number): void {
		this.#access.store_word(at, value);
	}

	setU64(at: number, value: bigint): void {
		this.setU32(at, Number(value & 0xffffffffn));
		this.setU32(at + 4, Number(value >> 32n));
	}

	/** Reads into `target`. */
	read(at: number, target: Uint8Array): void {
		const whole = target.length & ~3;
		for (let index = 0; index < whole; index += 4) {
			const word = this.#access.load_word(at + index);
			target[index] = word;
			target[index + 1] = word >>> 8;
			target[index + 2] = word >>> 16;
			target[index + 3] = word >>> 24;
		}
		for (let index = whole; index < target.length; index += 1) target[index] = this.byte(at + index);
	}

	write(at: number, bytes: Uint8Array): void {
		for (const [index, value] of bytes.entries()) this.setByte(at + index, value);
	}
}
