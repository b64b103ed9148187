// A text as the rules see it: lower-case letters without accents, digits, ideographs, and single spaces for everything else.
// Invisible characters are gone, look-alikes are replaced, so that one spelling in the rules meets all spellings in a text.
import { isAsciiLetter, isDigit, isSpace, isUnspacedLetter } from "@hookbus/plugin-as";
import { digitLetter, latinBase, lookAlike, styledBase } from "./look-alikes";

const SPACE: u16 = 0x20;

/** What a text has, counted while it is folded; most detectors need something that most texts do not have. */
export class Signs {
	/** Units above ASCII. */
	foreign: i32 = 0;
	digits: i32 = 0;
	/** `<`, `[` and `"`. */
	brackets: i32 = 0;
	/** `:` and `#`. */
	colons: i32 = 0;
	/** `%`, `\\` and `&`. */
	escapes: i32 = 0;
	/** Most letters, digits, `+`, `/`, `-` and `_` in a row. */
	longestRun: i32 = 0;
	/** Words of one letter. */
	singles: i32 = 0;
}

export class FoldedText {
	units: StaticArray<u16>;
	length: i32 = 0;
	/** Words that mix Latin letters with letters that only look Latin. */
	mixedWords: i32 = 0;
	/** What else stood in the text before it was folded. */
	readonly signs: Signs = new Signs();
	private wordStart: i32 = 0;
	private wordLetters: i32 = 0;
	private wordDigits: i32 = 0;
	private wordFakes: i32 = 0;

	constructor(capacity: i32) {
		this.units = new StaticArray<u16>(capacity + 2);
	}

	/** Unit at an index; -1 outside of the text. */
	at(index: i32): i32 {
		return <u32>index < <u32>this.length ? <i32>unchecked(this.units[index]) : -1;
	}

	/** True when a word may begin at this index: the unit before it is no Latin letter and no digit. */
	isWordStart(index: i32): bool {
		return !isFoldedWordUnit(this.at(index - 1));
	}

	/** True when the text stands at an index. */
	hasAt(index: i32, text: string): bool {
		for (let offset = 0; offset < text.length; offset++) {
			if (this.at(index + offset) != text.charCodeAt(offset)) return false;
		}
		return true;
	}

	/** Index of the text at or after `from`; -1 when there is none. */
	indexOf(text: string, from: i32 = 0): i32 {
		const first = text.charCodeAt(0);
		for (let index = from; index + text.length <= this.length; index++) {
			if (<i32>unchecked(this.units[index]) == first && this.hasAt(index, text)) return index;
		}
		return -1;
	}

	toString(): string {
		return String.UTF16.decodeUnsafe(changetype<usize>(this.units), (<usize>this.length) << 1);
	}

	private push(unit: i32): void {
		unchecked((this.units[this.length] = <u16>unit));
		this.length++;
	}

	/** Adds a letter or digit of a word. */
	letter(unit: i32, isFake: bool): void {
		if (isDigit(unit)) this.wordDigits++;
		else if (isFake) this.wordFakes++;
		else this.wordLetters++;
		this.push(unit);
	}

	/** Adds an ideograph, or a letter of another script; words do not count there. */
	other(unit: i32): void {
		this.endWord();
		this.push(unit);
		this.wordStart = this.length;
	}

	/** Ends the word and adds a space, unless one is there. */
	space(): void {
		this.endWord();
		if (this.length > 0 && unchecked(this.units[this.length - 1]) != SPACE) this.push(SPACE);
		this.wordStart = this.length;
	}

	endWord(): void {
		if (this.length == this.wordStart + 1) this.signs.singles++;
		if (this.wordLetters > 0 && this.wordFakes > 0) this.mixedWords++;
		if (this.wordDigits > 0 && this.wordLetters + this.wordFakes >= 2) {
			for (let index = this.wordStart; index < this.length; index++) {
				const letter = digitLetter(unchecked(this.units[index]));
				if (letter != 0) unchecked((this.units[index] = <u16>letter));
			}
		}
		this.wordLetters = 0;
		this.wordDigits = 0;
		this.wordFakes = 0;
	}
}

/** Latin letter or digit of a folded text. */
export function isFoldedWordUnit(unit: i32): bool {
	return (unit >= 0x61 && unit <= 0x7a) || isDigit(unit);
}

/** Folds a text. Characters of the Unicode tag block become the ASCII letters that they hide. */
export function fold(text: string): FoldedText {
	const folded = new FoldedText(text.length);
	const signs = folded.signs;
	let run = 0;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (unit >= 0x80) {
			signs.foreign++;
			signs.longestRun = max(signs.longestRun, run);
			run = 0;
			if (unit < 0xd800 || unit > 0xdbff) {
				foldUnit(folded, unit);
			} else if ((text.charCodeAt(index + 1) & ~0x3ff) == 0xdc00) {
				foldAstral(folded, 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(index + 1) & 0x3ff));
				index++;
			}
		} else if (isAsciiLetter(unit)) {
			folded.letter(unit | 0x20, false);
			run++;
		} else if (isDigit(unit)) {
			folded.letter(unit, false);
			signs.digits++;
			run++;
		} else {
			folded.space();
			if (unit == 0x2d || unit == 0x2b || unit == 0x2f || unit == 0x5f) {
				run++;
			} else {
				signs.longestRun = max(signs.longestRun, run);
				run = 0;
				countSign(signs, unit);
			}
		}
	}
	signs.longestRun = max(signs.longestRun, run);
	folded.space();
	return folded;
}

function countSign(signs: Signs, unit: i32): void {
	switch (unit) {
		case 0x3c: // <
		case 0x5b: // [
		case 0x22: // "
			signs.brackets++;
			break;
		case 0x3a: // :
		case 0x23: // #
			signs.colons++;
			break;
		case 0x25: // %
		case 0x5c: // backslash
		case 0x26: // &
			signs.escapes++;
			break;
		default:
			break;
	}
}

function foldUnit(folded: FoldedText, unit: i32): void {
	if (isInvisible(unit)) return;
	if (unit >= 0xc0 && unit <= 0x17f) {
		const base = latinBase(unit);
		if (base == 0x20) folded.space();
		else folded.letter(base, false);
		return;
	}
	if (unit >= 0xff01 && unit <= 0xff5e) {
		const ascii = unit - 0xfee0;
		if (isAsciiLetter(ascii)) folded.letter(ascii | 0x20, true);
		else if (isDigit(ascii)) folded.letter(ascii, false);
		else folded.space();
		return;
	}
	if (unit >= 0x24b6 && unit <= 0x24e9) return folded.letter(0x61 + ((unit - 0x24b6) % 26), true);
	if (isSpace(unit) || (unit >= 0x2000 && unit <= 0x2bff) || (unit >= 0x3000 && unit <= 0x303f)) return folded.space();
	if (isUnspacedLetter(unit)) return folded.other(unit);
	const latin = unit <= 0x1d22 ? lookAlike(unit) : 0;
	if (latin != 0) folded.letter(latin, true);
	else folded.other(unit);
}

function foldAstral(folded: FoldedText, codePoint: i32): void {
	if (codePoint >= 0xe0020 && codePoint <= 0xe007e) {
		const ascii = codePoint & 0x7f;
		if (isAsciiLetter(ascii)) folded.letter(ascii | 0x20, false);
		else if (isDigit(ascii)) folded.letter(ascii, false);
		else folded.space();
		return;
	}
	if (codePoint >= 0xe0000) return;
	const base = styledBase(codePoint);
	if (base != 0) folded.letter(base, true);
	else folded.space();
}

/** Characters that take no room: zero width, joiners, direction marks, soft hyphen, combining accents, variation selectors. */
export function isInvisible(unit: i32): bool {
	if (unit == 0xad || (unit >= 0x300 && unit <= 0x36f) || unit == 0x180e || unit == 0xfeff) return true;
	if (unit >= 0x200b && unit <= 0x206f) return unit <= 0x200f || (unit >= 0x202a && unit <= 0x202e) || unit >= 0x2060;
	return unit >= 0xfe00 && unit <= 0xfe0f;
}
