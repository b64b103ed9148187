// Runs inside a check thread and handles what strangers wrote: YAML, JSON Schemas with regular expressions, indexes. Each of
// them can be made to take for ever or to fill the heap; in here that costs a thread, in the main thread the service.
import { isMainThread, parentPort } from "node:worker_threads";
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { indexShapeFault, isGenuineIndex, type MarketplaceIndex } from "@hookbus/schemas";
import { parseDocument } from "yaml";
import { digestOfJson } from "../canonical-json.js";
import type { CheckAnswers, CheckQuestion, IndexReading, SchemaFault } from "./check-messages.js";
import { findUnstorable } from "./unstorable-text.js";

if (isMainThread || parentPort === null) throw new Error("check-thread.js runs in a worker thread only");

const port = parentPort;
port.on("message", (question: CheckQuestion) => {
	try {
		port.postMessage({ ok: true, answer: answer(question) });
	} catch (thrown) {
		port.postMessage({ ok: false, failed: thrown instanceof Error ? thrown.message : String(thrown) });
	}
});
port.postMessage("ready");

function answer(asked: CheckQuestion): CheckAnswers[CheckQuestion["type"]] {
	switch (asked.type) {
		case "read_index":
			return readIndex(asked.text, asked.publicKey);
		case "parse_manifest":
			return parseManifest(asked.text);
		case "validate":
			return { faults: asked.values.flatMap((value, index) => validate(asked.schema, value, index)) };
	}
}

/** Megabytes that somebody hosts: parsed, checked and verified here, so that requests do not wait behind it. */
function readIndex(text: string, publicKey: string): IndexReading {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (thrown) {
		return { fault: thrown instanceof Error ? thrown.message : "is not JSON" };
	}
	const fault = indexShapeFault(value);
	if (fault !== undefined) return { fault: `${fault.path || "the whole"}: ${fault.message}` };
	const index = value as MarketplaceIndex;
	if (!isGenuineIndex(index, publicKey)) return { unsigned: true };
	const unstorable = findUnstorable(index);
	if (unstorable !== undefined) return { fault: `${unstorable}: holds U+0000 or half of a surrogate pair` };
	return { index, digest: digestOfJson(index) };
}

/** YAML 1.2; JSON is part of it. */
function parseManifest(text: string): CheckAnswers["parse_manifest"] {
	const document = parseDocument(text, { version: "1.2", schema: "core", uniqueKeys: true, prettyErrors: true, merge: false });
	const [error] = document.errors;
	if (error !== undefined) return { fault: (error.message.split("\n")[0] ?? "not YAML").slice(0, 300) };
	try {
		// A few aliases are fine; thousands of them are the "billion laughs".
		return { value: document.toJS({ maxAliasCount: 20 }) as unknown };
	} catch (thrown) {
		return { fault: thrown instanceof Error ? thrown.message : String(thrown) };
	}
}

function validate(schema: Record<string, unknown>, value: unknown, index: number): SchemaFault[] {
	const { errors } = new Validator(schema as Schema, "2020-12", false).validate(value);
	return leaves(errors).map((error) => ({
		index,
		path: error.instanceLocation.replace(/^#/, ""),
		keyword: error.keyword,
		message: error.keyword === "false" ? "is not a property that the schema knows" : error.error,
	}));
}

/** Keywords that only say that something below did not fit; what did not fit is reported by itself. */
const SUMMARIES = new Set([
	"$ref",
	"allOf",
	"properties",
	"patternProperties",
	"additionalProperties",
	"unevaluatedProperties",
	"items",
	"prefixItems",
	"additionalItems",
	"unevaluatedItems",
	"dependentSchemas",
	"propertyNames",
]);
const MAX_FAULTS = 50;

function leaves(errors: readonly OutputUnit[]): OutputUnit[] {
	const found = errors.filter(({ keyword }) => !SUMMARIES.has(keyword));
	return (found.length > 0 ? found : [...errors]).slice(0, MAX_FAULTS);
}
