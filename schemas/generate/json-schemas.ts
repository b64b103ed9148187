// Turns every named TypeBox schema into a JSON Schema document (draft 2020-12) that stands alone: TypeBox repeats a named
// schema wherever it is used, and a document that holds the same $id twice is refused by validators, so each use becomes a
// reference into the document's own $defs.
import { KindGuard, type TSchema } from "@sinclair/typebox";
import * as schemas from "../src/index.js";

export type JsonObject = { [key: string]: unknown };

/**
 * Name in TypeBox (`$id`) → document, ordered by name.
 *
 * @param exported what schemas/src exports, by name
 * @throws Error when a named schema is not exported, or has another name than its export
 */
export function jsonSchemaDocuments(exported: Readonly<Record<string, unknown>> = schemas): Map<string, JsonObject> {
	const named = namedSchemas(exported);
	const documents = new Map<string, JsonObject>();
	for (const name of [...named.keys()].sort()) documents.set(name, toDocument(name, named));
	return documents;
}

/** `$id` of a document. */
export function schemaUrn(name: string): string {
	return `urn:hookbus:schema:v1:${name}`;
}

function namedSchemas(exported: Readonly<Record<string, unknown>>): Map<string, JsonObject> {
	const named = new Map<string, JsonObject>();
	for (const [name, value] of Object.entries(exported)) {
		if (!isSchema(value) || value.$id === undefined) continue;
		if (value.$id !== name) throw new Error(`schema ${name} has the $id "${value.$id}"; name both the same`);
		named.set(name, JSON.parse(JSON.stringify(value)) as JsonObject);
	}
	return named;
}

function isSchema(value: unknown): value is TSchema {
	return typeof value === "object" && value !== null && KindGuard.IsSchema(value);
}

function toDocument(name: string, named: Map<string, JsonObject>): JsonObject {
	const definitions: JsonObject = {};
	const { $id: _name, title = name, description, ...rest } = named.get(name) as JsonObject;
	const body = replaceNamed(rest, named, definitions);
	return {
		$schema: "https://json-schema.org/draft/2020-12/schema",
		$id: schemaUrn(name),
		title,
		...(description === undefined ? {} : { description }),
		...(body as JsonObject),
		...(Object.keys(definitions).length === 0 ? {} : { $defs: sorted(definitions) }),
	};
}

/** Copies a schema; each named one inside becomes a reference, and its own copy goes to `definitions`. */
function replaceNamed(value: unknown, named: Map<string, JsonObject>, definitions: JsonObject): unknown {
	if (Array.isArray(value)) return value.map((item) => replaceNamed(item, named, definitions));
	if (typeof value !== "object" || value === null) return value;
	const { $id, ...rest } = value as JsonObject;
	// Anything else than a text is a property that happens to be called $id.
	if (typeof $id !== "string") return mapValues(value as JsonObject, (item) => replaceNamed(item, named, definitions));
	const original = named.get($id);
	if (original === undefined) throw new Error(`schema "${$id}" is used and not exported by schemas/src/index.ts`);
	if (JSON.stringify(original) !== JSON.stringify(value)) {
		throw new Error(`schema "${$id}" is used with other options than it is defined with; give the variant its own name`);
	}
	if (!($id in definitions)) {
		// Set before going deeper, so that a schema that holds itself ends.
		definitions[$id] = {};
		definitions[$id] = mapValues(rest, (item) => replaceNamed(item, named, definitions));
	}
	return { $ref: `#/$defs/${$id}` };
}

function mapValues(object: JsonObject, change: (value: unknown) => unknown): JsonObject {
	return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function sorted(object: JsonObject): JsonObject {
	return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
