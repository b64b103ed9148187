// Markdown images whose address has a gap to fill in (`![x](https://host/?q={conversation})`): shown to a user, such an image
// sends what the model filled in to a stranger.
import { isSpace } from "@hookbus/plugin-as";
import { Findings, MEDIUM } from "../findings";
import { DATA_EXFILTRATION } from "../rules/rule-names";

export function findImageLinks(text: string, findings: Findings): void {
	// An image may have brackets in its text, so the next address after `![` is taken for its own.
	let isImage = false;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x5b) {
			if (text.charCodeAt(index - 1) == 0x21) isImage = true;
		} else if (unit == 0x0a) {
			// No image goes on after an empty line.
			if (text.charCodeAt(index + 1) == 0x0a) isImage = false;
		} else if (unit == 0x5d && isImage && text.charCodeAt(index + 1) == 0x28) {
			const start = index + 2;
			index = addressEnd(text, start);
			if (hasGap(text, start, index)) return findings.add(DATA_EXFILTRATION, MEDIUM, 1000);
			isImage = false;
		}
	}
}

function addressEnd(text: string, from: i32): i32 {
	let index = from;
	while (index < text.length && text.charCodeAt(index) != 0x29 && !isSpace(text.charCodeAt(index))) index++;
	return index;
}

/** True when a query holds `{`, `[`, `<` or `$`. */
function hasGap(text: string, from: i32, to: i32): bool {
	let isQuery = false;
	for (let index = from; index < to; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x3f || unit == 0x3d) isQuery = true;
		else if (isQuery && (unit == 0x7b || unit == 0x5b || unit == 0x3c || unit == 0x24)) return true;
	}
	return false;
}
