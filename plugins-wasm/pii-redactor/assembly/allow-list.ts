// Values that stay as they are: the support address, the company's own phone number. Compared without regard to case, and to
// spaces and separators in numbers.
import { asciiLowerText, isAlphanumeric } from "@hookbus/plugin-as";
import { KIND_CARD, KIND_EMAIL, KIND_IBAN, KIND_PHONE } from "./kind";

export class AllowList {
	private exact: Array<string> = [];
	private bare: Array<string> = [];
	/** Endings of e-mail addresses: entries that begin with `@`. */
	private domains: Array<string> = [];

	constructor(entries: Array<string>) {
		for (let index = 0; index < entries.length; index++) {
			const entry = asciiLowerText(entries[index]);
			if (entry.startsWith("@")) {
				this.domains.push(entry);
			} else {
				this.exact.push(entry);
				this.bare.push(withoutSeparators(entry));
			}
		}
	}

	has(kind: i32, value: string): bool {
		if (this.exact.length == 0 && this.domains.length == 0) return false;
		const wanted = asciiLowerText(value);
		if (this.exact.includes(wanted)) return true;
		if (kind == KIND_EMAIL) {
			for (let index = 0; index < this.domains.length; index++) if (wanted.endsWith(this.domains[index])) return true;
		}
		return (kind == KIND_PHONE || kind == KIND_CARD || kind == KIND_IBAN) && this.bare.includes(withoutSeparators(wanted));
	}
}

function withoutSeparators(text: string): string {
	let out = "";
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (isAlphanumeric(unit) || unit == 0x2b) out += text.charAt(index);
	}
	return out;
}
