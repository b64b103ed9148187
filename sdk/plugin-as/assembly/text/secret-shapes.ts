// Recognises secrets by shapes that their issuers chose to be recognisable: API keys with a prefix, JSON web tokens, PEM
// private keys, passwords in URLs. One list, so that a redactor and a guard agree on what a secret is.
import { asciiLower, isAlphanumeric, isDigit, isSpace } from "./character-class";

/**
 * Prefix, which units may follow it (`alnum`, `token`: also _ and -, `dotted`: also points, `capitals`: A–Z and digits),
 * fewest units that follow, most units (absent: any number). A digit must be among them.
 */
const SHAPES: StaticArray<string> = [
	"sk- token 20",
	"sk_live_ alnum 16",
	"sk_test_ alnum 16",
	"rk_live_ alnum 16",
	"rk_test_ alnum 16",
	"pk_live_ alnum 16",
	"whsec_ token 24",
	"ghp_ alnum 36",
	"gho_ alnum 36",
	"ghu_ alnum 36",
	"ghs_ alnum 36",
	"ghr_ alnum 36",
	"github_pat_ token 22",
	"glpat- token 20",
	"AKIA capitals 16 16",
	"ASIA capitals 16 16",
	"xoxb- token 10",
	"xoxp- token 10",
	"xoxa- token 10",
	"xoxr- token 10",
	"xoxs- token 10",
	"xoxe- token 10",
	"xapp- token 10",
	"AIza token 35 35",
	"ya29. token 20",
	"npm_ alnum 36 36",
	"pypi- token 40",
	"hf_ alnum 30",
	"SG. dotted 40",
	"dop_v1_ alnum 64 64",
	"shpat_ alnum 32 32",
	"xai- alnum 40",
	"gsk_ alnum 40",
];

/**
 * Length of the secret that begins at `at`, in UTF-16 units; 0 when none does. The unit before `at` must not belong to a
 * word; the caller knows it and asks only there.
 */
export function secretLengthAt(text: string, at: i32): i32 {
	const first = text.charCodeAt(at);
	if (first == 0x2d) return privateKeyLength(text, at);
	if (first == 0x65 && text.charCodeAt(at + 1) == 0x79 && text.charCodeAt(at + 2) == 0x4a) return webTokenLength(text, at);
	for (let index = 0; index < SHAPES.length; index++) {
		const prefix = prefixLengthAt(text, at, SHAPES[index]);
		if (prefix == 0) continue;
		const words = SHAPES[index].split(" ");
		const most = words.length > 3 ? I32.parseInt(words[3]) : i32.MAX_VALUE;
		const length = followingLength(text, at + prefix, words[1], I32.parseInt(words[2]), most);
		if (length > 0) return prefix + length;
	}
	return 0;
}

/** True when a secret can begin with this unit; a cheap question before {@link secretLengthAt}. */
export function mayBeginSecret(unit: i32): bool {
	switch (unit) {
		case 0x2d: // -
		case 0x41: // A
		case 0x53: // S
		case 0x64: // d
		case 0x65: // e
		case 0x67: // g
		case 0x68: // h
		case 0x6b: // k
		case 0x6e: // n
		case 0x70: // p
		case 0x72: // r
		case 0x73: // s
		case 0x77: // w
		case 0x78: // x
		case 0x79: // y
			return true;
		default:
			return false;
	}
}

/**
 * The password in `scheme://user:password@host`, when `at` is the colon of `://`: its length, and 0 when there is none.
 * It begins at {@link urlPasswordStart}.
 */
export function urlPasswordLength(text: string, at: i32): i32 {
	const start = urlPasswordStart(text, at);
	if (start < 0) return 0;
	for (let index = start; index < start + 256; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x40) return index - start;
		if (unit < 0 || unit == 0x2f || isSpace(unit)) return 0;
	}
	return 0;
}

/** Where the password of `scheme://user:password@host` would begin, when `at` is the colon of `://`; -1 when nowhere. */
export function urlPasswordStart(text: string, at: i32): i32 {
	if (text.charCodeAt(at) != 0x3a || text.charCodeAt(at + 1) != 0x2f || text.charCodeAt(at + 2) != 0x2f) return -1;
	for (let index = at + 3; index < at + 131; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x3a) return index + 1;
		if (unit < 0 || unit == 0x2f || unit == 0x40 || isSpace(unit)) return -1;
	}
	return -1;
}

/** Length of a shape's prefix when the text has it at `at`; 0 when not. Makes no strings: it is asked for most words of a text. */
function prefixLengthAt(text: string, at: i32, shape: string): i32 {
	let index = 0;
	while (shape.charCodeAt(index) != 0x20) {
		if (text.charCodeAt(at + index) != shape.charCodeAt(index)) return 0;
		index++;
	}
	return index;
}

function startsAt(text: string, at: i32, wanted: string): bool {
	for (let index = 0; index < wanted.length; index++) {
		if (text.charCodeAt(at + index) != wanted.charCodeAt(index)) return false;
	}
	return true;
}

/** Number of units from `from` on that belong to a class; 0 when they are too few, too many, or without a digit. */
function followingLength(text: string, from: i32, kind: string, fewest: i32, most: i32): i32 {
	let index = from;
	let digits = 0;
	while (belongs(text.charCodeAt(index), kind)) {
		if (isDigit(text.charCodeAt(index))) digits++;
		index++;
	}
	// A sentence may end right after the secret.
	while (index > from && !isAlphanumeric(text.charCodeAt(index - 1))) index--;
	const length = index - from;
	return length >= fewest && length <= most && digits > 0 ? length : 0;
}

function belongs(unit: i32, kind: string): bool {
	if (isDigit(unit)) return true;
	if (kind == "capitals") return <u32>unit - 0x41 < 26;
	return isAlphanumeric(unit) || (kind != "alnum" && isTokenUnit(unit)) || (kind == "dotted" && unit == 0x2e);
}

/** What base64url and most keys consist of: letters, digits, underscore, hyphen. */
function isTokenUnit(unit: i32): bool {
	return isAlphanumeric(unit) || unit == 0x5f || unit == 0x2d;
}

/** `eyJ….….…`: three parts of base64url, the last one may be empty (an unsigned token). */
function webTokenLength(text: string, at: i32): i32 {
	let index = at;
	for (let part = 0; part < 2; part++) {
		const start = index;
		while (isTokenUnit(text.charCodeAt(index))) index++;
		if (index - start < 10 || text.charCodeAt(index) != 0x2e) return 0;
		index++;
		if (part == 0 && !startsAt(text, index, "eyJ")) return 0;
	}
	while (isTokenUnit(text.charCodeAt(index))) index++;
	return index - at;
}

/** A PEM block of a private key, up to its END line; up to the end of the text when that line is missing. */
function privateKeyLength(text: string, at: i32): i32 {
	if (!startsAt(text, at, "-----BEGIN ")) return 0;
	let index = at + 11;
	while (index < at + 60 && !startsAt(text, index, "PRIVATE KEY")) {
		const unit = asciiLower(text.charCodeAt(index));
		if (!isAlphanumeric(unit) && unit != 0x20) return 0;
		index++;
	}
	if (index >= at + 60) return 0;
	const end = text.indexOf("-----END ", index);
	if (end < 0) return text.length - at;
	const close = text.indexOf("-----", end + 9);
	return (close < 0 ? text.length : close + 5) - at;
}
