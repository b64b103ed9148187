// Looks at one text with every rule that is switched on, and at what is encoded in it.
import { asciiLower, hasWordAt, isHexDigit, isWordUnit, Json, TextBuilder } from "@hookbus/plugin-as";
import {
	base64End,
	decodeBase64,
	decodeEscapes,
	decodeHex,
	hexEnd,
	isBase64Unit,
	MIN_BASE64,
	MIN_ESCAPES,
	MIN_HEX,
} from "./detect/decode";
import { findHiddenCharacters } from "./detect/hidden-characters";
import { findImageLinks } from "./detect/image-links";
import { findRoleMarkers } from "./detect/role-markers";
import { findSecrets } from "./detect/secrets";
import { Findings, HIGH, MEDIUM } from "./findings";
import { FoldedText, fold, isFoldedWordUnit, Signs } from "./folded-text";
import { PhraseMatch, PhraseMatcher, ruleName, ruleSeverity } from "./phrase-matcher";
import { PHRASE_RULES, SQUEEZED } from "./rules/phrase-rules";
import {
	CUSTOM_PHRASE,
	DATA_EXFILTRATION,
	ENCODED_PAYLOAD,
	FAKE_ROLE,
	HIDDEN_TEXT,
	INSTRUCTION_OVERRIDE,
	RULE_NAMES,
	SECRET_LEAK,
} from "./rules/rule-names";
import { Settings } from "./settings";

/**
 * UTF-16 units of decoded text that are looked at in one event, twice as many as the largest event has. Whoever encodes more
 * than that, or the same again and again, does it to hide something behind it.
 */
const MAX_DECODED: i32 = 524288;

/** Words of the rules in rot13 or from right to left that make a text worth reading that way. */
const MIN_TURNED: i32 = 2;
/** Single letters in a row that make a word worth putting together. */
const MIN_LETTERS: i32 = 6;
/** Digits of a hex text of MIN_HEX digits: in hex, ASCII letters begin with a digit. */
const MIN_HEX_DIGITS: i32 = 12;

/** How many words of the rules stand in the text in rot13, and from right to left. */
class Turned {
	rotated: i32 = 0;
	reversed: i32 = 0;
}

export class Inspector {
	private settings: Settings;
	private collected: TextBuilder = new TextBuilder(1024);
	private matcher: PhraseMatcher = new PhraseMatcher(PHRASE_RULES);
	private phrases: Array<FoldedText> = [];
	/** Units that were decoded for this event. */
	private decoded: i32 = 0;

	constructor(settings: Settings) {
		this.settings = settings;
		for (let index = 0; index < settings.phrases.length; index++) this.phrases.push(fold(settings.phrases[index]));
	}

	/** Takes all texts in a JSON value, member names included, to be looked at. */
	add(value: Json): void {
		if (value.isString) return this.addText(value.asString());
		if (!value.isArray && !value.isObject) return;
		for (let index = 0; index < value.size; index++) {
			if (value.isObject) this.addText(value.nameAt(index));
			this.add(value.at(index));
		}
	}

	/** Takes a text to be looked at, as a line of its own. */
	addText(text: string): void {
		if (text.length > 0) this.collected.add(text).addUnit(0x0a);
	}

	/** Looks at everything that was taken, as one text: an attack that is spread over several parts is one attack. */
	run(): Findings {
		const findings = new Findings();
		const text = this.collected.toString();
		// The next event begins with nothing.
		this.collected = new TextBuilder(1024);
		this.decoded = 0;
		if (text.length > 0) this.inspect(withoutPhrases(text, this.settings.allow), findings, this.settings.decodeDepth);
		return findings;
	}

	private inspect(text: string, findings: Findings, depth: i32): void {
		const rules = this.settings.rules;
		const folded = fold(text);
		const signs = folded.signs;
		const turned = this.phrasesIn(folded, findings);
		if (rules[FAKE_ROLE] && signs.brackets + signs.colons > 0) findRoleMarkers(text, findings);
		if (rules[HIDDEN_TEXT] && signs.foreign > 0) findHiddenCharacters(text, folded.mixedWords, findings);
		if (rules[DATA_EXFILTRATION] && signs.brackets > 0) findImageLinks(text, findings);
		if (rules[SECRET_LEAK]) findSecrets(text, findings);
		if (!rules[ENCODED_PAYLOAD] || depth <= 0) return;
		this.encodedIn(text, signs, findings, depth);
		if (turned.rotated >= MIN_TURNED) this.decodedText(rotated(folded), findings, depth);
		if (turned.reversed >= MIN_TURNED) this.decodedText(reversed(folded), findings, depth);
	}

	private phrasesIn(folded: FoldedText, findings: Findings): Turned {
		const turned = new Turned();
		const matched = this.matcher.match(folded);
		for (let index = 0; index < matched.length; index++) {
			const rule = PHRASE_RULES[matched[index].rule];
			const name = ruleName(rule);
			const kind = RULE_NAMES.indexOf(name);
			if (name == "rotated") turned.rotated++;
			else if (name == "reversed") turned.reversed++;
			else if (this.settings.rules[kind] && !isCovered(matched, index))
				findings.add(kind, ruleSeverity(rule), matched[index].rule);
		}
		for (let index = 0; index < this.phrases.length; index++) {
			if (containsPhrase(folded, this.phrases[index])) findings.add(CUSTOM_PHRASE, HIGH, index);
		}
		if (this.settings.rules[INSTRUCTION_OVERRIDE] && folded.signs.singles >= MIN_LETTERS && isSpacedOut(folded)) {
			findings.add(INSTRUCTION_OVERRIDE, HIGH, -1);
		}
		return turned;
	}

	private encodedIn(text: string, signs: Signs, findings: Findings, depth: i32): void {
		if (signs.longestRun >= MIN_BASE64) {
			for (let index = 0; index < text.length; index++) {
				if (!isBase64Unit(text.charCodeAt(index))) continue;
				const end = base64End(text, index);
				if (end - index >= MIN_BASE64) this.decodedText(decodeBase64(text, index, end), findings, depth);
				index = end;
			}
		}
		if (signs.digits >= MIN_HEX_DIGITS) {
			for (let index = 0; index < text.length; index++) {
				if (!isHexDigit(text.charCodeAt(index)) || isWordUnit(text.charCodeAt(index - 1))) continue;
				const end = hexEnd(text, index);
				if (end - index >= MIN_HEX) this.decodedText(decodeHex(text, index, end), findings, depth);
				index = max(index, end);
			}
		}
		if (signs.escapes >= MIN_ESCAPES) this.escapedText(decodeEscapes(text), findings, depth);
	}

	private decodedText(text: string, findings: Findings, depth: i32): void {
		if (this.inside(text, findings, depth).worst >= MEDIUM) findings.add(ENCODED_PAYLOAD, HIGH, 0);
	}

	/** Most of such a text stood there as it is: what was found in it without its escapes counts once. */
	private escapedText(text: string, findings: Findings, depth: i32): void {
		if (this.inside(text, findings, depth).worstBeside(findings) >= MEDIUM) findings.add(ENCODED_PAYLOAD, HIGH, 0);
	}

	/** What speaks against a decoded text. */
	private inside(text: string, findings: Findings, depth: i32): Findings {
		const inner = new Findings();
		if (text.length < 8) return inner;
		this.decoded += text.length;
		if (this.decoded > MAX_DECODED) findings.add(ENCODED_PAYLOAD, HIGH, 0);
		else this.inspect(text, inner, depth - 1);
		return inner;
	}
}

/** The same words say the same thing once: true when a rule of the same name that is no weaker matches where this one does. */
function isCovered(matched: Array<PhraseMatch>, index: i32): bool {
	const rule = PHRASE_RULES[matched[index].rule];
	for (let other = 0; other < matched.length; other++) {
		if (other == index || matched[other].start != matched[index].start) continue;
		const stronger = ruleSeverity(PHRASE_RULES[matched[other].rule]) - ruleSeverity(rule);
		if ((stronger > 0 || (stronger == 0 && other < index)) && ruleName(PHRASE_RULES[matched[other].rule]) == ruleName(rule))
			return true;
	}
	return false;
}

/** The text without the phrases of the allow list, ASCII letters compared without case. */
function withoutPhrases(text: string, phrases: Array<string>): string {
	let current = text;
	for (let index = 0; index < phrases.length; index++) current = withoutPhrase(current, phrases[index]);
	return current;
}

/** @param phrase with ASCII letters in lower case */
function withoutPhrase(text: string, phrase: string): string {
	const first = phrase.charCodeAt(0);
	let out: TextBuilder | null = null;
	let done = 0;
	for (let index = 0; index + phrase.length <= text.length; index++) {
		if (asciiLower(text.charCodeAt(index)) != first || !hasWordAt(text, index, phrase)) continue;
		if (out === null) out = new TextBuilder(text.length);
		out.addRange(text, done, index).addUnit(0x20);
		done = index + phrase.length;
		index = done - 1;
	}
	return out === null ? text : out.addRange(text, done, text.length).toString();
}

function containsPhrase(text: FoldedText, phrase: FoldedText): bool {
	const wanted = phrase.toString().trim();
	if (wanted.length == 0) return false;
	for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
		const isWord = text.isWordStart(at) || !isFoldedWordUnit(text.at(at));
		const last = at + wanted.length;
		if (isWord && !(isFoldedWordUnit(text.at(last - 1)) && isFoldedWordUnit(text.at(last)))) return true;
	}
	return false;
}

/** `i g n o r e  p r e v i o u s`: a row of single letters that spells a forbidden word. */
function isSpacedOut(text: FoldedText): bool {
	const letters = new FoldedText(text.length);
	let row = 0;
	for (let index = 0; index < text.length; index++) {
		const unit = text.at(index);
		if (!isFoldedWordUnit(unit)) continue;
		const single = !isFoldedWordUnit(text.at(index - 1)) && !isFoldedWordUnit(text.at(index + 1));
		if (single) {
			letters.letter(unit, false);
			row++;
		} else {
			if (row < MIN_LETTERS) letters.length = letters.length - row;
			row = 0;
			letters.space();
		}
	}
	for (let index = 0; index < SQUEEZED.length; index++) if (letters.indexOf(SQUEEZED[index]) >= 0) return true;
	return false;
}

function rotated(text: FoldedText): string {
	const out = new TextBuilder(text.length);
	for (let index = 0; index < text.length; index++) {
		const unit = text.at(index);
		out.addUnit(unit >= 0x61 && unit <= 0x7a ? 0x61 + ((unit - 0x61 + 13) % 26) : unit);
	}
	return out.toString();
}

function reversed(text: FoldedText): string {
	const out = new TextBuilder(text.length);
	for (let index = text.length - 1; index >= 0; index--) out.addUnit(text.at(index));
	return out.toString();
}
