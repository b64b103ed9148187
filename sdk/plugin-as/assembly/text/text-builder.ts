// Builds a long text piece by piece. Adding strings with `+` copies everything so far each time, and with the stub runtime
// none of those copies is ever freed.
import { newString } from "../json/utf8";

export class TextBuilder {
	private buffer: ArrayBuffer;
	private units: i32 = 0;

	/** @param capacity UTF-16 units to begin with; it grows by itself */
	constructor(capacity: i32 = 256) {
		this.buffer = new ArrayBuffer(max(capacity, 16) << 1);
	}

	/** UTF-16 units so far. */
	get length(): i32 {
		return this.units;
	}

	/** Appends a text and returns this builder. */
	add(text: string): TextBuilder {
		return this.addRange(text, 0, text.length);
	}

	/** Appends the units from `from` up to, not including, `to`. */
	addRange(text: string, from: i32, to: i32): TextBuilder {
		const count = to - from;
		if (count <= 0) return this;
		assert(from >= 0 && to <= text.length, "range outside of the text");
		this.reserve(count);
		memory.copy(
			changetype<usize>(this.buffer) + ((<usize>this.units) << 1),
			changetype<usize>(text) + ((<usize>from) << 1),
			(<usize>count) << 1,
		);
		this.units += count;
		return this;
	}

	/** Appends one UTF-16 unit. */
	addUnit(unit: i32): TextBuilder {
		this.reserve(1);
		store<u16>(changetype<usize>(this.buffer) + ((<usize>this.units) << 1), <u16>unit);
		this.units++;
		return this;
	}

	/** What was added so far. */
	toString(): string {
		const text = newString(this.units);
		memory.copy(changetype<usize>(text), changetype<usize>(this.buffer), (<usize>this.units) << 1);
		return text;
	}

	private reserve(more: i32): void {
		const needed = (this.units + more) << 1;
		const capacity = this.buffer.byteLength;
		if (needed <= capacity) return;
		this.buffer = changetype<ArrayBuffer>(__renew(changetype<usize>(this.buffer), max(needed, capacity * 2)));
	}
}
