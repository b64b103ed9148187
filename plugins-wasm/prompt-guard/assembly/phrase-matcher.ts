// Finds phrases in a folded text. A phrase is a row of slots; each slot is a set of words; between two slots only filler
// words may stand ("ignore ALL OF THE previous instructions"). So one rule meets hundreds of wordings, and a sentence that
// merely contains the same words meets none.
import { isUnspacedLetter } from "@hookbus/plugin-as";
import { FoldedText, isFoldedWordUnit } from "./folded-text";
import { FillerWords } from "./rules/filler-words";

/** Filler words between two slots. */
const MAX_FILLERS: i32 = 5;
/** Ideographs between two slots. */
const MAX_IDEOGRAPHS: i32 = 8;
/** Any words between two slots, where a rule says so with "...". */
const MAX_ANY: i32 = 4;
/** Slots of one rule, the end included. */
const MAX_SLOTS: i32 = 8;
/** Words in the first slots of all rules; more make the module trap when it is first used, which every test notices. */
const MAX_ENTRIES: i32 = 1200;

export class PhraseMatch {
	/** Index of the rule. */
	readonly rule: i32;
	/** Where in the folded text it begins to match. */
	readonly start: i32;

	constructor(rule: i32, start: i32) {
		this.rule = rule;
		this.start = start;
	}
}

/**
 * Rules as text: `severity rule slot slot …`, parted by spaces. A slot is a list of words parted by `|`; `_` is a space
 * inside of a word group, a trailing `*` matches the beginning of a word, and a slot that begins with `...` lets a few words of
 * any kind stand before it. Words are folded: lower case, no accents.
 */
export class PhraseMatcher {
	private rules: StaticArray<string>;
	/** Of each slot of each rule the index of its first word; 0 behind the last slot. */
	private slots: StaticArray<u16>;
	/** Of each slot which units its words begin with, a bit for the last five bits of a unit. Most words are passed by with it. */
	private initials: StaticArray<u32>;
	/** First entry for each last byte of a first unit, 0 for none; then a chain through `next`. Entry 0 is not used. */
	private heads: StaticArray<u16> = new StaticArray<u16>(256);
	private next: StaticArray<u16> = new StaticArray<u16>(MAX_ENTRIES);
	private entryRule: StaticArray<u16> = new StaticArray<u16>(MAX_ENTRIES);
	private entryAt: StaticArray<u16> = new StaticArray<u16>(MAX_ENTRIES);
	private entries: i32 = 1;
	private fillers: FillerWords = new FillerWords();

	constructor(rules: StaticArray<string>) {
		this.rules = rules;
		this.slots = new StaticArray<u16>(rules.length * MAX_SLOTS);
		this.initials = new StaticArray<u32>(rules.length * MAX_SLOTS);
		for (let rule = 0; rule < rules.length; rule++) this.index(rule);
	}

	private index(rule: i32): void {
		const text = this.rules[rule];
		let slot = rule * MAX_SLOTS;
		for (let at = firstSlot(text); at > 0; at = text.indexOf(" ", at) + 1) {
			while (text.charCodeAt(at) == 0x2e) at++;
			this.slots[slot] = <u16>at;
			for (let word = at; word > 0; word = nextWord(text, word)) {
				const unit = text.charCodeAt(word);
				this.initials[slot] |= (<u32>1) << (unit & 31);
				if (slot == rule * MAX_SLOTS) this.addEntry(rule, word, unit);
			}
			slot++;
		}
		assert(slot < (rule + 1) * MAX_SLOTS, "a rule has too many slots");
	}

	private addEntry(rule: i32, at: i32, unit: i32): void {
		const entry = this.entries++;
		const bucket = unit & 0xff;
		this.next[entry] = this.heads[bucket];
		this.entryRule[entry] = <u16>rule;
		this.entryAt[entry] = <u16>at;
		this.heads[bucket] = <u16>entry;
	}

	/** The rules that match somewhere in the text, each once. */
	match(text: FoldedText): Array<PhraseMatch> {
		const matched: Array<PhraseMatch> = [];
		const seen = new StaticArray<bool>(this.rules.length);
		for (let index = 0; index < text.length; index++) {
			const unit = text.at(index);
			if (unit == 0x20 || (isFoldedWordUnit(unit) && !text.isWordStart(index))) continue;
			for (let entry = <i32>this.heads[unit & 0xff]; entry != 0; entry = this.next[entry]) {
				const rule = <i32>this.entryRule[entry];
				if (seen[rule]) continue;
				const end = wordEnd(text, index, this.rules[rule], this.entryAt[entry]);
				if (end > 0 && this.restMatches(text, end, rule, 1)) {
					seen[rule] = true;
					matched.push(new PhraseMatch(rule, index));
				}
			}
		}
		return matched;
	}

	/** True when the slots from this one on follow in the text after `from`. */
	private restMatches(text: FoldedText, from: i32, rule: i32, slot: i32): bool {
		const at = <i32>this.slots[rule * MAX_SLOTS + slot];
		if (at == 0) return true;
		const any = this.rules[rule].charCodeAt(at - 1) == 0x2e;
		let index = from;
		let words = any ? MAX_ANY : MAX_FILLERS;
		let ideographs = MAX_IDEOGRAPHS;
		while (true) {
			while (text.at(index) == 0x20) index++;
			if (index >= text.length) return false;
			if (this.slotMatches(text, index, rule, slot)) return true;
			if (isUnspacedLetter(text.at(index))) {
				if (--ideographs < 0) return false;
				index++;
			} else {
				const end = nextWordEnd(text, index);
				if (--words < 0 || (!any && !this.fillers.has(text, index, end))) return false;
				index = end;
			}
		}
	}

	private slotMatches(text: FoldedText, index: i32, rule: i32, slot: i32): bool {
		if (((this.initials[rule * MAX_SLOTS + slot] >> (text.at(index) & 31)) & 1) == 0) return false;
		for (let word = <i32>this.slots[rule * MAX_SLOTS + slot]; word > 0; word = nextWord(this.rules[rule], word)) {
			const end = wordEnd(text, index, this.rules[rule], word);
			if (end > 0 && this.restMatches(text, end, rule, slot + 1)) return true;
		}
		return false;
	}
}

/** Severity of a rule: 0 to 3. */
export function ruleSeverity(rule: string): i32 {
	return rule.charCodeAt(0) - 0x30;
}

/** Name of a rule. */
export function ruleName(rule: string): string {
	return rule.substring(2, rule.indexOf(" ", 2));
}

/** Index of the first slot: after severity and name. */
function firstSlot(rule: string): i32 {
	return rule.indexOf(" ", 2) + 1;
}

/** Index of the next word of the same slot; 0 behind the last one. */
function nextWord(rule: string, at: i32): i32 {
	let index = at;
	while (isAlternativeUnit(rule.charCodeAt(index))) index++;
	return rule.charCodeAt(index) == 0x7c ? index + 1 : 0;
}

function isAlternativeUnit(unit: i32): bool {
	return unit >= 0 && unit != 0x7c && unit != 0x20;
}

/** First index after the word of a rule (at `at`) that stands in the text at `from`; 0 when it does not. */
function wordEnd(text: FoldedText, from: i32, rule: string, at: i32): i32 {
	let index = from;
	let letter = at;
	let last = -1;
	while (isAlternativeUnit(rule.charCodeAt(letter))) {
		last = rule.charCodeAt(letter);
		if (last == 0x2a) {
			while (isFoldedWordUnit(text.at(index))) index++;
			return index;
		}
		if (text.at(index) != (last == 0x5f ? 0x20 : last)) return 0;
		index++;
		letter++;
	}
	return isFoldedWordUnit(last) && isFoldedWordUnit(text.at(index)) ? 0 : index;
}

function nextWordEnd(text: FoldedText, from: i32): i32 {
	let index = from;
	while (index < text.length && text.at(index) != 0x20 && !isUnspacedLetter(text.at(index))) index++;
	return index;
}
