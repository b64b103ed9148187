// Reads the primitive values of the Wasm binary format (WebAssembly Core 2.0, chapter 5). Every read is bounds-checked,
// because the bytes come from strangers and are read before any engine has looked at them.
import { isUtf8 } from "node:buffer";
import { ModuleFault } from "./module-fault.js";

const decoder = new TextDecoder();

export class BinaryReader {
	readonly bytes: Uint8Array;
	readonly end: number;
	offset: number;
	#section: string;

	constructor(bytes: Uint8Array, offset: number, end: number, section: string) {
		this.bytes = bytes;
		this.offset = offset;
		this.end = end;
		this.#section = section;
	}

	get done(): boolean {
		return this.offset >= this.end;
	}

	byte(): number {
		if (this.offset >= this.end) throw this.malformed("ends in the middle of a value");
		return this.bytes[this.offset++] as number;
	}

	/** Unsigned LEB128 of at most 32 bits. */
	u32(): number {
		let value = 0;
		for (let shift = 0; shift < 35; shift += 7) {
			const byte = this.byte();
			if (shift === 28 && (byte & 0xf0) !== 0) throw this.malformed("holds an integer of more than 32 bits");
			value += (byte & 0x7f) * 2 ** shift;
			if ((byte & 0x80) === 0) return value;
		}
		throw this.malformed("holds an integer of more than 32 bits");
	}

	/** Skips a signed LEB128 of at most `bits` bits. */
	skipSigned(bits: 32 | 64): void {
		for (let read = 0; read < Math.ceil(bits / 7); read += 1) {
			if ((this.byte() & 0x80) === 0) return;
		}
		throw this.malformed(`holds an integer of more than ${bits} bits`);
	}

	name(): string {
		const length = this.u32();
		const start = this.skip(length);
		const name = this.bytes.subarray(start, start + length);
		if (!isUtf8(name)) throw this.malformed("holds a name that is not UTF-8");
		return decoder.decode(name);
	}

	/** Moves on by `length` bytes and returns where they began. */
	skip(length: number): number {
		const start = this.offset;
		if (length > this.end - start) throw this.malformed(`claims ${length} bytes where ${this.end - start} are left`);
		this.offset = start + length;
		return start;
	}

	malformed(what: string): ModuleFault {
		return new ModuleFault("malformed", this.#section, `${what} at byte ${this.offset}`);
	}
}
