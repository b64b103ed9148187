// Recognises secrets by shapes that their issuers chose to be recognisable: API keys with a prefix, JSON web tokens, PEM
// private keys, passwords in URLs. One list, so that a redactor and a guard agree on what a secret is.
import { asciiLower, isAlphanumeric, isDigit, isSpace } from "./character-class";

/** Which units may follow a prefix: letters and digits; also `_` and `-`; also points; only A–Z and digits. */
const ALNUM: i32 = 0;
const TOKEN: i32 = 1;
const DOTTED: i32 = 2;
const CAPITALS: i32 = 3;

/** A prefix and what follows it. A digit must be among the first of what follows. */
class Shape {
	readonly prefix: string;
	readonly units: i32;
	readonly fewest: i32;
	readonly most: i32;

	constructor(prefix: string, units: i32, fewest: i32, most: i32 = i32.MAX_VALUE) {
		this.prefix = prefix;
		this.units = units;
		this.fewest = fewest;
		this.most = most;
	}
}

const SHAPES: StaticArray<Shape> = [
	new Shape("sk-", TOKEN, 20),
	new Shape("sk_live_", ALNUM, 16),
	new Shape("sk_test_", ALNUM, 16),
	new Shape("rk_live_", ALNUM, 16),
	new Shape("rk_test_", ALNUM, 16),
	new Shape("pk_live_", ALNUM, 16),
	new Shape("whsec_", TOKEN, 24),
	new Shape("ghp_", ALNUM, 36),
	new Shape("gho_", ALNUM, 36),
	new Shape("ghu_", ALNUM, 36),
	new Shape("ghs_", ALNUM, 36),
	new Shape("ghr_", ALNUM, 36),
	new Shape("github_pat_", TOKEN, 22),
	new Shape("glpat-", TOKEN, 20),
	new Shape("AKIA", CAPITALS, 16, 16),
	new Shape("ASIA", CAPITALS, 16, 16),
	new Shape("xoxb-", TOKEN, 10),
	new Shape("xoxp-", TOKEN, 10),
	new Shape("xoxa-", TOKEN, 10),
	new Shape("xoxr-", TOKEN, 10),
	new Shape("xoxs-", TOKEN, 10),
	new Shape("xoxe-", TOKEN, 10),
	new Shape("xapp-", TOKEN, 10),
	new Shape("AIza", TOKEN, 35, 35),
	new Shape("ya29.", TOKEN, 20),
	new Shape("npm_", ALNUM, 36, 36),
	new Shape("pypi-", TOKEN, 40),
	new Shape("hf_", ALNUM, 30),
	new Shape("SG.", DOTTED, 40),
	new Shape("dop_v1_", ALNUM, 64, 64),
	new Shape("shpat_", ALNUM, 32, 32),
	new Shape("xai-", ALNUM, 40),
	new Shape("gsk_", ALNUM, 40),
];

/**
 * Units in which a key must have a digit. Without a bound it would be read to its end again from every prefix inside of it:
 * half a minute for a text of `sk-sk-sk-`.
 */
const DIGIT_REACH: i32 = 96;
/** Units in which the first part of a web token must end when a hyphen stands before it, for the same reason. */
const HEADER_REACH: i32 = 256;

/**
 * Length of the secret that begins at `at`, in UTF-16 units; 0 when none does. The unit before `at` must not belong to a
 * word; the caller knows it and asks only there.
 */
export function secretLengthAt(text: string, at: i32): i32 {
	const first = text.charCodeAt(at);
	if (first == 0x2d) return privateKeyLength(text, at);
	if (first == 0x65 && text.charCodeAt(at + 1) == 0x79 && text.charCodeAt(at + 2) == 0x4a) return webTokenLength(text, at);
	for (let index = 0; index < SHAPES.length; index++) {
		const shape = SHAPES[index];
		if (!startsAt(text, at, shape.prefix)) continue;
		const length = followingLength(text, at + shape.prefix.length, shape);
		if (length > 0) return shape.prefix.length + length;
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
 * The password in `scheme://user:password@host`, when `at` is the colon of `://`: its length, and 0 when there is none, or
 * something that stands for one (`<password>`, `${PASSWORD}`, `***`, a placeholder). It begins at {@link urlPasswordStart}.
 */
export function urlPasswordLength(text: string, at: i32): i32 {
	const start = urlPasswordStart(text, at);
	if (start < 0) return 0;
	for (let index = start; index < start + 256; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x40) return isStandIn(text, start, index) ? 0 : index - start;
		if (unit < 0 || unit == 0x2f || isSpace(unit)) return 0;
	}
	return 0;
}

/** Brackets and braces do not occur in URLs, and nobody's password consists of asterisks. */
function isStandIn(text: string, start: i32, end: i32): bool {
	switch (text.charCodeAt(start)) {
		case 0x5b: // [
		case 0x3c: // <
		case 0x7b: // {
			return true;
		case 0x24: // $
			return text.charCodeAt(start + 1) == 0x7b;
		default:
			for (let index = start; index < end; index++) if (text.charCodeAt(index) != 0x2a) return false;
			return true;
	}
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

function startsAt(text: string, at: i32, wanted: string): bool {
	for (let index = 0; index < wanted.length; index++) {
		if (text.charCodeAt(at + index) != wanted.charCodeAt(index)) return false;
	}
	return true;
}

/** Number of units from `from` on that belong to a shape; 0 when they are too few, too many, or without a digit. */
function followingLength(text: string, from: i32, shape: Shape): i32 {
	let index = from;
	let digits = 0;
	while (belongs(text.charCodeAt(index), shape.units)) {
		if (isDigit(text.charCodeAt(index))) digits++;
		else if (digits == 0 && index - from >= DIGIT_REACH) return 0;
		index++;
	}
	// A sentence may end right after the secret.
	while (index > from && !isAlphanumeric(text.charCodeAt(index - 1))) index--;
	const length = index - from;
	return length >= shape.fewest && length <= shape.most && digits > 0 ? length : 0;
}

function belongs(unit: i32, units: i32): bool {
	if (isDigit(unit)) return true;
	if (units == CAPITALS) return <u32>unit - 0x41 < 26;
	return isAlphanumeric(unit) || (units != ALNUM && isTokenUnit(unit)) || (units == DOTTED && unit == 0x2e);
}

/** What base64url and most keys consist of: letters, digits, underscore, hyphen. */
function isTokenUnit(unit: i32): bool {
	return isAlphanumeric(unit) || unit == 0x5f || unit == 0x2d;
}

/** `eyJ….….…`: three parts of base64url, the last one may be empty (an unsigned token). */
function webTokenLength(text: string, at: i32): i32 {
	const reach = text.charCodeAt(at - 1) == 0x2d ? at + HEADER_REACH : i32.MAX_VALUE;
	let index = at;
	for (let part = 0; part < 2; part++) {
		const start = index;
		while (isTokenUnit(text.charCodeAt(index)) && (part > 0 || index < reach)) index++;
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
