// The places of a template, {{name}} and {{config.name}}, as the plugin api-call reads them.
import { isObject } from "../../config/merge-config.js";

const PLACE = /\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}/g;
const CONFIG = "config.";

/** Names of all places in all texts of a value, each once. */
export function placesIn(value: unknown): string[] {
	if (typeof value === "string") return [...new Set([...value.matchAll(PLACE)].map(([, name]) => name ?? ""))];
	if (Array.isArray(value)) return [...new Set(value.flatMap(placesIn))];
	return isObject(value) ? placesIn(Object.values(value)) : [];
}

/** The property of the configuration that a place names; `undefined` for one that names an argument. */
export function configOfPlace(name: string): string | undefined {
	return name.startsWith(CONFIG) ? name.slice(CONFIG.length) : undefined;
}

/** The argument that a place names, without the members inside of it. */
export function argumentOfPlace(name: string): string {
	return name.split(".", 1)[0] ?? name;
}

/** What is before a single place at the end of a text, and its name; `undefined` when the text is anything else. */
export function placeAtEnd(text: string): { readonly prefix: string; readonly name: string } | undefined {
	const [, prefix = "", name] = /^([^{]*)\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}$/.exec(text) ?? [];
	return name === undefined ? undefined : { prefix, name };
}

/**
 * A JSON text with places as the value that it is a template of; `undefined` when it is no JSON. A place outside of quotes stands
 * for a whole value, and one inside for a part of a text.
 */
export function jsonTemplate(text: string): unknown {
	let quoted = "";
	let isInString = false;
	for (let at = 0; at < text.length; at += 1) {
		const place = isInString ? undefined : /^\{\{\s*[A-Za-z0-9_.-]+\s*\}\}/.exec(text.slice(at, at + 200))?.[0];
		if (place !== undefined) {
			quoted += JSON.stringify(place);
			at += place.length - 1;
			continue;
		}
		if (isInString && text[at] === "\\") {
			quoted += text.slice(at, at + 2);
			at += 1;
			continue;
		}
		if (text[at] === '"') isInString = !isInString;
		quoted += text[at];
	}
	try {
		return JSON.parse(quoted) as unknown;
	} catch {
		// Then it is text.
		return undefined;
	}
}
