// International bank account numbers (ISO 13616): country, length of that country, and the check digits (mod 97).
import { isAlphanumeric, isAsciiLetter, isDigit } from "@hookbus/plugin-as";
import { KIND_IBAN } from "../kind";
import { Matches } from "../matches";

/** Country code and length, from the IBAN registry of SWIFT. */
const COUNTRIES: string =
	"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

export function findIbans(text: string, matches: Matches): void {
	let before = -1;
	for (let index = 0; index + 14 < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (
			isAsciiLetter(unit) &&
			!isAlphanumeric(before) &&
			isDigit(text.charCodeAt(index + 2)) &&
			isDigit(text.charCodeAt(index + 3))
		) {
			const end = ibanEnd(text, index);
			if (end > 0) {
				matches.add(KIND_IBAN, index, end);
				index = end - 1;
			}
		}
		before = text.charCodeAt(index);
	}
}

function countryLength(text: string, at: i32): i32 {
	const first = text.charCodeAt(at) & ~0x20;
	const second = text.charCodeAt(at + 1) & ~0x20;
	for (let index = 0; index < COUNTRIES.length; index += 4) {
		if (COUNTRIES.charCodeAt(index) == first && COUNTRIES.charCodeAt(index + 1) == second) {
			return (COUNTRIES.charCodeAt(index + 2) - 0x30) * 10 + COUNTRIES.charCodeAt(index + 3) - 0x30;
		}
	}
	return 0;
}

/** First index after the IBAN that begins at `at`; 0 when none does. Single spaces and hyphens may stand between groups. */
function ibanEnd(text: string, at: i32): i32 {
	const wanted = countryLength(text, at);
	if (wanted == 0) return 0;
	let read = 0;
	let head = 0;
	let remainder = 0;
	let index = at;
	for (; read < wanted; index++) {
		const unit = text.charCodeAt(index);
		if (isAlphanumeric(unit)) {
			const value = isDigit(unit) ? unit - 0x30 : (unit | 0x20) - 0x61 + 10;
			// The first four characters count last.
			if (read < 4) head = value > 9 ? (head * 100 + value) % 97 : (head * 10 + value) % 97;
			else remainder = value > 9 ? (remainder * 100 + value) % 97 : (remainder * 10 + value) % 97;
			read++;
		} else if (!isSeparator(unit) || !isAlphanumeric(text.charCodeAt(index + 1)) || read < 4) {
			return 0;
		}
	}
	if (isAlphanumeric(text.charCodeAt(index))) return 0;
	// Two letters and two digits shift what stands before them by six decimal places.
	return (remainder * (1000000 % 97) + head) % 97 == 1 ? index : 0;
}

function isSeparator(unit: i32): bool {
	return unit == 0x20 || unit == 0x2d || unit == 0xa0 || unit == 0x202f;
}
