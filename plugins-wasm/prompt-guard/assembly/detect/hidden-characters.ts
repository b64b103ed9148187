// Characters that a reader does not see and a model reads: the tag block, runs of variation selectors, zero-width characters
// inside of words, and marks that turn the direction of the text around. Emoji, Arabic and Indic texts need some of them, so
// where they stand counts.
import { isAsciiLetter } from "@hookbus/plugin-as";
import { Findings, HIGH, LOW, MEDIUM } from "../findings";
import { HIDDEN_TEXT } from "../rules/rule-names";

/** Zero-width characters inside of Latin words that are suspicious, and that are certainly a message. */
const SUSPICIOUS: i32 = 3;
const MANY: i32 = 16;
/** Tags that the flag of a region needs: six letters at most, and the end mark. */
const FLAG_TAGS: i32 = 7;

/** @param mixedWords words of the text that mix Latin letters with look-alikes */
export function findHiddenCharacters(text: string, mixedWords: i32, findings: Findings): void {
	let tags = 0;
	let selectors = 0;
	let selectorRun = 0;
	let zeroWidth = 0;
	let overrides = 0;
	let rightToLeft = false;
	let flagTags = 0;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		// Most texts are ASCII, and an ASCII character hides nothing.
		if (unit < 0x80) {
			selectorRun = 0;
			flagTags = 0;
			continue;
		}
		if (unit >= 0x590 && unit <= 0x8ff) rightToLeft = true;
		if (unit == 0xdb40) {
			const next = text.charCodeAt(index + 1);
			// U+E0000 … U+E007F are tags; U+E0100 … U+E01EF are variation selectors.
			if (next >= 0xdc00 && next <= 0xdc7f) {
				if (flagTags > 0) flagTags--;
				else tags++;
			} else if (next >= 0xdd00 && next <= 0xddef) {
				selectors++;
			}
			index++;
		} else if (unit == 0xd83c && text.charCodeAt(index + 1) == 0xdff4) {
			// The black flag, which tags turn into the flag of England, Scotland or Wales.
			flagTags = FLAG_TAGS;
			index++;
		} else if (unit >= 0xfe00 && unit <= 0xfe0f) {
			selectorRun++;
			if (selectorRun >= 3) selectors++;
			continue;
		} else if (unit == 0x202d || unit == 0x202e) {
			overrides++;
		} else if (
			isZeroWidth(unit) &&
			isAsciiLetter(text.charCodeAt(index + 1)) &&
			(isAsciiLetter(text.charCodeAt(index - 1)) || isZeroWidth(text.charCodeAt(index - 1)))
		) {
			zeroWidth++;
		} else if (isZeroWidth(unit) && isZeroWidth(text.charCodeAt(index - 1))) {
			zeroWidth++;
		}
		selectorRun = 0;
	}
	if (tags >= 4) findings.add(HIDDEN_TEXT, HIGH, 1);
	if (selectors >= 4) findings.add(HIDDEN_TEXT, HIGH, 2);
	if (zeroWidth >= MANY) findings.add(HIDDEN_TEXT, HIGH, 3);
	else if (zeroWidth >= SUSPICIOUS) findings.add(HIDDEN_TEXT, MEDIUM, 3);
	if (overrides > 0) findings.add(HIDDEN_TEXT, rightToLeft ? LOW : MEDIUM, 4);
	if (mixedWords >= SUSPICIOUS) findings.add(HIDDEN_TEXT, MEDIUM, 5);
	else if (mixedWords > 0) findings.add(HIDDEN_TEXT, LOW, 5);
}

function isZeroWidth(unit: i32): bool {
	return (unit >= 0x200b && unit <= 0x200d) || (unit >= 0x2060 && unit <= 0x2064) || unit == 0xfeff;
}
