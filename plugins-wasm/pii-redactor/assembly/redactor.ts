// Replaces what the finders find, in texts and in JSON values, and remembers what stands for what.
import { isDigit, Json, TextBuilder } from "@hookbus/plugin-as";
import { findCards } from "./find/find-cards";
import { findEmails } from "./find/find-emails";
import { findIbans } from "./find/find-ibans";
import { findIps } from "./find/find-ips";
import { findPhones } from "./find/find-phones";
import { findSecrets } from "./find/find-secrets";
import { KIND_CARD, KIND_NAMES, KIND_PHONE, KIND_SECRET } from "./kind";
import { maskOf } from "./mask";
import { Match, Matches } from "./matches";
import { Pseudonyms, placeholderEnd } from "./pseudonym";
import { Settings } from "./settings";

/** Runs over one text until nothing is left to find; a replacement can uncover what stood in its shadow. */
const MAX_PASSES: i32 = 8;

export class Redactor {
	/** Placeholder to value, of everything that was replaced. Two values with one placeholder: the empty string. */
	readonly originals: Map<string, string> = new Map<string, string>();
	private counts: StaticArray<i32> = new StaticArray<i32>(KIND_NAMES.length);
	private settings: Settings;
	private pseudonyms: Pseudonyms;

	constructor(settings: Settings, tenant: string) {
		this.settings = settings;
		this.pseudonyms = new Pseudonyms(settings.pseudonymKey, tenant);
	}

	/** How many values of each kind were replaced; kinds without any are left out. */
	get summary(): Json {
		const summary = Json.ofObject();
		for (let kind = 0; kind < this.counts.length; kind++) {
			if (this.counts[kind] > 0) summary.set(KIND_NAMES[kind], Json.ofInteger(this.counts[kind]));
		}
		return summary;
	}

	/** The text with everything replaced; the same string when there was nothing to replace. */
	text(text: string): string {
		let current = text;
		for (let pass = 0; pass < MAX_PASSES; pass++) {
			const matches = this.find(current);
			if (matches.length == 0) break;
			current = this.replace(current, matches);
		}
		return current;
	}

	/** The value with everything replaced, member names too; null when there was nothing to replace. */
	json(value: Json): Json | null {
		if (value.isString) {
			const text = value.asString();
			const redacted = this.text(text);
			return redacted == text ? null : Json.ofString(redacted);
		}
		if (value.isNumber) return this.number(value);
		if (!value.isArray && !value.isObject) return null;
		let changed = false;
		for (let index = 0; index < value.size; index++) {
			if (value.isObject) {
				const name = value.nameAt(index);
				const redacted = this.text(name);
				if (redacted != name) {
					value.renameAt(index, freeName(value, redacted));
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

	/** A number is a card number or nothing: every other kind needs more than digits. */
	private number(value: Json): Json | null {
		if (!this.settings.kinds[KIND_CARD]) return null;
		const digits = value.asNumeral();
		const matches = new Matches(digits.length);
		findCards(digits, matches);
		const found = this.refused(digits, matches.sorted());
		return found.length == 1 && found[0].start == 0 && found[0].end == digits.length
			? Json.ofString(this.replace(digits, found))
			: null;
	}

	private find(text: string): Array<Match> {
		const matches = new Matches(text.length);
		const signs = signsIn(text);
		if ((signs & SIGN_BRACKET) != 0) protectPlaceholders(text, matches);
		const kinds = this.settings.kinds;
		if (kinds[KIND_SECRET]) findSecrets(text, matches);
		// Kinds that are switched off are looked for too, or the middle of an IBAN would be taken for a phone number.
		if ((signs & SIGN_AT) != 0) findEmails(text, matches);
		if ((signs & SIGN_DIGIT) != 0) {
			findIbans(text, matches);
			findCards(text, matches);
			findIps(text, matches);
			if (kinds[KIND_PHONE]) findPhones(text, matches);
		}
		return this.refused(text, matches.sorted());
	}

	/** The matches of the kinds that are switched on, without what the allow list lets stand. */
	private refused(text: string, matches: Array<Match>): Array<Match> {
		const refused: Array<Match> = [];
		for (let index = 0; index < matches.length; index++) {
			const match = matches[index];
			if (!this.settings.kinds[match.kind]) continue;
			if (!this.settings.allow.has(match.kind, text.substring(match.start, match.end))) refused.push(match);
		}
		return refused;
	}

	private replace(text: string, matches: Array<Match>): string {
		const out = new TextBuilder(text.length + 32);
		let done = 0;
		for (let index = 0; index < matches.length; index++) {
			const match = matches[index];
			out.addRange(text, done, match.start);
			out.add(this.replacement(match.kind, text.substring(match.start, match.end)));
			done = match.end;
		}
		return out.addRange(text, done, text.length).toString();
	}

	private replacement(kind: i32, value: string): string {
		this.counts[kind]++;
		if (this.settings.mask) return maskOf(kind, value);
		const placeholder = this.pseudonyms.placeholder(kind, value);
		const known = this.originals.has(placeholder) && this.originals.get(placeholder) != value;
		this.originals.set(placeholder, known ? "" : value);
		return placeholder;
	}
}

const SIGN_DIGIT: i32 = 1;
const SIGN_AT: i32 = 2;
const SIGN_BRACKET: i32 = 4;

/** Which signs a text has that a finder needs; most texts have few, and most finders need not run. */
function signsIn(text: string): i32 {
	let signs = 0;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (isDigit(unit)) signs |= SIGN_DIGIT;
		else if (unit == 0x40) signs |= SIGN_AT;
		else if (unit == 0x5b) signs |= SIGN_BRACKET;
	}
	return signs;
}

function protectPlaceholders(text: string, matches: Matches): void {
	for (let at = text.indexOf("["); at >= 0; at = text.indexOf("[", at + 1)) {
		const end = placeholderEnd(text, at);
		if (end > 0) matches.protect(at, end);
	}
}

/** The name, or the name with a number when the object has it already. */
function freeName(object: Json, name: string): string {
	let free = name;
	for (let count = 2; object.get(free) !== null; count++) free = `${name} (${count})`;
	return free;
}
