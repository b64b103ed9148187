// Values that stay as they are: the support address, the company's own phone number. Compared without regard to case, and to
// spaces and separators in numbers.
import { asciiLowerText, isAlphanumeric, TextBuilder } from "@hookbus/plugin-as";
import { KIND_CARD, KIND_EMAIL, KIND_IBAN, KIND_PHONE } from "./kind";

export class AllowList {
	private exact: Set<string> = new Set<string>();
	private bare: Set<string> = new Set<string>();
	/** Endings of e-mail addresses: entries that begin with `@`. */
	private domains: Array<string> = [];

	constructor(entries: Array<string>) {
		for (let index = 0; index < entries.length; index++) {
			const entry = asciiLowerText(entries[index]);
			if (entry.startsWith("@")) {
				this.domains.push(entry);
			} else {
				this.exact.add(entry);
				this.bare.add(withoutSeparators(entry));
			}
		}
	}

	has(kind: i32, value: string): bool {
		if (this.exact.size == 0 && this.domains.length == 0) return false;
		const wanted = asciiLowerText(value);
		if (this.exact.has(wanted)) return true;
		if (kind == KIND_EMAIL) {
			for (let index = 0; index < this.domains.length; index++) if (wanted.endsWith(this.domains[index])) return true;
		}
		return (kind == KIND_PHONE || kind == KIND_CARD || kind == KIND_IBAN) && this.bare.has(withoutSeparators(wanted));
	}
}

function withoutSeparators(text: string): string {
	const out = new TextBuilder(text.length);
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (isAlphanumeric(unit) || unit == 0x2b) out.addUnit(unit);
	}
	return out.toString();
}
