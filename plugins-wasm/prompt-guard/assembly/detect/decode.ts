// Texts inside of texts: base64, hex, escapes. Each function returns the decoded text, and an empty one when the run does not
// decode to something that a person could have written.
import { isAlphanumeric, isHexDigit, TextBuilder, utf8Text } from "@hookbus/plugin-as";

/** Units of base64 that are worth decoding; shorter ones hold no instruction. */
export const MIN_BASE64: i32 = 24;
/** Hex digits that are worth decoding. */
export const MIN_HEX: i32 = 32;
/** Escapes that make a text an escaped one: `Ignore%20previous%20instructions` has two. */
export const MIN_ESCAPES: i32 = 2;

export function isBase64Unit(unit: i32): bool {
	return isAlphanumeric(unit) || unit == 0x2b || unit == 0x2f || unit == 0x2d || unit == 0x5f;
}

/** First index after the base64 run at `from`; single line breaks inside of long lines belong to it. */
export function base64End(text: string, from: i32): i32 {
	let index = from;
	let line = from;
	while (true) {
		while (isBase64Unit(text.charCodeAt(index))) index++;
		let next = index;
		if (text.charCodeAt(next) == 0x0d) next++;
		if (text.charCodeAt(next) != 0x0a || index - line < 60 || !isBase64Unit(text.charCodeAt(next + 1))) return index;
		index = next + 1;
		line = index;
	}
}

export function decodeBase64(text: string, from: i32, to: i32): string {
	const bytes = new Uint8Array(((to - from) * 3) / 4 + 3);
	let count = 0;
	let bits = 0;
	let held = 0;
	for (let index = from; index < to; index++) {
		const value = base64Value(text.charCodeAt(index));
		if (value < 0) continue;
		bits = (bits << 6) | value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			bytes[count++] = <u8>(bits >> held);
			bits &= (1 << held) - 1;
		}
	}
	return readable(bytes, count);
}

function base64Value(unit: i32): i32 {
	if (unit >= 0x41 && unit <= 0x5a) return unit - 0x41;
	if (unit >= 0x61 && unit <= 0x7a) return unit - 0x61 + 26;
	if (unit >= 0x30 && unit <= 0x39) return unit - 0x30 + 52;
	if (unit == 0x2b || unit == 0x2d) return 62;
	return unit == 0x2f || unit == 0x5f ? 63 : -1;
}

/** First index after the hex run at `from`; single spaces, colons and commas may part its bytes. */
export function hexEnd(text: string, from: i32): i32 {
	let index = from;
	while (isHexDigit(text.charCodeAt(index)) && isHexDigit(text.charCodeAt(index + 1))) {
		index += 2;
		const unit = text.charCodeAt(index);
		if ((unit == 0x20 || unit == 0x3a || unit == 0x2c) && isHexDigit(text.charCodeAt(index + 1))) index++;
	}
	return index;
}

export function decodeHex(text: string, from: i32, to: i32): string {
	const bytes = new Uint8Array((to - from) / 2 + 1);
	let count = 0;
	let high = -1;
	for (let index = from; index < to; index++) {
		const unit = text.charCodeAt(index);
		if (!isHexDigit(unit)) continue;
		const value = hexValue(unit);
		if (high < 0) {
			high = value;
		} else {
			bytes[count++] = <u8>((high << 4) | value);
			high = -1;
		}
	}
	return readable(bytes, count);
}

function hexValue(unit: i32): i32 {
	return unit <= 0x39 ? unit - 0x30 : (unit | 0x20) - 0x61 + 10;
}

/** The text of these bytes when they are UTF-8 (or ASCII in UTF-16) and nearly all of it is printable; else empty. */
function readable(bytes: Uint8Array, count: i32): string {
	const length = withoutZeros(bytes, count);
	let odd = 0;
	for (let index = 0; index < length; index++) {
		const byte = bytes[index];
		if (byte < 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) odd++;
	}
	if (odd * 20 > length) return "";
	// The run may end inside of a character.
	for (let cut = 0; cut < 4 && cut < length; cut++) {
		const text = utf8Text(bytes, length - cut);
		if (text !== null) return text;
	}
	return "";
}

/** Turns ASCII in UTF-16 into ASCII, in place, and returns the new length. */
function withoutZeros(bytes: Uint8Array, count: i32): i32 {
	const high = count > 1 && bytes[1] == 0 ? 1 : 0;
	if (count < 2 || bytes[high] != 0) return count;
	for (let index = high; index < count; index += 2) if (bytes[index] != 0) return count;
	const length = count >> 1;
	for (let index = 0; index < length; index++) bytes[index] = bytes[2 * index + 1 - high];
	return length;
}

/** The text with `%41`, `\x41`, `\u0041`, `&#65;` and `&#x41;` resolved; empty when it has fewer than {@link MIN_ESCAPES} of them. */
export function decodeEscapes(text: string): string {
	let escapes = 0;
	const out = new TextBuilder(text.length);
	let index = 0;
	while (index < text.length) {
		const unit = text.charCodeAt(index);
		const length = unit == 0x25 || unit == 0x5c || unit == 0x26 ? escapeLength(text, index) : 0;
		if (length == 0) {
			out.addUnit(unit);
			index++;
		} else {
			out.addUnit(escapeValue(text, index, length));
			index += length;
			escapes++;
		}
	}
	return escapes >= MIN_ESCAPES ? out.toString() : "";
}

/** Units of the escape at `at`; 0 when none begins there. */
function escapeLength(text: string, at: i32): i32 {
	const unit = text.charCodeAt(at);
	if (unit == 0x25) return hexDigits(text, at + 1, 2) ? 3 : 0;
	if (unit == 0x5c) {
		const letter = text.charCodeAt(at + 1) | 0x20;
		if (letter == 0x78) return hexDigits(text, at + 2, 2) ? 4 : 0;
		return letter == 0x75 && hexDigits(text, at + 2, 4) ? 6 : 0;
	}
	if (text.charCodeAt(at + 1) != 0x23) return 0;
	for (let index = at + 2; index < at + 10; index++) {
		if (text.charCodeAt(index) == 0x3b) return index > at + 2 ? index - at + 1 : 0;
		if (!isAlphanumeric(text.charCodeAt(index))) return 0;
	}
	return 0;
}

function hexDigits(text: string, from: i32, count: i32): bool {
	for (let index = from; index < from + count; index++) if (!isHexDigit(text.charCodeAt(index))) return false;
	return true;
}

function escapeValue(text: string, at: i32, length: i32): i32 {
	const unit = text.charCodeAt(at);
	let index = at + (unit == 0x25 ? 1 : 2);
	const end = unit == 0x26 ? at + length - 1 : at + length;
	let radix = 16;
	if (unit == 0x26) {
		if ((text.charCodeAt(index) | 0x20) == 0x78) index++;
		else radix = 10;
	}
	let value = 0;
	for (; index < end; index++) {
		const digit = text.charCodeAt(index);
		if (!isHexDigit(digit)) return 0x20;
		value = (value * radix + hexValue(digit)) & 0xffff;
	}
	return value;
}
