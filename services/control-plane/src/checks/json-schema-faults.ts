// Looks over a JSON Schema that a stranger wrote before any validator sees it: bounded size and depth, keywords of the right
// shape, references that stay inside, regular expressions that compile. A validator assumes all of that and fails oddly.
import type { FaultLocation } from "@hookbus/foundation";
import { isObject } from "../config/merge-config.js";

export const MAX_SCHEMA_BYTES = 64 * 1024;
const MAX_DEPTH = 16;

const ONE = new Set([
	"items",
	"additionalItems",
	"additionalProperties",
	"unevaluatedItems",
	"unevaluatedProperties",
	"contains",
	"propertyNames",
	"not",
	"if",
	"then",
	"else",
]);
const LIST = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const MAP = new Set(["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"]);
const NUMBER = new Set([
	"minimum",
	"maximum",
	"exclusiveMinimum",
	"exclusiveMaximum",
	"multipleOf",
	"minLength",
	"maxLength",
	"minItems",
	"maxItems",
	"minProperties",
	"maxProperties",
	"minContains",
	"maxContains",
]);
const TYPES = new Set(["object", "array", "string", "number", "integer", "boolean", "null"]);
const REFUSED = new Map([
	["$id", "a schema here has no address of its own; remove it"],
	["id", "a schema here has no address of its own; remove it"],
	["$dynamicRef", "use $ref"],
	["$recursiveRef", "use $ref"],
]);

export interface SchemaVisitor {
	/** Called for every schema object with the pointer to it; `depth` 0 is the root. */
	visit(schema: Record<string, unknown>, path: string): void;
}

/** Everything wrong with the schema; paths begin with `at`, its place in the manifest. */
export function jsonSchemaFaults(root: Record<string, unknown>, at: string, visitor?: SchemaVisitor): FaultLocation[] {
	const size = Buffer.byteLength(JSON.stringify(root));
	if (size > MAX_SCHEMA_BYTES) return [{ path: at, message: `the schema has ${size} bytes; at most ${MAX_SCHEMA_BYTES}` }];
	const faults: FaultLocation[] = [];
	const fault = (path: string, message: string) => {
		faults.push({ path, message });
	};

	const schema = (value: unknown, path: string, depth: number): void => {
		if (typeof value === "boolean") return;
		if (!isObject(value)) return fault(path, "must be a schema: an object, true or false");
		if (depth > MAX_DEPTH) return fault(path, `schemas are nested more than ${MAX_DEPTH} deep`);
		visitor?.visit(value, path);
		for (const [keyword, inner] of Object.entries(value)) keywordFaults(keyword, inner, `${path}/${escapeToken(keyword)}`, depth);
	};

	const keywordFaults = (keyword: string, value: unknown, path: string, depth: number): void => {
		const refused = REFUSED.get(keyword);
		if (refused !== undefined) return fault(path, `${keyword} is not allowed: ${refused}`);
		if (keyword === "items" && Array.isArray(value)) return fault(path, "a list of schemas belongs in prefixItems");
		if (ONE.has(keyword)) return schema(value, path, depth + 1);
		if (LIST.has(keyword)) return list(value, path, depth);
		if (MAP.has(keyword)) return map(keyword, value, path, depth);
		if (NUMBER.has(keyword) && typeof value !== "number") return fault(path, "must be a number");
		if (keyword === "$ref") return reference(value, path);
		if (keyword === "type") return type(value, path);
		if (keyword === "pattern") return pattern(value, path);
		if (keyword === "required") return strings(value, path);
		if (keyword === "enum" && !Array.isArray(value)) return fault(path, "must be a list");
	};

	const list = (value: unknown, path: string, depth: number): void => {
		if (!Array.isArray(value) || value.length === 0) return fault(path, "must be a list of schemas, not empty");
		value.forEach((inner, index) => {
			schema(inner, `${path}/${index}`, depth + 1);
		});
	};

	const map = (keyword: string, value: unknown, path: string, depth: number): void => {
		if (!isObject(value)) return fault(path, "must be an object of schemas");
		for (const [name, inner] of Object.entries(value)) {
			if (keyword === "patternProperties") pattern(name, `${path}/${escapeToken(name)}`);
			schema(inner, `${path}/${escapeToken(name)}`, depth + 1);
		}
	};

	const reference = (value: unknown, path: string): void => {
		if (typeof value !== "string" || !/^#(\/|$)/.test(value)) {
			return fault(path, `${JSON.stringify(value)} leads out of the schema; only pointers such as #/$defs/name are followed`);
		}
		if (resolvePointer(root, value.slice(1)) === undefined) fault(path, `${value} leads to nothing`);
	};

	const type = (value: unknown, path: string): void => {
		const names = Array.isArray(value) ? value : [value];
		for (const name of names) {
			if (typeof name !== "string" || !TYPES.has(name)) fault(path, `${JSON.stringify(name)} is no JSON Schema type`);
		}
	};

	const pattern = (value: unknown, path: string): void => {
		if (typeof value !== "string") return fault(path, "must be a regular expression");
		try {
			new RegExp(value, "u");
		} catch (thrown) {
			fault(path, thrown instanceof Error ? thrown.message : "is no regular expression");
		}
	};

	const strings = (value: unknown, path: string): void => {
		if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) fault(path, "must be a list of names");
	};

	schema(root, at, 0);
	return faults.slice(0, 50);
}

function resolvePointer(root: unknown, pointer: string): unknown {
	if (pointer === "") return root;
	let at = root;
	for (const token of pointer.slice(1).split("/")) {
		const key = decodeToken(token);
		if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
		at = (at as Record<string, unknown>)[key];
	}
	return isObject(at) || typeof at === "boolean" ? at : undefined;
}

function decodeToken(token: string): string {
	try {
		return decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
	} catch {
		// A stray percent sign: then it is meant as it stands.
		return token;
	}
}

/** A name as a part of a JSON Pointer. */
export function escapeToken(token: string): string {
	return token.replaceAll("~", "~0").replaceAll("/", "~1");
}
