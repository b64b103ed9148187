// The values that a template can name: the call's arguments, their defaults, and the configuration. Nothing else can be reached.
import { Json } from "@hookbus/plugin-as";
import { Template } from "./template";

const CONFIG = "config.";

export class Values {
	private readonly given: Json;
	private readonly defaults: Json;
	private readonly config: Json;

	constructor(given: Json, defaults: Json, config: Json) {
		this.given = given;
		this.defaults = defaults;
		this.config = config;
	}

	/** The value of this name; null when there is none, or when it is null. `a.b` is the member b of the argument a. */
	find(name: string): Json | null {
		if (name.startsWith(CONFIG)) return present(this.config.get(name.substring(CONFIG.length)));
		const given = present(this.given.get(name));
		if (given !== null) return given;
		const inner = this.inside(name);
		return inner !== null ? inner : present(this.defaults.get(name));
	}

	/** The template's text with its values as they are; a value that is missing is empty. */
	fill(template: Template): string {
		const parts: Array<string> = [template.literals[0]];
		for (let index = 0; index < template.names.length; index++) {
			parts.push(textOf(this.find(template.names[index])));
			parts.push(template.literals[index + 1]);
		}
		return parts.join("");
	}

	/** A name of the template that has no value; empty when all have one. */
	missing(template: Template): string {
		for (let index = 0; index < template.names.length; index++) {
			if (this.find(template.names[index]) === null) return template.names[index];
		}
		return "";
	}

	private inside(name: string): Json | null {
		if (!name.includes(".")) return null;
		let value: Json | null = this.given;
		const steps = name.split(".");
		for (let index = 0; index < steps.length; index++) {
			if (value === null || !value.isObject) return null;
			value = value.get(steps[index]);
		}
		return present(value);
	}
}

function present(value: Json | null): Json | null {
	return value !== null && !value.isNull ? value : null;
}

/** A string as it is, everything else as JSON; empty for none. */
export function textOf(value: Json | null): string {
	if (value === null) return "";
	return value.isString ? value.asString() : value.toString();
}
