// Phone numbers: international ones with + or 00, national ones in forms that dates, prices and order numbers do not have, and
// any run of 7 to 15 digits after a word such as "phone". A number that fits none of these stays, because a conversation is
// full of numbers.
import { isAlphanumeric, isDigit, isSpace } from "@hookbus/plugin-as";
import { KIND_PHONE } from "../kind";
import { Matches } from "../matches";
import { callingCodeLength, isNationalLength } from "./calling-codes";
import { followsPhoneWord } from "./phone-words";

const MAX_DIGITS: i32 = 20;

/** The digits from some place on, cut into groups by separators. */
class Run {
	digits: StaticArray<i32> = new StaticArray<i32>(MAX_DIGITS);
	count: i32 = 0;
	groups: i32 = 0;
	/** Number of digits up to the end of each group. */
	groupDigits: StaticArray<i32> = new StaticArray<i32>(MAX_DIGITS);
	/** First index after each group. */
	groupEnds: StaticArray<i32> = new StaticArray<i32>(MAX_DIGITS);
	/** The unit after each group. */
	separators: StaticArray<i32> = new StaticArray<i32>(MAX_DIGITS);
}

export function findPhones(text: string, matches: Matches): void {
	const run = new Run();
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (!(isDigit(unit) || unit == 0x2b || unit == 0x28) || matches.isTaken(index)) continue;
		const end = mayBegin(text, index) ? phoneEnd(text, index, unit, run, matches) : 0;
		if (end > 0) {
			matches.add(KIND_PHONE, index, end);
			index = end - 1;
		} else if (isDigit(unit)) {
			while (isDigit(text.charCodeAt(index + 1))) index++;
		}
	}
}

function mayBegin(text: string, at: i32): bool {
	const before = text.charCodeAt(at - 1);
	if (isAlphanumeric(before) || before == 0x5f || before == 0x2b) return false;
	// A plus stands in front of nothing but a number.
	if (text.charCodeAt(at) == 0x2b) return true;
	const earlier = text.charCodeAt(at - 2);
	switch (before) {
		case 0x2c: // ,
		case 0x2e: // .
		case 0x3a: // :
			// `Berlin,030 901820` and `Tel.:030 901820`, but not inside of a decimal, an amount, a date or a time.
			return !isDigit(earlier);
		default:
			// Inside of a chain (`2024-0151-2345678`, `INV-0151-2345678`) no phone number begins.
			return !isSeparator(before) || isSpace(before) || before == 0x28 || !isAlphanumeric(earlier);
	}
}

function phoneEnd(text: string, at: i32, unit: i32, run: Run, matches: Matches): i32 {
	readRun(text, unit == 0x2b ? at + 1 : at, run, matches);
	if (run.count < 7) return 0;
	let end = 0;
	if (unit == 0x2b) {
		end = internationalEnd(run, 0);
	} else if (run.digits[0] == 0 && run.digits[1] == 0) {
		end = internationalEnd(run, 2);
	} else if (unit == 0x28) {
		end = parenthesisedEnd(run);
	} else {
		end = run.digits[0] == 0 ? trunkEnd(run) : northAmericanEnd(run);
	}
	if (end == 0 && unit != 0x2b && followsPhoneWord(text, at)) end = longestEnd(run, 7, 15);
	if (end == 0) return 0;
	const after = text.charCodeAt(end);
	return isAlphanumeric(after) || after == 0x40 || after == 0x5f ? 0 : end;
}

function isSeparator(unit: i32): bool {
	switch (unit) {
		case 0x20: // space
		case 0x28: // (
		case 0x29: // )
		case 0x2d: // -
		case 0x2e: // .
		case 0x2f: // /
		case 0xa0: // no-break space
		case 0x2009: // thin space
		case 0x2010: // hyphen
		case 0x2011: // no-break hyphen
		case 0x2013: // en dash
		case 0x202f: // narrow no-break space
			return true;
		default:
			return false;
	}
}

/** Reads digits with at most three separators between two of them. */
function readRun(text: string, from: i32, run: Run, matches: Matches): void {
	run.count = 0;
	run.groups = 0;
	let index = from;
	let separators = 0;
	let separator = 0;
	while (run.count < MAX_DIGITS && separators <= 3 && !matches.isTaken(index)) {
		const unit = text.charCodeAt(index);
		if (isDigit(unit)) {
			separators = 0;
			run.digits[run.count++] = unit - 0x30;
			if (!isDigit(text.charCodeAt(index + 1))) {
				separator = text.charCodeAt(index + 1);
				run.groupDigits[run.groups] = run.count;
				run.groupEnds[run.groups] = index + 1;
				run.separators[run.groups] = separator;
				run.groups++;
			}
		} else if (isSeparator(unit)) {
			separators++;
		} else {
			return;
		}
		index++;
	}
	// Cut in the middle of a group: what was read of it is no whole group.
	if (run.count == MAX_DIGITS && isDigit(text.charCodeAt(index)))
		run.count = run.groups > 0 ? run.groupDigits[run.groups - 1] : 0;
}

/** End of the longest whole-group prefix with so many digits; 0 when there is none. */
function longestEnd(run: Run, fewest: i32, most: i32): i32 {
	for (let group = run.groups - 1; group >= 0; group--) {
		if (run.groupDigits[group] >= fewest && run.groupDigits[group] <= most) return run.groupEnds[group];
	}
	return 0;
}

/** `+49 151 23456789`, `+49 (0) 30 1234567`, `0049 30 1234567`: a known country code and a length that this country has. */
function internationalEnd(run: Run, skip: i32): i32 {
	const digits = new StaticArray<i32>(MAX_DIGITS);
	for (let index = skip; index < run.count; index++) digits[index - skip] = run.digits[index];
	const length = callingCodeLength(digits);
	if (length == 0) return 0;
	let code = 0;
	for (let index = 0; index < length; index++) code = code * 10 + digits[index];
	// A zero in parentheses after the country code is not dialled.
	const trunk = code != 39 && digits[length] == 0 ? 1 : 0;
	if (code == 1 && digits[1] < 2) return 0;
	for (let group = run.groups - 1; group >= 0; group--) {
		const national = run.groupDigits[group] - skip - length - trunk;
		if (national > 0 && national + length <= 15 && isNationalLength(code, national)) return run.groupEnds[group];
	}
	return 0;
}

/** `(030) 1234567`, `(11) 98765-4321`, `(415) 555-2671`: an area code in parentheses. */
function parenthesisedEnd(run: Run): i32 {
	const area = run.groupDigits[0];
	if (run.separators[0] != 0x29 || area < 2 || area > 5) return 0;
	// A year or a footnote in parentheses.
	if (area == 4 && (run.digits[0] == 1 || run.digits[0] == 2)) return 0;
	for (let group = run.groups - 1; group > 0; group--) {
		const count = run.groupDigits[group];
		if (count >= 9 && count <= 12 && count - area >= 6) return run.groupEnds[group];
	}
	return 0;
}

/** `030 1234567`, `0151/23456789`, `06 12 34 56 78`: a zero, an area code, in groups; or a mobile number in one piece. */
function trunkEnd(run: Run): i32 {
	if (run.digits[1] == 0 || run.groupDigits[0] < 2 || isDate(run)) return 0;
	if (run.groups == 1 || run.groupDigits[0] > 6) return isMobile(run) ? run.groupEnds[0] : 0;
	return longestEnd(run, 9, 12);
}

/** French 06/07 with 10 digits, German 015–017 with 11 or 12, British 07 with 11. */
function isMobile(run: Run): bool {
	const count = run.groupDigits[0];
	const second = run.digits[1];
	if (count == 10) return second == 6 || second == 7;
	if (second == 1) return (count == 11 || count == 12) && run.digits[2] >= 5 && run.digits[2] <= 7;
	return second == 7 && count == 11;
}

/** `01.02.2024`, `01-02-24 12`: day, month and year, whatever follows; but not `06.12.34.56.78`. */
function isDate(run: Run): bool {
	if (run.groups < 3 || run.groupDigits[0] != 2 || run.groupDigits[1] != 4) return false;
	const year = run.groupDigits[2] - 4;
	if (year != 4 && !(year == 2 && run.separators[0] != 0x20 && run.separators[2] != run.separators[0])) return false;
	const day = run.digits[0] * 10 + run.digits[1];
	const month = run.digits[2] * 10 + run.digits[3];
	if (run.separators[0] != run.separators[1] || day > 31 || month > 31 || (day > 12 && month > 12)) return false;
	return year == 2 || run.digits[4] == 1 || run.digits[4] == 2;
}

/** `415-555-2671`, `415.555.2671`, `1-415-555-2671`: three, three and four digits; area and exchange begin with 2 to 9. */
function northAmericanEnd(run: Run): i32 {
	const first = run.digits[0] == 1 && run.groupDigits[0] == 1 ? 1 : 0;
	if (run.groups < first + 3) return 0;
	if (run.groupDigits[first] != first + 3 || run.groupDigits[first + 1] != first + 6 || run.groupDigits[first + 2] != first + 10)
		return 0;
	if (run.digits[first] < 2 || run.digits[first + 3] < 2) return 0;
	const separator = run.separators[first];
	if (separator == 0x20 || separator == 0x2f || run.separators[first + 1] != separator) return 0;
	// A number that goes on is an order number.
	if (run.groups > first + 3 && run.separators[first + 2] == separator) return 0;
	return run.groupEnds[first + 2];
}
