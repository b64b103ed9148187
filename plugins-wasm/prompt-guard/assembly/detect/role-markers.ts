// Markers with which chat templates part the roles. In a user's message or a tool's result they can only be meant to pass
// for a message of somebody else.
import { asciiLower, isAsciiLetter, isSpace } from "@hookbus/plugin-as";
import { Findings, HIGH, LOW, MEDIUM } from "../findings";
import { FAKE_ROLE } from "../rules/rule-names";

/** Severity, space, marker in lower case. Markers begin with `<`, `[` or a quotation mark. */
const MARKERS: StaticArray<string> = [
	"3 <|im_start|>",
	"3 <|im_end|>",
	"3 <|im_sep|>",
	"3 <|system|>",
	"3 <|user|>",
	"3 <|assistant|>",
	"3 <|start_header_id|>",
	"3 <|end_header_id|>",
	"3 <|eot_id|>",
	"3 <|begin_of_text|>",
	"3 <|endoftext|>",
	"3 <|end|>",
	"3 <|channel|>",
	"3 <|start|>",
	"3 <start_of_turn>",
	"3 <end_of_turn>",
	"3 <｜user｜>",
	"3 <｜assistant｜>",
	"3 <<sys>>",
	"3 <</sys>>",
	"3 [inst]",
	"3 [/inst]",
	"3 [system_prompt]",
	"2 <system>",
	"2 </system>",
	"2 <system_prompt>",
	"2 <system-reminder>",
	"2 <admin>",
	"2 [system]",
	"2 [system message]",
	"2 [assistant]",
	'2 "role": "system"',
	'2 "role":"system"',
	'2 "role": "developer"',
	'2 "role":"developer"',
];

/** Severity, space, beginning of a line in lower case. */
const LINES: StaticArray<string> = [
	"2 system:",
	"2 system prompt:",
	"2 system message:",
	"2 system instruction:",
	"2 system instructions:",
	"2 ### system",
	"1 ### instruction",
	"1 ### response",
	"1 human:",
	"1 assistant:",
	"1 developer:",
];

export function findRoleMarkers(text: string, findings: Findings): void {
	let beginsLine = true;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x3c || unit == 0x5b || unit == 0x22) {
			findAt(text, index, MARKERS, 0, findings);
		} else if (beginsLine && (isAsciiLetter(unit) || unit == 0x23)) {
			findAt(text, index, LINES, MARKERS.length, findings);
		}
		// Quotes and emphasis in front do not make a line harmless.
		beginsLine = unit == 0x0a || unit == 0x0d || (beginsLine && (unit == 0x20 || unit == 0x3e || unit == 0x2a));
	}
}

function findAt(text: string, at: i32, list: StaticArray<string>, detail: i32, findings: Findings): void {
	for (let entry = 0; entry < list.length; entry++) {
		if (!standsAt(text, at, list[entry])) continue;
		findings.add(FAKE_ROLE, severityOf(list[entry]), detail + entry);
		return;
	}
}

function severityOf(entry: string): i32 {
	const digit = entry.charCodeAt(0);
	return digit == 0x33 ? HIGH : digit == 0x32 ? MEDIUM : LOW;
}

/** True when the entry's marker stands at `at`; a space in it meets any white space. */
function standsAt(text: string, at: i32, entry: string): bool {
	for (let index = 2; index < entry.length; index++) {
		const unit = text.charCodeAt(at + index - 2);
		const wanted = entry.charCodeAt(index);
		if (asciiLower(unit) != wanted && !(wanted == 0x20 && isSpace(unit))) return false;
	}
	return true;
}
