// Classes of UTF-16 code units, for scanners that look at a text unit by unit. `text.charCodeAt(i)` gives -1 outside of the
// text, and -1 belongs to no class, so that no scanner has to ask where the text ends.
import { newString } from "../json/utf8";

export function isDigit(unit: i32): bool {
	return <u32>unit - 0x30 < 10;
}

/** A–Z, a–z. */
export function isAsciiLetter(unit: i32): bool {
	return (<u32>unit | 0x20) - 0x61 < 26;
}

/** 0–9, A–Z, a–z. */
export function isAlphanumeric(unit: i32): bool {
	return isDigit(unit) || isAsciiLetter(unit);
}

/** 0–9, A–F, a–f. */
export function isHexDigit(unit: i32): bool {
	return isDigit(unit) || (<u32>unit | 0x20) - 0x61 < 6;
}

/** Letters of Latin, Greek and Cyrillic above ASCII. */
export function isExtendedLetter(unit: i32): bool {
	return unit >= 0xc0 && unit <= 0x52f && unit != 0xd7 && unit != 0xf7;
}

/** What can stand inside a word in a script with spaces: letters, digits, underscore. */
export function isWordUnit(unit: i32): bool {
	return isAlphanumeric(unit) || unit == 0x5f || isExtendedLetter(unit);
}

/** Ideographs, kana and hangul: scripts without spaces between words. */
export function isUnspacedLetter(unit: i32): bool {
	return (unit >= 0x3040 && unit <= 0x9fff) || (unit >= 0xac00 && unit <= 0xd7a3) || (unit >= 0xf900 && unit <= 0xfaff);
}

/** Space, tab, line breaks, no-break and typographic spaces. */
export function isSpace(unit: i32): bool {
	if (unit <= 0x20) return unit == 0x20 || (unit >= 0x09 && unit <= 0x0d);
	if (unit < 0xa0) return false;
	return (
		unit == 0xa0 ||
		(unit >= 0x2000 && unit <= 0x200a) ||
		unit == 0x2028 ||
		unit == 0x2029 ||
		unit == 0x202f ||
		unit == 0x205f ||
		unit == 0x3000
	);
}

/** Lower case of an ASCII letter; every other unit as it is. */
export function asciiLower(unit: i32): i32 {
	return <u32>unit - 0x41 < 26 ? unit + 32 : unit;
}

/** The text with its ASCII letters in lower case; everything else as it is, so no index moves. */
export function asciiLowerText(text: string): string {
	const lower = newString(text.length);
	for (let index = 0; index < text.length; index++) {
		store<u16>(changetype<usize>(lower) + ((<usize>index) << 1), <u16>asciiLower(text.charCodeAt(index)));
	}
	return lower;
}

/** True when `text` has `wanted` (ASCII, lower case) at an index, whatever the case of its letters. */
export function hasWordAt(text: string, index: i32, wanted: string): bool {
	for (let offset = 0; offset < wanted.length; offset++) {
		if (asciiLower(text.charCodeAt(index + offset)) != wanted.charCodeAt(offset)) return false;
	}
	return true;
}
