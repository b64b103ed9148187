// Puts the originals back where a placeholder stands. Models copy placeholders with small changes (no brackets, Markdown
// escapes, another case), so those are understood too; the hash makes a mistake as good as impossible.
import { asciiLower, isAlphanumeric, isHexDigit, Json, TextBuilder } from "@hookbus/plugin-as";
import { KIND_LABELS } from "./kind";
import { HASH_DIGITS } from "./pseudonym";

export class Restorer {
	/** Number of placeholders that were replaced. */
	restored: i32 = 0;
	private originals: Map<string, string>;

	/** @param originals placeholder to value; an empty value stands for two values that share a placeholder and stays */
	constructor(originals: Map<string, string>) {
		this.originals = originals;
	}

	/** The text with its placeholders replaced; the same string when there was none. */
	text(text: string): string {
		let out: TextBuilder | null = null;
		let done = 0;
		for (let index = 0; index < text.length; index++) {
			if (isAlphanumeric(text.charCodeAt(index - 1))) continue;
			const label = labelAt(text, index);
			if (label < 0) continue;
			const hashStart = index + KIND_LABELS[label].length + (text.charCodeAt(index + KIND_LABELS[label].length) == 0x5c ? 2 : 1);
			const value = this.original(label, text, hashStart);
			if (value.length == 0) continue;
			let end = hashStart + HASH_DIGITS;
			const brackets = bracketWidth(text, index, end);
			if (out === null) out = new TextBuilder(text.length + 64);
			out.addRange(text, done, index - brackets).add(value);
			end += brackets;
			done = end;
			index = end - 1;
			this.restored++;
		}
		return out === null ? text : out.addRange(text, done, text.length).toString();
	}

	/** The value with its placeholders replaced, member names too; null when there was none. */
	json(value: Json): Json | null {
		if (value.isString) {
			const text = value.asString();
			const restored = this.text(text);
			return restored == text ? null : Json.ofString(restored);
		}
		if (!value.isArray && !value.isObject) return null;
		let changed = false;
		for (let index = 0; index < value.size; index++) {
			if (value.isObject) {
				const name = value.nameAt(index);
				const restored = this.text(name);
				if (restored != name) {
					value.renameAt(index, restored);
					changed = true;
				}
			}
			const replacement = this.json(value.at(index));
			if (replacement !== null) {
				value.replaceAt(index, replacement);
				changed = true;
			}
		}
		return changed ? value : null;
	}

	/** The value behind a label and the hash that begins at `at`; empty when there is none. */
	private original(label: i32, text: string, at: i32): string {
		let hash = "";
		for (let index = 0; index < HASH_DIGITS; index++) {
			const unit = text.charCodeAt(at + index);
			if (!isHexDigit(unit)) return "";
			hash += String.fromCharCode(asciiLower(unit));
		}
		if (isAlphanumeric(text.charCodeAt(at + HASH_DIGITS))) return "";
		const placeholder = `[${KIND_LABELS[label]}_${hash}]`;
		return this.originals.has(placeholder) ? this.originals.get(placeholder) : "";
	}
}

/** The kind whose label, and an underscore (escaped or not), stands at `at`; -1 when none does. */
function labelAt(text: string, at: i32): i32 {
	for (let kind = 0; kind < KIND_LABELS.length; kind++) {
		const label = KIND_LABELS[kind];
		let index = 0;
		while (index < label.length && (text.charCodeAt(at + index) & ~0x20) == label.charCodeAt(index)) index++;
		if (index < label.length) continue;
		const after = text.charCodeAt(at + index);
		if (after == 0x5f || (after == 0x5c && text.charCodeAt(at + index + 1) == 0x5f)) return kind;
	}
	return -1;
}

/** How many units on each side are the placeholder's own brackets: `[ ]` one, `\[ \]` two, else none. */
function bracketWidth(text: string, start: i32, end: i32): i32 {
	if (text.charCodeAt(start - 1) != 0x5b) return 0;
	if (text.charCodeAt(end) == 0x5d) return 1;
	return text.charCodeAt(start - 2) == 0x5c && text.charCodeAt(end) == 0x5c && text.charCodeAt(end + 1) == 0x5d ? 2 : 0;
}
