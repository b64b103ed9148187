// Typed reading of a configuration that remembers everything that is wrong with it. A plugin that quietly took a default for
// a mistyped value would redact or block something else than the admin thinks.
import { Json } from "../json/json";

export class Config {
	/** The whole configuration, for shapes that the readers below do not know. */
	readonly json: Json;
	private faults: Array<string> = [];

	constructor(json: Json) {
		this.json = json;
	}

	/** Everything wrong with the values that were read so far, one sentence each; empty when nothing is. */
	get fault(): string {
		return this.faults.join("; ");
	}

	/** Notes a fault of the value `name`, for rules that only the plugin knows. */
	refuse(name: string, rule: string): void {
		this.faults.push(`config "${name}" ${rule}`);
	}

	/** A text of at most `maxLength` UTF-16 units; `fallback` when it is missing. */
	string(name: string, fallback: string, maxLength: i32 = 10000): string {
		const value = this.json.get(name);
		if (value === null || value.isNull) return fallback;
		if (!value.isString) {
			this.refuse(name, "must be a string");
			return fallback;
		}
		const text = value.asString();
		if (text.length > maxLength) this.refuse(name, `must have at most ${maxLength} characters`);
		return text;
	}

	/** One of some texts; `fallback` when it is missing. */
	oneOf(name: string, allowed: StaticArray<string>, fallback: string): string {
		const text = this.string(name, fallback);
		for (let index = 0; index < allowed.length; index++) {
			if (allowed[index] == text) return text;
		}
		this.refuse(name, `must be one of ${allowed.join(", ")}`);
		return fallback;
	}

	/** A truth value; `fallback` when it is missing. */
	bool(name: string, fallback: bool): bool {
		const value = this.json.get(name);
		if (value === null || value.isNull) return fallback;
		const truth = value.asBool();
		if (!truth && value.toString() != "false") this.refuse(name, "must be true or false");
		return truth;
	}

	/** An integer from `min` to `max`; `fallback` when it is missing. */
	integer(name: string, fallback: i64, min: i64, max: i64): i64 {
		const value = this.json.get(name);
		if (value === null || value.isNull) return fallback;
		const number = value.asInteger(i64.MIN_VALUE);
		if (number >= min && number <= max) return number;
		this.refuse(name, `must be an integer from ${min} to ${max}`);
		return fallback;
	}

	/** A list of texts, each of 1 to `maxLength` UTF-16 units, at most `maxItems` of them; empty when it is missing. */
	strings(name: string, maxItems: i32 = 100, maxLength: i32 = 1000): Array<string> {
		const texts: Array<string> = [];
		const value = this.json.get(name);
		if (value === null || value.isNull) return texts;
		if (!value.isArray || value.size > maxItems) {
			this.refuse(name, `must be a list of at most ${maxItems} strings`);
			return texts;
		}
		for (let index = 0; index < value.size; index++) {
			const text = value.at(index).asString();
			if (text.length == 0 || text.length > maxLength) {
				this.refuse(`${name}[${index}]`, `must be a string of 1 to ${maxLength} characters`);
			} else {
				texts.push(text);
			}
		}
		return texts;
	}

	/** A list whose items are all among `allowed`; all of `allowed` when it is missing. */
	someOf(name: string, allowed: StaticArray<string>): Array<string> {
		const value = this.json.get(name);
		if (value === null || value.isNull) return allowed.slice<Array<string>>();
		const texts = this.strings(name);
		for (let index = 0; index < texts.length; index++) {
			if (!allowed.includes(texts[index])) this.refuse(`${name}[${index}]`, `must be one of ${allowed.join(", ")}`);
		}
		return texts;
	}
}
