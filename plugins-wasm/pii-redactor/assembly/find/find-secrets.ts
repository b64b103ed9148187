// API keys, tokens, private keys and passwords in URLs, by the shapes that the SDK knows.
import { isWordUnit, mayBeginSecret, secretLengthAt, urlPasswordLength, urlPasswordStart } from "@hookbus/plugin-as";
import { KIND_SECRET } from "../kind";
import { Matches } from "../matches";

export function findSecrets(text: string, matches: Matches): void {
	let before = -1;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x3a) {
			const start = urlPasswordStart(text, index);
			const length = urlPasswordLength(text, index);
			if (length > 0) matches.add(KIND_SECRET, start, start + length);
		} else if (mayBeginSecret(unit) && !isWordUnit(before) && !matches.isTaken(index)) {
			const length = secretLengthAt(text, index);
			if (length > 0) {
				matches.add(KIND_SECRET, index, index + length);
				index += length - 1;
			}
		}
		before = text.charCodeAt(index);
	}
}
