// A text with places for values: `{{name}}` for an argument, `{{config.name}}` for a value of the configuration. Parsed once, so
// that a value that contains braces is never read as a template.

export class Template {
	/** The text between the places; one more than {@link names}. */
	readonly literals: Array<string> = [];
	/** Names of the values, in order. */
	readonly names: Array<string> = [];
	/** What is wrong with the text; empty when nothing is. */
	fault: string = "";

	constructor(text: string) {
		let at = 0;
		while (true) {
			const open = text.indexOf("{{", at);
			if (open < 0) break;
			const close = text.indexOf("}}", open);
			if (close < 0) {
				this.fault = "has {{ without }}";
				break;
			}
			const name = text.substring(open + 2, close).trim();
			if (!isName(name)) this.fault = `has a place without a proper name: {{${name}}}`;
			this.literals.push(text.substring(at, open));
			this.names.push(name);
			at = close + 2;
		}
		this.literals.push(text.substring(at));
	}

	/** It is one place and nothing else, so that a value can keep its type. */
	get isPlaceOnly(): bool {
		return this.names.length == 1 && this.literals[0].length == 0 && this.literals[1].length == 0;
	}

	get hasPlaces(): bool {
		return this.names.length > 0;
	}
}

function isName(text: string): bool {
	if (text.length == 0) return false;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		const isWord = (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
		if (!isWord && unit != 0x5f && unit != 0x2d && unit != 0x2e) return false;
	}
	return true;
}
