// Markdown images whose address has a gap to fill in (`![x](https://host/?q={conversation})`): shown to a user, such an image
// sends what the model filled in to a stranger.
import { isSpace } from "@hookbus/plugin-as";
import { Findings, MEDIUM } from "../findings";
import { DATA_EXFILTRATION } from "../rules/rule-names";

const MAX_ADDRESS: i32 = 2000;

export function findImageLinks(text: string, findings: Findings): void {
	for (let at = text.indexOf("]("); at >= 0; at = text.indexOf("](", at + 2)) {
		if (!isImage(text, at)) continue;
		let query = false;
		for (let index = at + 2; index < at + MAX_ADDRESS; index++) {
			const unit = text.charCodeAt(index);
			if (unit < 0 || unit == 0x29 || isSpace(unit)) break;
			if (unit == 0x3f || unit == 0x3d) query = true;
			if (query && (unit == 0x7b || unit == 0x5b || unit == 0x3c || unit == 0x24))
				return findings.add(DATA_EXFILTRATION, MEDIUM, 1000);
		}
	}
}

/** True when the bracket that closes at `at` is the text of an image: `![…`. */
function isImage(text: string, at: i32): bool {
	for (let index = at - 1; index >= 0 && at - index < 500; index--) {
		if (text.charCodeAt(index) == 0x5b) return text.charCodeAt(index - 1) == 0x21;
		if (text.charCodeAt(index) == 0x0a) return false;
	}
	return false;
}
