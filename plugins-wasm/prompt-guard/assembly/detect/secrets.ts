// Keys, tokens and passwords of well-known shapes. With pii-redactor in front of this plugin they are placeholders already.
import { isWordUnit, mayBeginSecret, secretLengthAt, urlPasswordLength } from "@hookbus/plugin-as";
import { Findings, HIGH } from "../findings";
import { SECRET_LEAK } from "../rules/rule-names";

export function findSecrets(text: string, findings: Findings): void {
	let before = -1;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		const isSecret =
			unit == 0x3a
				? urlPasswordLength(text, index) > 0
				: mayBeginSecret(unit) && !isWordUnit(before) && secretLengthAt(text, index) > 0;
		if (isSecret) return findings.add(SECRET_LEAK, HIGH, 0);
		before = unit;
	}
}
