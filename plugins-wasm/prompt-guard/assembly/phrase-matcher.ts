// Finds phrases in a folded text. A phrase is a row of slots; each slot is a set of words; between two slots only filler
// words may stand ("ignore ALL OF THE previous instructions"). So one rule meets hundreds of wordings, and a sentence that
// merely contains the same words meets none.
import { isUnspacedLetter } from "@hookbus/plugin-as";
import { FoldedText, isFoldedWordUnit } from "./folded-text";
import { isFiller } from "./rules/filler-words";

/** Filler words between two slots. */
const MAX_FILLERS: i32 = 5;
/** Ideographs between two slots. */
const MAX_IDEOGRAPHS: i32 = 8;
/** Any words between two slots, where a rule says so with "...". */
const MAX_ANY: i32 = 4;
/** Words in the first slots of all rules; more make the module trap when it is first used, which every test notices. */
const MAX_ENTRIES: i32 = 1200;

/**
 * Rules as text: `severity rule slot slot …`, parted by spaces. A slot is a list of words parted by `|`; `_` is a space
 * inside of a word group, a trailing `*` matches the beginning of a word, and a slot that begins with `...` lets a few words of
 * any kind stand before it. Words are folded: lower case, no accents.
 */
export class PhraseMatcher {
	private rules: StaticArray<string>;
	/** First entry for each last byte of a first unit, 0 for none; then a chain through `next`. Entry 0 is not used. */
	private heads: StaticArray<u16> = new StaticArray<u16>(256);
	private next: StaticArray<u16> = new StaticArray<u16>(MAX_ENTRIES);
	private entryRule: StaticArray<u16> = new StaticArray<u16>(MAX_ENTRIES);
	private entryAt: StaticArray<u16> = new StaticArray<u16>(MAX_ENTRIES);
	private entries: i32 = 1;

	constructor(rules: StaticArray<string>) {
		this.rules = rules;
		for (let rule = 0; rule < rules.length; rule++) this.index(rule);
	}

	/** Adds the alternatives of a rule's first slot to the table. */
	private index(rule: i32): void {
		const text = this.rules[rule];
		let at = firstSlot(text);
		while (true) {
			const entry = this.entries++;
			const bucket = text.charCodeAt(at) & 0xff;
			this.next[entry] = this.heads[bucket];
			this.entryRule[entry] = <u16>rule;
			this.entryAt[entry] = <u16>at;
			this.heads[bucket] = <u16>entry;
			while (isAlternativeUnit(text.charCodeAt(at))) at++;
			if (text.charCodeAt(at) != 0x7c) return;
			at++;
		}
	}

	/** Indexes of the rules that match somewhere in the text, each once. */
	match(text: FoldedText): Array<i32> {
		const matched: Array<i32> = [];
		const seen = new StaticArray<bool>(this.rules.length);
		for (let index = 0; index < text.length; index++) {
			const unit = text.at(index);
			if (unit == 0x20 || (isFoldedWordUnit(unit) && !text.isWordStart(index))) continue;
			for (let entry = <i32>this.heads[unit & 0xff]; entry != 0; entry = this.next[entry]) {
				const rule = <i32>this.entryRule[entry];
				if (seen[rule]) continue;
				const end = wordEnd(text, index, this.rules[rule], this.entryAt[entry]);
				if (end > 0 && restMatches(text, end, this.rules[rule], slotEnd(this.rules[rule], this.entryAt[entry]))) {
					seen[rule] = true;
					matched.push(rule);
				}
			}
		}
		return matched;
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

function slotEnd(rule: string, at: i32): i32 {
	let index = at;
	while (index < rule.length && rule.charCodeAt(index) != 0x20) index++;
	return index;
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

/** True when the slots after `ruleAt` follow in the text after `from`. */
function restMatches(text: FoldedText, from: i32, rule: string, ruleAt: i32): bool {
	if (ruleAt >= rule.length) return true;
	let slot = ruleAt + 1;
	const any = rule.charCodeAt(slot) == 0x2e;
	if (any) slot += 3;
	let index = from;
	let words = any ? MAX_ANY : MAX_FILLERS;
	let ideographs = MAX_IDEOGRAPHS;
	while (true) {
		while (text.at(index) == 0x20) index++;
		if (index >= text.length) return false;
		if (slotMatches(text, index, rule, slot)) return true;
		if (isUnspacedLetter(text.at(index))) {
			if (--ideographs < 0) return false;
			index++;
		} else {
			const end = nextWordEnd(text, index);
			if (--words < 0 || (!any && !isFiller(text, index, end))) return false;
			index = end;
		}
	}
}

function slotMatches(text: FoldedText, index: i32, rule: string, slot: i32): bool {
	let at = slot;
	while (true) {
		const end = wordEnd(text, index, rule, at);
		if (end > 0 && restMatches(text, end, rule, slotEnd(rule, at))) return true;
		while (isAlternativeUnit(rule.charCodeAt(at))) at++;
		if (rule.charCodeAt(at) != 0x7c) return false;
		at++;
	}
}

function nextWordEnd(text: FoldedText, from: i32): i32 {
	let index = from;
	while (index < text.length && text.at(index) != 0x20 && !isUnspacedLetter(text.at(index))) index++;
	return index;
}
