// JSON text (RFC 8259) to a JsonDocument. Strict: no comments, no trailing commas, valid UTF-8, bounded depth. A parser that
// repaired what it reads would let a plugin see another event than the bus sees.
import { HAS_ESCAPE, HAS_MULTIBYTE, JsonDocument } from "./json-document";
import { utf8SequenceLength } from "./utf8";

/** Deepest nesting of arrays and objects that is read. */
export const MAX_DEPTH: i32 = 128;

const ONES: u64 = 0x0101010101010101;
const HIGH: u64 = 0x8080808080808080;

export class JsonParser {
	readonly document: JsonDocument;
	/** What is wrong and at which byte; empty when nothing is. */
	fault: string = "";
	private base: usize;
	private at: usize;
	private end: usize;

	constructor(bytes: ArrayBuffer) {
		this.document = new JsonDocument(bytes);
		this.base = changetype<usize>(bytes);
		this.at = this.base;
		this.end = this.base + <usize>bytes.byteLength;
	}

	/** Reads the whole text as one value, the document's value number 0. False: see {@link fault}. */
	parse(): bool {
		if (!this.value(0)) return false;
		this.space();
		return this.at == this.end || this.fail("goes on after its end");
	}

	private fail(what: string): bool {
		this.fault = `JSON ${what} at byte ${this.at - this.base}`;
		return false;
	}

	private space(): void {
		while (this.at < this.end) {
			const byte = load<u8>(this.at);
			if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return;
			this.at++;
		}
	}

	private value(depth: i32): bool {
		this.space();
		if (this.at >= this.end) return this.fail("ends where a value should be");
		const byte = load<u8>(this.at);
		if (byte == 0x22) return this.string();
		if (byte == 0x7b) return this.object(depth);
		if (byte == 0x5b) return this.array(depth);
		if (byte == 0x2d || (byte >= 0x30 && byte <= 0x39)) return this.number();
		if (byte == 0x74) return this.literal(4, 0x65757274);
		if (byte == 0x6e) return this.literal(4, 0x6c6c756e);
		if (byte == 0x66) return this.literal(5, 0x65736c61);
		return this.fail("has no value");
	}

	/** `true`, `null`, `false`: the last four letters are compared as one little-endian word. */
	private literal(length: usize, letters: u32): bool {
		if (this.at + length > this.end || load<u32>(this.at + length - 4) != letters) return this.fail("has no value");
		const start = this.at;
		this.at += length;
		this.add(start, 0);
		return true;
	}

	private add(start: usize, extra: u32): void {
		this.document.add(<u32>(start - this.base), <u32>(this.at - this.base), extra);
	}

	private object(depth: i32): bool {
		if (depth >= MAX_DEPTH) return this.fail(`nests deeper than ${MAX_DEPTH} levels`);
		const self = this.document.add(<u32>(this.at - this.base), 0, 0);
		this.at++;
		this.space();
		if (this.is(0x7d)) return this.close(self);
		while (true) {
			this.space();
			if (!this.is(0x22)) return this.fail("has no member name");
			if (!this.string()) return false;
			this.space();
			if (!this.is(0x3a)) return this.fail("has no colon after a member name");
			this.at++;
			if (!this.value(depth + 1)) return false;
			this.space();
			if (this.is(0x7d)) return this.close(self);
			if (!this.is(0x2c)) return this.fail("has neither a comma nor a closing brace");
			this.at++;
		}
	}

	private array(depth: i32): bool {
		if (depth >= MAX_DEPTH) return this.fail(`nests deeper than ${MAX_DEPTH} levels`);
		const self = this.document.add(<u32>(this.at - this.base), 0, 0);
		this.at++;
		this.space();
		if (this.is(0x5d)) return this.close(self);
		while (true) {
			if (!this.value(depth + 1)) return false;
			this.space();
			if (this.is(0x5d)) return this.close(self);
			if (!this.is(0x2c)) return this.fail("has neither a comma nor a closing bracket");
			this.at++;
		}
	}

	private is(byte: u8): bool {
		return this.at < this.end && load<u8>(this.at) == byte;
	}

	private close(container: i32): bool {
		this.at++;
		this.document.close(container, <u32>(this.at - this.base));
		return true;
	}

	private number(): bool {
		const start = this.at;
		if (this.is(0x2d)) this.at++;
		if (this.is(0x30)) this.at++;
		else if (!this.digits()) return this.fail("has a number without digits");
		if (this.is(0x2e)) {
			this.at++;
			if (!this.digits()) return this.fail("has a number without digits after its point");
		}
		if (this.is(0x65) || this.is(0x45)) {
			this.at++;
			if (this.is(0x2b) || this.is(0x2d)) this.at++;
			if (!this.digits()) return this.fail("has a number without digits in its exponent");
		}
		this.add(start, 0);
		return true;
	}

	private digits(): bool {
		const start = this.at;
		while (this.at < this.end && <u32>load<u8>(this.at) - 0x30 < 10) this.at++;
		return this.at > start;
	}

	private string(): bool {
		const start = this.at;
		let flags: u32 = 0;
		this.at++;
		while (true) {
			this.plain();
			if (this.at >= this.end) return this.fail("ends inside a string");
			const byte = load<u8>(this.at);
			if (byte == 0x22) break;
			if (byte >= 0x80) {
				const length = utf8SequenceLength(this.at, this.end);
				if (length == 0) return this.fail("is not valid UTF-8");
				flags |= HAS_MULTIBYTE;
				this.at += length;
			} else if (byte == 0x5c) {
				flags |= HAS_ESCAPE;
				if (!this.escape()) return false;
			} else if (byte < 0x20) {
				return this.fail("has a control character in a string");
			} else {
				this.at++;
			}
		}
		this.at++;
		this.add(start, flags);
		return true;
	}

	/** Skips eight bytes at a time as long as none of them is special: a quote, a backslash, a control, above 0x7f. */
	private plain(): void {
		while (this.at + 8 <= this.end) {
			const word = load<u64>(this.at);
			const quote = word ^ (ONES * 0x22);
			const slash = word ^ (ONES * 0x5c);
			const special = word | ((word - ONES * 0x20) & ~word) | ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash);
			if ((special & HIGH) != 0) return;
			this.at += 8;
		}
	}

	private escape(): bool {
		if (this.at + 1 >= this.end) return this.fail("ends inside a string");
		const byte = load<u8>(this.at, 1);
		if (byte == 0x75) {
			if (this.at + 6 > this.end) return this.fail("ends inside a string");
			for (let index: usize = 2; index < 6; index++) {
				if (hexDigit(load<u8>(this.at + index)) < 0) return this.fail("has an escape \\u without four hex digits");
			}
			this.at += 6;
			return true;
		}
		if (unescaped(byte) == 0) return this.fail("has an unknown escape");
		this.at += 2;
		return true;
	}
}

/** Value of a hex digit; -1 for any other byte. */
export function hexDigit(byte: u8): i32 {
	const digit = <u32>byte - 0x30;
	if (digit < 10) return <i32>digit;
	const letter = (<u32>byte | 0x20) - 0x61;
	return letter < 6 ? <i32>letter + 10 : -1;
}

/** What a backslash and this letter stand for; 0 when nothing. */
export function unescaped(byte: u8): u8 {
	switch (byte) {
		case 0x22:
		case 0x5c:
		case 0x2f:
			return byte;
		case 0x62:
			return 0x08;
		case 0x66:
			return 0x0c;
		case 0x6e:
			return 0x0a;
		case 0x72:
			return 0x0d;
		case 0x74:
			return 0x09;
		default:
			return 0;
	}
}
