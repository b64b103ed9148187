// A JSON string token to a string. Kept apart from the value type because it is the one place that knows escapes.
import { HAS_ESCAPE, JsonDocument } from "./json-document";
import { hexDigit, unescaped } from "./json-parser";
import { decodeUtf8, newString, shrinkString, storeUtf16, utf8CodePoint } from "./utf8";

/** The text of a string value of a document, escapes resolved. A half surrogate that was written as an escape stays one. */
export function decodeJsonString(document: JsonDocument, value: i32): string {
	const begin = document.base + <usize>document.start(value) + 1;
	const end = document.base + <usize>document.end(value) - 1;
	const flags = document.flags(value);
	if (flags == 0) return widen(begin, end);
	if ((flags & HAS_ESCAPE) == 0) return decodeUtf8(begin, end);
	return decodeEscaped(begin, end);
}

function widen(begin: usize, end: usize): string {
	const text = newString(<i32>(end - begin));
	let out = changetype<usize>(text);
	for (let at = begin; at < end; at++) {
		store<u16>(out, <u16>load<u8>(at));
		out += 2;
	}
	return text;
}

function decodeEscaped(begin: usize, end: usize): string {
	const text = newString(<i32>(end - begin));
	const from = changetype<usize>(text);
	let out = from;
	let at = begin;
	while (at < end) {
		const byte = load<u8>(at);
		if (byte == 0x5c) {
			const letter = load<u8>(at, 1);
			if (letter == 0x75) {
				store<u16>(out, hexUnit(at + 2));
				at += 6;
			} else {
				store<u16>(out, <u16>unescaped(letter));
				at += 2;
			}
			out += 2;
		} else if (byte < 0x80) {
			store<u16>(out, <u16>byte);
			out += 2;
			at++;
		} else {
			const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
			out += storeUtf16(out, utf8CodePoint(at, length));
			at += length;
		}
	}
	return shrinkString(text, out - from);
}

function hexUnit(at: usize): u16 {
	let unit = 0;
	for (let index: usize = 0; index < 4; index++) unit = (unit << 4) | hexDigit(load<u8>(at + index));
	return <u16>unit;
}
