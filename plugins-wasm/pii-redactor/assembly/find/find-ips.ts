// IPv4 and IPv6 addresses. Version numbers, times and section numbers look alike, so the neighbours of a candidate count.
// Addresses that identify nobody (loopback, unspecified, netmasks) stay.
import { hasWordAt, isAlphanumeric, isAsciiLetter, isDigit, isHexDigit } from "@hookbus/plugin-as";
import { KIND_IP } from "../kind";
import { Matches } from "../matches";

/** Words before a number with four parts that make it a version. */
const VERSION_WORDS: StaticArray<string> = [
	"version",
	"versions",
	"ver",
	"release",
	"build",
	"firmware",
	"section",
	"chapter",
	"v",
];

export function findIps(text: string, matches: Matches): void {
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (!(isHexDigit(unit) || unit == 0x3a) || matches.isTaken(index)) continue;
		const before = text.charCodeAt(index - 1);
		let end = 0;
		if (!isAlphanumeric(before) && before != 0x5f && before != 0x3a && before != 0x2e) {
			end = sixEnd(text, index);
			if (end == 0 && isDigit(unit)) end = fourEnd(text, index);
		}
		if (end > 0) {
			matches.add(KIND_IP, index, end);
			index = end - 1;
		} else {
			while (isHexDigit(text.charCodeAt(index + 1))) index++;
		}
	}
}

/** First index after the IPv4 address that begins at `at`; 0 when none does. */
function fourEnd(text: string, at: i32): i32 {
	let index = at;
	let largest = 0;
	let first = 0;
	let sum = 0;
	for (let part = 0; part < 4; part++) {
		if (part > 0 && text.charCodeAt(index++) != 0x2e) return 0;
		const start = index;
		let value = 0;
		while (isDigit(text.charCodeAt(index)) && index - start < 4) value = value * 10 + text.charCodeAt(index++) - 0x30;
		if (index == start || value > 255 || (index - start > 1 && text.charCodeAt(start) == 0x30)) return 0;
		if (part == 0) first = value;
		largest = max(largest, value);
		sum += value;
	}
	if (isWordOrNumberAfter(text, index)) return 0;
	if (first == 127 || first == 255 || sum == 0) return 0;
	// Four single digits are a version or a section far more often than an address.
	return largest < 10 || isVersion(text, at) ? 0 : index;
}

function isWordOrNumberAfter(text: string, index: i32): bool {
	const unit = text.charCodeAt(index);
	if (isAlphanumeric(unit) || unit == 0x5f) return true;
	return (unit == 0x2e || unit == 0x2d) && isAlphanumeric(text.charCodeAt(index + 1));
}

/** True when a word like "version", or a product name and a slash, stands right before. */
function isVersion(text: string, at: i32): bool {
	let index = at - 1;
	if (text.charCodeAt(index) == 0x2f) return isAlphanumeric(text.charCodeAt(index - 1));
	while (text.charCodeAt(index) == 0x20 || text.charCodeAt(index) == 0x2e || text.charCodeAt(index) == 0x3a) index--;
	const end = index + 1;
	while (isAsciiLetter(text.charCodeAt(index))) index--;
	const length = end - index - 1;
	for (let word = 0; word < VERSION_WORDS.length; word++) {
		if (VERSION_WORDS[word].length == length && hasWordAt(text, index + 1, VERSION_WORDS[word])) return true;
	}
	return false;
}

/** First index after the IPv6 address that begins at `at`; 0 when none does. */
function sixEnd(text: string, at: i32): i32 {
	let index = at;
	let groups = 0;
	let gap = false;
	let digits = 0;
	if (text.charCodeAt(index) == 0x3a) {
		if (text.charCodeAt(index + 1) != 0x3a) return 0;
		gap = true;
		index += 2;
	}
	while (groups < 8) {
		const start = index;
		let decimals = 0;
		while (isHexDigit(text.charCodeAt(index)) && index - start < 5) {
			if (isDigit(text.charCodeAt(index))) decimals++;
			index++;
		}
		if (index == start) break;
		if (text.charCodeAt(index) == 0x2e && groups > 0 && (gap || groups == 6)) {
			const end = embeddedFourEnd(text, start);
			if (end == 0) return 0;
			groups += 2;
			digits += 4;
			index = end;
			break;
		}
		if (index - start > 4) return 0;
		groups++;
		digits += decimals;
		if (text.charCodeAt(index) != 0x3a) break;
		if (text.charCodeAt(index + 1) == 0x3a) {
			if (gap) return 0;
			gap = true;
			index += 2;
		} else if (isHexDigit(text.charCodeAt(index + 1))) {
			index++;
		} else {
			break;
		}
	}
	// Without a digit it is a word with colons; with a single group and nothing before it (`::1`) it is loopback.
	if (digits == 0 || (gap ? groups > 7 || groups < 2 : groups != 8)) return 0;
	const after = text.charCodeAt(index);
	if (isAlphanumeric(after) || after == 0x5f || (after == 0x3a && isHexDigit(text.charCodeAt(index + 1)))) return 0;
	return zoneEnd(text, index);
}

/** IPv4 at the end of an IPv6 address, without the rules about neighbours. */
function embeddedFourEnd(text: string, at: i32): i32 {
	let index = at;
	for (let part = 0; part < 4; part++) {
		if (part > 0 && text.charCodeAt(index++) != 0x2e) return 0;
		const start = index;
		let value = 0;
		while (isDigit(text.charCodeAt(index)) && index - start < 4) value = value * 10 + text.charCodeAt(index++) - 0x30;
		if (index == start || value > 255) return 0;
	}
	return index;
}

/** A zone such as %eth0 belongs to the address. */
function zoneEnd(text: string, at: i32): i32 {
	if (text.charCodeAt(at) != 0x25 || !isAlphanumeric(text.charCodeAt(at + 1))) return at;
	let index = at + 1;
	while (isAlphanumeric(text.charCodeAt(index))) index++;
	return index;
}
