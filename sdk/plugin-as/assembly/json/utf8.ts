// UTF-8 at the level of bytes: what is valid, how AssemblyScript's UTF-16 strings become bytes, and back. The bus refuses
// output that is not UTF-8, so half surrogates must never reach it.

/**
 * Length in bytes of the UTF-8 sequence of more than one byte that begins at `at`; 0 when it is not valid (overlong, a
 * surrogate, above U+10FFFF, cut off).
 */
export function utf8SequenceLength(at: usize, end: usize): i32 {
	const first = <u32>load<u8>(at);
	if (first < 0xc2 || first > 0xf4) return 0;
	const length: usize = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (at + length > end) return 0;
	const second = <u32>load<u8>(at, 1);
	if ((second & 0xc0) != 0x80) return 0;
	if (first == 0xe0 && second < 0xa0) return 0;
	if (first == 0xed && second > 0x9f) return 0;
	if (first == 0xf0 && second < 0x90) return 0;
	if (first == 0xf4 && second > 0x8f) return 0;
	if (length > 2 && (load<u8>(at, 2) & 0xc0) != 0x80) return 0;
	if (length > 3 && (load<u8>(at, 3) & 0xc0) != 0x80) return 0;
	return <i32>length;
}

/** Code point of the valid sequence of `length` bytes (2, 3 or 4) at `at`. */
export function utf8CodePoint(at: usize, length: i32): u32 {
	const first = <u32>load<u8>(at);
	const second = <u32>load<u8>(at, 1) & 0x3f;
	if (length == 2) return ((first & 0x1f) << 6) | second;
	const third = <u32>load<u8>(at, 2) & 0x3f;
	if (length == 3) return ((first & 0x0f) << 12) | (second << 6) | third;
	return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (<u32>load<u8>(at, 3) & 0x3f);
}

/** Writes a code point above U+007F as UTF-8 and returns the number of bytes (2, 3 or 4). */
export function storeUtf8(at: usize, codePoint: u32): usize {
	if (codePoint < 0x800) {
		store<u8>(at, <u8>(0xc0 | (codePoint >> 6)));
		store<u8>(at, <u8>(0x80 | (codePoint & 0x3f)), 1);
		return 2;
	}
	if (codePoint < 0x10000) {
		store<u8>(at, <u8>(0xe0 | (codePoint >> 12)));
		store<u8>(at, <u8>(0x80 | ((codePoint >> 6) & 0x3f)), 1);
		store<u8>(at, <u8>(0x80 | (codePoint & 0x3f)), 2);
		return 3;
	}
	store<u8>(at, <u8>(0xf0 | (codePoint >> 18)));
	store<u8>(at, <u8>(0x80 | ((codePoint >> 12) & 0x3f)), 1);
	store<u8>(at, <u8>(0x80 | ((codePoint >> 6) & 0x3f)), 2);
	store<u8>(at, <u8>(0x80 | (codePoint & 0x3f)), 3);
	return 4;
}

/** A string as UTF-8. Half surrogates become U+FFFD, because UTF-8 cannot hold them. */
export function encodeUtf8(text: string): ArrayBuffer {
	const units = text.length;
	const bytes = new ArrayBuffer(units * 3);
	const begin = changetype<usize>(bytes);
	let out = begin;
	for (let index = 0; index < units; index++) {
		const codePoint = wholeCodePoint(text, index);
		if (codePoint < 0x80) {
			store<u8>(out, <u8>codePoint);
			out++;
			continue;
		}
		out += storeUtf8(out, codePoint);
		if (codePoint > 0xffff) index++;
	}
	return bytes.slice(0, <i32>(out - begin));
}

/** Code point at an index of a string; U+FFFD for a half surrogate. */
export function wholeCodePoint(text: string, index: i32): u32 {
	const unit = <u32>text.charCodeAt(index);
	if ((unit & 0xf800) != 0xd800) return unit;
	if (unit > 0xdbff) return 0xfffd;
	const next = text.charCodeAt(index + 1);
	if ((next & ~0x3ff) != 0xdc00) return 0xfffd;
	return 0x10000 + ((unit & 0x3ff) << 10) + (<u32>next & 0x3ff);
}

/** A string from valid UTF-8. */
export function decodeUtf8(begin: usize, end: usize): string {
	const text = newString(<i32>(end - begin));
	const from = changetype<usize>(text);
	let out = from;
	let at = begin;
	while (at < end) {
		const byte = <u32>load<u8>(at);
		if (byte < 0x80) {
			store<u16>(out, <u16>byte);
			out += 2;
			at++;
			continue;
		}
		const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
		out += storeUtf16(out, utf8CodePoint(at, length));
		at += length;
	}
	return shrinkString(text, out - from);
}

/** A string from any bytes: each byte that is no part of valid UTF-8 becomes U+FFFD. */
export function decodeText(bytes: ArrayBuffer): string {
	const text = newString(bytes.byteLength);
	const from = changetype<usize>(text);
	let out = from;
	let at = changetype<usize>(bytes);
	const end = at + bytes.byteLength;
	while (at < end) {
		const byte = <u32>load<u8>(at);
		const length = byte < 0x80 ? 1 : utf8SequenceLength(at, end);
		out += storeUtf16(out, byte < 0x80 ? byte : length == 0 ? 0xfffd : utf8CodePoint(at, length));
		at += max(length, 1);
	}
	return shrinkString(text, out - from);
}

/** The text of the first `count` bytes; null when they are not valid UTF-8. */
export function utf8Text(bytes: Uint8Array, count: i32): string | null {
	let at = bytes.dataStart;
	const end = at + min(count, bytes.length);
	while (at < end) {
		const length = load<u8>(at) < 0x80 ? 1 : utf8SequenceLength(at, end);
		if (length == 0) return null;
		at += length;
	}
	return decodeUtf8(bytes.dataStart, end);
}

/** Writes a code point as UTF-16 and returns the number of bytes (2 or 4). */
export function storeUtf16(at: usize, codePoint: u32): usize {
	if (codePoint < 0x10000) {
		store<u16>(at, <u16>codePoint);
		return 2;
	}
	store<u16>(at, <u16>(0xd7c0 + (codePoint >> 10)));
	store<u16>(at, <u16>(0xdc00 | (codePoint & 0x3ff)), 2);
	return 4;
}

/** An unwritten string of `units` UTF-16 code units, for code that fills it at once. */
export function newString(units: i32): string {
	return changetype<string>(__new((<usize>units) << 1, idof<string>()));
}

/** Cuts a string made by {@link newString} to the bytes that were written. */
export function shrinkString(text: string, bytes: usize): string {
	return changetype<string>(__renew(changetype<usize>(text), bytes));
}
