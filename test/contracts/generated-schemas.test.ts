// The generated JSON Schemas are what others build on. They must fit schemas/src, and an independent validator must come
// to the same result as TypeBox: a keyword that only TypeBox understands would let through elsewhere what is refused here.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Schema, Validator } from "@cfworker/json-schema";
import { EVENT_SCHEMAS, HOOKS, type HookName, isEvent } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import { describe, expect, test } from "vitest";
import { differences, existingFiles, wantedFiles } from "../../schemas/generate/generated-files.js";
import { jsonSchemaDocuments } from "../../schemas/generate/json-schemas.js";
import { tempDir } from "../support/temp-dir.js";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const GENERATED = join(REPOSITORY, "schemas/generated/json-schema");
const NAMES = readdirSync(GENERATED).map((file) => file.replace(/\.json$/, ""));
const HOOK_NAMES = Object.keys(HOOKS) as HookName[];

function generatedSchema(name: string): Schema {
	return JSON.parse(readFileSync(join(GENERATED, `${name}.json`), "utf8")) as Schema;
}

function exampleEvent(hook: HookName): Record<string, unknown> {
	return JSON.parse(readFileSync(join(REPOSITORY, `test/fixtures/events/${hook}.json`), "utf8")) as Record<string, unknown>;
}

function validate(schema: Schema, value: unknown): string[] {
	const { errors } = new Validator(schema, "2020-12", false).validate(value);
	return errors.map((error) => `${error.instanceLocation} ${error.error}`);
}

describe("the freshness check", () => {
	test("finds what is checked in fresh", () => {
		expect(differences(wantedFiles(), existingFiles(join(REPOSITORY, "schemas/generated")))).toEqual([]);
	});

	test("lists what is stale, missing and obsolete", () => {
		const wanted = new Map([
			["same.json", "1"],
			["changed.json", "2"],
			["new.json", "3"],
		]);
		const there = new Map([
			["same.json", "1"],
			["changed.json", "1"],
			["gone.json", "4"],
		]);
		expect(differences(wanted, there)).toEqual(["missing  new.json", "obsolete gone.json", "stale    changed.json"]);
	});

	test("takes a folder that does not exist for an empty one", () => {
		expect(existingFiles(join(tempDir(), "none")).size).toBe(0);
	});
});

describe("the generator", () => {
	const Inner = Type.String({ $id: "Inner" });

	test("writes a named schema once and refers to it", () => {
		const Outer = Type.Object({ a: Inner, b: Type.Optional(Inner) }, { $id: "Outer" });
		expect(jsonSchemaDocuments({ Inner, Outer }).get("Outer")).toMatchObject({
			required: ["a"],
			properties: { a: { $ref: "#/$defs/Inner" }, b: { $ref: "#/$defs/Inner" } },
			$defs: { Inner: { type: "string" } },
		});
	});

	test("refuses a named schema that is not exported", () => {
		const Outer = Type.Object({ a: Inner }, { $id: "Outer" });
		expect(() => jsonSchemaDocuments({ Outer })).toThrow('schema "Inner" is used and not exported');
	});

	test("refuses a named schema whose use differs from its definition", () => {
		const Outer = Type.Object({ a: { ...Inner, maxLength: 3 } }, { $id: "Outer" });
		expect(() => jsonSchemaDocuments({ Inner, Outer })).toThrow('schema "Inner" is used with other options');
	});

	test("refuses an export whose name differs from its $id", () => {
		expect(() => jsonSchemaDocuments({ Other: Inner })).toThrow('schema Other has the $id "Inner"');
	});
});

describe("every generated schema", () => {
	test.each(NAMES)("%s stands alone: each reference leads into itself", (name) => {
		const schema = generatedSchema(name);
		expect(schema).toMatchObject({
			$schema: "https://json-schema.org/draft/2020-12/schema",
			$id: `urn:hookbus:schema:v1:${name}`,
		});
		expect(schema["title"]).toBe(name);
		const definitions = Object.keys((schema["$defs"] as object | undefined) ?? {});
		const used = new Set<string>();
		JSON.stringify(schema, (key, value: unknown) => {
			if (key === "$ref") used.add(value as string);
			return value;
		});
		for (const reference of used) expect(definitions).toContain(reference.replace("#/$defs/", ""));
		expect(JSON.stringify(schema).match(/"\$id":/g)).toHaveLength(1);
	});
});

describe.each(HOOK_NAMES)("the example of %s", (hook) => {
	const schema = generatedSchema(EVENT_SCHEMAS[hook].$id as string);

	test("is valid for TypeBox and for the generated schema", () => {
		expect(isEvent(hook, exampleEvent(hook))).toBe(true);
		expect(validate(schema, exampleEvent(hook))).toEqual([]);
	});

	const faults: readonly [string, (event: Record<string, unknown>) => unknown][] = [
		["another hook", (event) => ({ ...event, hook: "on_something_else" })],
		["a tenant with a dot", (event) => ({ ...event, tenant: "acme.other" })],
		["no id", ({ id: _id, ...event }) => event],
		["a time with an offset", (event) => ({ ...event, time: "2026-11-21T09:15:04+01:00" })],
		["no data", ({ data: _data, ...event }) => event],
		["data of another shape", (event) => ({ ...event, data: { messages: "none" } })],
		["a deadline over the limit", (event) => ({ ...event, deadlineMs: 30_001 })],
	];
	test.each(faults)("with %s is refused by both", (_fault, change) => {
		const event = change(exampleEvent(hook));
		expect(isEvent(hook, event)).toBe(false);
		expect(validate(schema, event)).not.toEqual([]);
	});
});
