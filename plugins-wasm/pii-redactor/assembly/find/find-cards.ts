// Payment card numbers: the number ranges of the card networks, their lengths, and the Luhn checksum. All three, because one
// number in ten passes the checksum by chance.
import { isAlphanumeric, isDigit } from "@hookbus/plugin-as";
import { KIND_CARD } from "../kind";
import { Matches } from "../matches";

const MIN_DIGITS: i32 = 12;
const MAX_DIGITS: i32 = 19;

export function findCards(text: string, matches: Matches): void {
	const digits = new StaticArray<i32>(MAX_DIGITS);
	for (let index = 0; index + MIN_DIGITS <= text.length; index++) {
		if (!isDigit(text.charCodeAt(index)) || matches.isTaken(index)) continue;
		const end = mayBegin(text, index) ? cardEnd(text, index, digits) : 0;
		if (end > 0) {
			matches.add(KIND_CARD, index, end);
			index = end - 1;
		} else {
			// On to the next group; inside of one no number begins.
			while (isDigit(text.charCodeAt(index + 1))) index++;
		}
	}
}

/** A number that is part of a word, a decimal, or a chain of hyphens begins nowhere. */
function mayBegin(text: string, at: i32): bool {
	const before = text.charCodeAt(at - 1);
	if (isAlphanumeric(before) || before == 0x5f) return false;
	if (before == 0x2d || before == 0x2e || before == 0x2c) return !isAlphanumeric(text.charCodeAt(at - 2));
	return true;
}

/** First index after the card number that begins at `at`; 0 when none does. The longest one wins. */
function cardEnd(text: string, at: i32, digits: StaticArray<i32>): i32 {
	let count = 0;
	let separator = 0;
	let end = 0;
	let index = at;
	while (count < MAX_DIGITS) {
		const unit = text.charCodeAt(index);
		if (isDigit(unit)) {
			digits[count++] = unit - 0x30;
			index++;
			if (!isDigit(text.charCodeAt(index)) && endsHere(text, index) && isCard(digits, count)) end = index;
		} else if (
			(unit == 0x20 || unit == 0x2d || unit == 0xa0) &&
			(separator == 0 || separator == unit) &&
			isDigit(text.charCodeAt(index + 1))
		) {
			separator = unit;
			index++;
		} else {
			break;
		}
	}
	return end;
}

function endsHere(text: string, index: i32): bool {
	const unit = text.charCodeAt(index);
	if (isAlphanumeric(unit) || unit == 0x5f) return false;
	return !((unit == 0x2e || unit == 0x2c) && isDigit(text.charCodeAt(index + 1)));
}

/** True when these digits are a card number of some network. */
export function isCard(digits: StaticArray<i32>, count: i32): bool {
	return count >= MIN_DIGITS && isNetworkNumber(digits, count) && passesLuhn(digits, count);
}

function isNetworkNumber(digits: StaticArray<i32>, count: i32): bool {
	const two = digits[0] * 10 + digits[1];
	const four = two * 100 + digits[2] * 10 + digits[3];
	if (digits[0] == 4) return count == 13 || count == 16 || count == 19; // Visa
	if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return count == 16; // Mastercard
	if (two == 34 || two == 37) return count == 15; // American Express
	if (four == 6011 || (four >= 6440 && four <= 6599) || two == 62) return count >= 16; // Discover, UnionPay
	if (two == 35) return count >= 16; // JCB
	if ((four >= 3000 && four <= 3059) || two == 36 || two == 38 || two == 39) return count >= 14; // Diners Club
	return (two == 50 || (two >= 56 && two <= 58) || two == 63 || two == 67) && count >= 12; // Maestro
}

function passesLuhn(digits: StaticArray<i32>, count: i32): bool {
	let sum = 0;
	let same = true;
	for (let index = 0; index < count; index++) {
		let digit = digits[count - 1 - index];
		if (digit != digits[0]) same = false;
		if ((index & 1) == 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return sum % 10 == 0 && !same;
}
