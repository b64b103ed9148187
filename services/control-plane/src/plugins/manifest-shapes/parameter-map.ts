// A map of names with a type each, as functions and configurations are described elsewhere, to JSON Schema. Reads type, description,
// required, default, enum, secret and the keywords of JSON Schema; what is a JSON Schema already stays as it is.
import { escapeToken } from "../../checks/json-schema-faults.js";
import { isObject } from "../../config/merge-config.js";
import type { Translation } from "./translation.js";
import { shown } from "./written-values.js";

const TYPES: ReadonlyMap<unknown, string> = new Map([
	...["string", "number", "integer", "boolean", "array", "object"].map((type): [string, string] => [type, type]),
	["text", "string"],
	["password", "string"],
	["secret", "string"],
	["select", "string"],
	["str", "string"],
	["int", "integer"],
	["float", "number"],
	["bool", "boolean"],
	["list", "array"],
	["map", "object"],
	["dict", "object"],
]);
const SECRET_TYPES = ["password", "secret"];
/** Keywords that mean the same there and in JSON Schema. */
const KEPT = [
	"description",
	"title",
	"default",
	"enum",
	"format",
	"pattern",
	"items",
	"properties",
	"additionalProperties",
	"examples",
	"minimum",
	"maximum",
	"multipleOf",
	"minLength",
	"maxLength",
	"minItems",
	"maxItems",
	"uniqueItems",
];
const TRANSLATED = ["type", "required", "secret"];

export interface ParameterPlaces {
	/** Pointer into our manifest at which the schema will stand. */
	readonly to: string;
	/** Pointer into the foreign manifest. */
	readonly from: string;
	/** `arguments`: of a tool, which have no secrets. */
	readonly of: "arguments" | "config";
}

/** The JSON Schema, an object; `undefined` after an error that was noted. */
export function parameterSchema(
	translation: Translation,
	value: unknown,
	places: ParameterPlaces,
): Record<string, unknown> | undefined {
	const { to, from } = places;
	translation.cameFrom(to, from);
	if (!isObject(value)) {
		translation.refuse(from, "must be an object: a name, and for each name its type, description and more");
		return undefined;
	}
	if (value["type"] === "object") return value;
	const properties: [string, Record<string, unknown>][] = [];
	const required: string[] = [];
	for (const [name, spec] of Object.entries(value)) {
		const path = `${from}/${escapeToken(name)}`;
		translation.cameFrom(`${to}/properties/${escapeToken(name)}`, path);
		const described = typeof spec === "string" ? { type: spec } : spec;
		if (!isObject(described)) translation.refuse(path, "must be an object with type, description and more");
		else {
			properties.push([name, propertySchema(translation, described, path, places.of)]);
			if (described["required"] === true) required.push(name);
		}
	}
	return {
		type: "object",
		properties: Object.fromEntries(properties),
		...(required.length === 0 ? {} : { required }),
		...(places.of === "config" ? { additionalProperties: false } : {}),
	};
}

function propertySchema(
	translation: Translation,
	spec: Readonly<Record<string, unknown>>,
	path: string,
	of: ParameterPlaces["of"],
): Record<string, unknown> {
	const isSecret = spec["secret"] === true || SECRET_TYPES.includes(spec["type"] as string);
	if (isSecret && of === "arguments") translation.refuse(path, "an argument cannot be secret: the model writes it");
	const type = isSecret && spec["type"] === undefined ? "string" : spec["type"];
	if (type !== undefined && !TYPES.has(type)) {
		translation.refuse(`${path}/type`, `${shown(type)} is no type; there are ${[...TYPES.keys()].join(", ")}`);
	}
	const required = spec["required"];
	if (required !== undefined && typeof required !== "boolean") {
		translation.refuse(`${path}/required`, "must be true or false");
	}
	const kept = Object.entries(spec).filter(([keyword, value]) => {
		if (KEPT.includes(keyword)) return value !== null && !(isSecret && keyword === "default" && value === "");
		if (!TRANSLATED.includes(keyword)) {
			translation.warn(`${path}/${escapeToken(keyword)}`, "is not carried over: JSON Schema has nothing like it");
		}
		return false;
	});
	return {
		...(type === undefined ? {} : { type: TYPES.get(type) ?? type }),
		...Object.fromEntries(kept),
		...(isSecret ? { secret: true } : {}),
	};
}
