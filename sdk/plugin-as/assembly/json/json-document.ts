// The bytes of a JSON text and an index of every value in it: twelve bytes for a value, no objects. Values are made from it
// only where somebody looks, and what nobody touched is written back as the bytes that came: numbers, escapes and order of
// members survive unchanged, and a large event costs little.

/** Set when the string holds a backslash. */
export const HAS_ESCAPE: u32 = 1;
/** Set when the string holds bytes above 0x7f. */
export const HAS_MULTIBYTE: u32 = 2;

const WORDS: i32 = 3;

export class JsonDocument {
	readonly bytes: ArrayBuffer;
	/** For each value in order of appearance: first byte, one past its last byte, and (see {@link next} and {@link flags}) a third word. */
	private tape: StaticArray<u32>;
	private count: i32 = 0;

	constructor(bytes: ArrayBuffer) {
		this.bytes = bytes;
		this.tape = new StaticArray<u32>((bytes.byteLength / 6 + 8) * WORDS);
	}

	/** Address of the first byte. */
	get base(): usize {
		return changetype<usize>(this.bytes);
	}

	/** Adds a value and returns its number. */
	add(start: u32, end: u32, extra: u32): i32 {
		const value = this.count;
		if ((value + 1) * WORDS > this.tape.length) this.grow();
		unchecked((this.tape[value * WORDS] = start));
		unchecked((this.tape[value * WORDS + 1] = end));
		unchecked((this.tape[value * WORDS + 2] = extra));
		this.count = value + 1;
		return value;
	}

	/** Sets the end of a container that was added when it began; everything added since is inside it. */
	close(value: i32, end: u32): void {
		this.tape[value * WORDS + 1] = end;
		this.tape[value * WORDS + 2] = <u32>this.count;
	}

	/** Offset of the value's first byte. */
	start(value: i32): u32 {
		return this.tape[value * WORDS];
	}

	/** Offset of the first byte after the value. */
	end(value: i32): u32 {
		return this.tape[value * WORDS + 1];
	}

	/** Of a string: {@link HAS_ESCAPE} and {@link HAS_MULTIBYTE}. */
	flags(value: i32): u32 {
		return this.tape[value * WORDS + 2];
	}

	/** Number of the value that follows this one and everything inside it. */
	next(value: i32): i32 {
		const first = load<u8>(this.base + this.start(value));
		return first == 0x7b || first == 0x5b ? <i32>this.tape[value * WORDS + 2] : value + 1;
	}

	private grow(): void {
		const larger = new StaticArray<u32>(this.tape.length * 2);
		memory.copy(changetype<usize>(larger), changetype<usize>(this.tape), (<usize>this.tape.length) << 2);
		this.tape = larger;
	}
}
