// E-mail addresses as people write them in text. Not the whole grammar of RFC 5322: quoted local parts and address literals
// do not occur in chats, and `icon@2x.png`, `git@host:path` and `pkg@1.2.3` do.
import { hasWordAt, isAlphanumeric, isAsciiLetter, isDigit, isExtendedLetter } from "@hookbus/plugin-as";
import { KIND_EMAIL } from "../kind";
import { Matches } from "../matches";

const MAX_LOCAL: i32 = 128;
const MAX_DOMAIN: i32 = 255;

export function findEmails(text: string, matches: Matches): void {
	for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
		if (matches.isTaken(at)) continue;
		const start = localStart(text, at, matches);
		if (start == at) continue;
		const end = domainEnd(text, at + 1, matches);
		if (end == 0 || isImageName(text, at + 1, end) || isRepository(text, start, at, end)) continue;
		matches.add(KIND_EMAIL, start, end);
	}
}

function localStart(text: string, at: i32, matches: Matches): i32 {
	let start = at;
	while (at - start < MAX_LOCAL && isLocalUnit(text.charCodeAt(start - 1)) && !matches.isTaken(start - 1)) start--;
	// Punctuation in front belongs to the sentence; a point right before the @ is no address.
	while (
		start < at &&
		!isAlphanumeric(text.charCodeAt(start)) &&
		!isExtendedLetter(text.charCodeAt(start)) &&
		text.charCodeAt(start) != 0x5f
	)
		start++;
	return text.charCodeAt(at - 1) == 0x2e ? at : start;
}

function isLocalUnit(unit: i32): bool {
	if (isAlphanumeric(unit) || isExtendedLetter(unit)) return true;
	switch (unit) {
		case 0x25: // %
		case 0x27: // '
		case 0x2b: // +
		case 0x2d: // -
		case 0x2e: // .
		case 0x5f: // _
			return true;
		default:
			return false;
	}
}

/** First index after the domain that begins at `from`; 0 when there is none. */
function domainEnd(text: string, from: i32, matches: Matches): i32 {
	let labelStart = from;
	let labels = 0;
	let end = 0;
	for (let index = from; index <= from + MAX_DOMAIN; index++) {
		const unit = text.charCodeAt(index);
		if ((isAlphanumeric(unit) || unit == 0x2d || isExtendedLetter(unit)) && !matches.isTaken(index)) continue;
		const length = index - labelStart;
		if (length == 0 || length > 63 || text.charCodeAt(labelStart) == 0x2d) break;
		labels++;
		if (labels > 1 && isTopLevel(text, labelStart, index)) end = trimHyphens(text, index);
		if (unit != 0x2e) break;
		labelStart = index + 1;
	}
	return end;
}

function trimHyphens(text: string, end: i32): i32 {
	let index = end;
	while (text.charCodeAt(index - 1) == 0x2d) index--;
	return index;
}

/** Two letters or more, or an encoded international name. */
function isTopLevel(text: string, from: i32, to: i32): bool {
	if (hasWordAt(text, from, "xn--")) return to - from > 6;
	const end = trimHyphens(text, to);
	if (end - from < 2) return false;
	for (let index = from; index < end; index++) {
		const unit = text.charCodeAt(index);
		if (!isAsciiLetter(unit) && !isExtendedLetter(unit)) return false;
	}
	return true;
}

/** `icon@2x.png`: a picture for dense screens. */
function isImageName(text: string, from: i32, to: i32): bool {
	let index = from;
	while (isDigit(text.charCodeAt(index))) index++;
	if (index == from || text.charCodeAt(index) != 0x78 || text.charCodeAt(index + 1) != 0x2e) return false;
	return to - index <= 6;
}

/** `git@github.com:owner/name`: the same user for everybody. */
function isRepository(text: string, start: i32, at: i32, end: i32): bool {
	return at - start == 3 && hasWordAt(text, start, "git") && text.charCodeAt(end) == 0x3a;
}
