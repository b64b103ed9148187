// Words that announce a phone number. After one of them a run of digits is a phone number, whatever its form.
import { asciiLower, hasWordAt, isDigit, isWordUnit } from "@hookbus/plugin-as";

/** How far back a word may stand, in UTF-16 units. */
const REACH: i32 = 28;

const WORDS: StaticArray<string> = [
	"phone",
	"telephone",
	"tel",
	"mobile",
	"cell",
	"call",
	"fax",
	"whatsapp",
	"sms",
	"telefon",
	"telefonnummer",
	"handy",
	"handynummer",
	"rufnummer",
	"mobil",
	"mobilnummer",
	"festnetz",
	"portable",
	"movil",
	"celular",
	"telefono",
	"telefone",
	"cellulare",
];

/** The same with letters that are not ASCII, or in scripts without spaces. Matched as they stand. */
const FOREIGN: StaticArray<string> = [
	"téléphone",
	"Téléphone",
	"teléfono",
	"Teléfono",
	"móvil",
	"Móvil",
	"电话",
	"手机",
	"電話",
	"手機",
	"☎",
	"📞",
];

/** True when one of the words stands shortly before `at`, in the same line, with no digit in between. */
export function followsPhoneWord(text: string, at: i32): bool {
	let from = at;
	while (from > 0 && at - from < REACH) {
		const unit = text.charCodeAt(from - 1);
		if (isDigit(unit) || unit == 0x0a) break;
		from--;
	}
	for (let index = from; index < at; index++) {
		const unit = text.charCodeAt(index);
		if (unit > 0x7f || asciiLower(unit) == 0x74 || asciiLower(unit) == 0x6d) {
			if (isForeignWordAt(text, index)) return true;
		}
		if (isWordUnit(unit) && !isWordUnit(text.charCodeAt(index - 1)) && isWordAt(text, index)) return true;
	}
	return false;
}

function isWordAt(text: string, at: i32): bool {
	for (let index = 0; index < WORDS.length; index++) {
		const word = WORDS[index];
		if (asciiLower(text.charCodeAt(at)) != word.charCodeAt(0)) continue;
		if (hasWordAt(text, at, word) && !isWordUnit(text.charCodeAt(at + word.length))) return true;
	}
	return false;
}

function isForeignWordAt(text: string, at: i32): bool {
	for (let index = 0; index < FOREIGN.length; index++) {
		const word = FOREIGN[index];
		let length = 0;
		while (length < word.length && text.charCodeAt(at + length) == word.charCodeAt(length)) length++;
		if (length == word.length) return true;
	}
	return false;
}
