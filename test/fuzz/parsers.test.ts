// What reads events, results of plugins and manifests, on anything that may come: it says what is wrong in an error of its own
// kind, or gives back what was written, in a moment, and leaves everything else alone.

import { CheckThreads, checkManifest, normaliseManifest, parseManifest } from "@hookbus/control-plane";
import { CodedError } from "@hookbus/foundation";
import { type HookEvent, isEvent, isPluginResult, manifestFaults } from "@hookbus/schemas";
import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { applyResult } from "../../services/runtime/src/chain/apply-result.js";
import { readEvent } from "../../services/runtime/src/chain/read-event.js";
import { BadOutput, readResult } from "../../services/runtime/src/chain/read-result.js";
import { testManifest } from "../support/build-package.js";
import { afterEvent, chatEvent, responseEvent, toolEvent } from "../support/events.js";
import { quickly, sharedProperties } from "./expect-harmless.js";
import { moveBytes, type Random, randomFrom, replaceBytes, replaceValue } from "./mutate.js";

const SEED = 20_263;
const INPUTS = 15_000;
const MANIFESTS = 1_000;
const OUTPUT_BYTES = 262_144;

let before: unknown;
beforeEach(() => {
	before = sharedProperties();
});
afterEach(() => {
	expect(sharedProperties()).toEqual(before);
});

/** One of the originals with a random change of its bytes or of a value in it; now and then any JSON at all. */
function mutated(originals: readonly unknown[], random: Random): Buffer {
	const original = originals[Math.floor(random() * originals.length)];
	const kind = random();
	if (kind < 0.1)
		return Buffer.from(JSON.stringify(fc.sample(fc.jsonValue(), { numRuns: 1, seed: Math.floor(random() * 2 ** 31) })[0]));
	let value = original;
	for (let changes = kind < 0.6 ? 1 + Math.floor(random() * 3) : 0; changes > 0; changes -= 1)
		value = replaceValue(value, random);
	const bytes = Buffer.from(JSON.stringify(value));
	if (kind < 0.6) return bytes;
	return Buffer.from(kind < 0.9 ? replaceBytes(bytes, random, 3) : moveBytes(bytes, random));
}

/** What JSON says; the readers under test go other ways than this one. */
const plain = (bytes: Uint8Array): unknown =>
	JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));

const events: readonly HookEvent[] = [
	chatEvent("a text", {
		user: { id: "u-1", roles: ["staff"] },
		traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}),
	toolEvent("calculate", { expression: "1 + 1", deep: [{ er: [1, 2, { x: null }] }] }),
	responseEvent("an answer"),
	afterEvent(),
];

test("FZ-01 events are valid or a coded error", async () => {
	const random = randomFrom(SEED);
	const seen = { valid: 0, refused: 0 };
	for (let input = 0; input < INPUTS; input += 1) {
		const { hook, tenant, assistant } = events[input % events.length] as HookEvent;
		const bytes = mutated(events.slice(input % events.length, (input % events.length) + 1), random);
		const read = await quickly(() => {
			try {
				return readEvent(bytes, { hook, tenant, assistant });
			} catch (thrown) {
				expect(thrown, bytes.toString()).toBeInstanceOf(CodedError);
				expect((thrown as CodedError).code).toMatch(/^event_(not_json|invalid|misaddressed)$/);
				return undefined;
			}
		});
		seen[read === undefined ? "refused" : "valid"] += 1;
		if (read === undefined) continue;
		expect(isEvent(hook, read)).toBe(true);
		expect(read).toEqual(plain(bytes));
		expect([read.tenant, read.assistant]).toEqual([tenant, assistant]);
	}
	expect(Math.min(seen.valid, seen.refused), JSON.stringify(seen)).toBeGreaterThan(INPUTS / 50);
});

const results: readonly unknown[] = [
	{
		action: "continue",
		annotations: { score: 0.5, words: ["a", "b"], deep: { er: { x: null } } },
		usage: { inputTokens: 3, cost: 0.1 },
	},
	{ action: "modify", patch: { messages: [{ role: "user", parts: [{ type: "text", text: "x" }] }], other: null } },
	{ action: "block", reason: "no", message: "not here" },
	{ action: "claim", result: { isError: false, content: "4" } },
];

test("FZ-01 results are valid or bad output, and change no more of an event than their effect and their paths allow", async () => {
	const random = randomFrom(SEED);
	const seen = { valid: 0, refused: 0, modified: 0 };
	const effects = ["observe", "transform", "gate", "claim"] as const;
	for (let input = 0; input < INPUTS; input += 1) {
		const bytes = mutated(results, random);
		const result = await quickly(() => {
			try {
				return readResult(bytes, OUTPUT_BYTES);
			} catch (thrown) {
				expect(thrown, bytes.toString()).toBeInstanceOf(BadOutput);
				return undefined;
			}
		});
		seen[result === undefined ? "refused" : "valid"] += 1;
		if (result === undefined) continue;
		expect(isPluginResult(result)).toBe(true);
		expect(result).toEqual(plain(bytes));
		const event = events[input % events.length] as HookEvent;
		const copy = structuredClone(event);
		const effect = effects[Math.floor(random() * effects.length)] as (typeof effects)[number];
		const applied = applyResult(event, result, effect, ["/messages"], "plugin");
		expect(event).toEqual(copy);
		expect(applied.event !== undefined && effect !== "transform").toBe(false);
		expect(applied.block !== undefined && effect !== "gate").toBe(false);
		expect(applied.claim !== undefined && effect !== "claim").toBe(false);
		if (applied.event === undefined) continue;
		seen.modified += 1;
		expect(isEvent(event.hook, applied.event)).toBe(true);
		const messages = (applied.event.data as { messages?: unknown }).messages;
		expect(applied.event).toEqual({ ...event, data: { ...event.data, messages } });
	}
	expect(Math.min(seen.valid, seen.refused), JSON.stringify(seen)).toBeGreaterThan(INPUTS / 50);
	expect(seen.modified, JSON.stringify(seen)).toBeGreaterThan(50);
});

describe("manifests", () => {
	const threads = new CheckThreads();

	afterAll(async () => {
		await threads.close();
	});

	const manifests: readonly unknown[] = [
		testManifest(),
		{
			...testManifest(),
			author: "somebody",
			tags: ["a", "b"],
			hooks: [
				{ hook: "on_tool_call", effect: "claim", phases: ["request"] },
				{ hook: "on_before_response", effect: "gate", order: 5 },
			],
			tools: [{ name: "add", description: "adds", parameters: { type: "object", properties: { a: { type: "number" } } } }],
			permissions: ["read_messages", "read_secrets"],
			config: {
				type: "object",
				properties: { key: { type: "string", secret: true }, size: { type: "integer", minimum: 1, default: 3 } },
				additionalProperties: false,
			},
			defaults: { size: 4 },
			limits: { timeoutMs: 500, memoryPages: 64 },
		},
	];

	test("FZ-01 are valid or have faults, each with a path", async () => {
		const random = randomFrom(SEED);
		const seen = { valid: 0, refused: 0 };
		for (let input = 0; input < INPUTS; input += 1) {
			let value: unknown;
			try {
				value = plain(mutated(manifests, random));
			} catch {
				continue;
			}
			const faults = await quickly(() => manifestFaults(value));
			seen[faults.length === 0 ? "valid" : "refused"] += 1;
			for (const { path, message } of faults) {
				expect(path).toMatch(/^(\/.*)?$/s);
				expect(message.length).toBeGreaterThan(3);
			}
		}
		expect(Math.min(seen.valid, seen.refused), JSON.stringify(seen)).toBeGreaterThan(INPUTS / 50);
	});

	test("FZ-01 as text, in YAML and in JSON, are valid or coded errors, and their defaults are nothing but data", async () => {
		const random = randomFrom(SEED);
		const seen = { valid: 0, faulty: 0, unreadable: 0 };
		for (let input = 0; input < MANIFESTS; input += 1) {
			const inYaml = random() < 0.5;
			const manifest = manifests[input % manifests.length];
			const json = mutated([manifest], random);
			const text = (inYaml ? Buffer.from(replaceBytes(Buffer.from(stringify(manifest)), random, 2)) : json).toString("utf8");
			let value: unknown;
			try {
				value = await parseManifest(text, "plugin.yaml", threads);
			} catch (thrown) {
				expect(thrown, text).toBeInstanceOf(CodedError);
				expect((thrown as CodedError).code).toBe("manifest_unreadable");
				seen.unreadable += 1;
				continue;
			}
			const { manifest: checked, errors } = await checkManifest(value, threads);
			seen[checked === undefined ? "faulty" : "valid"] += 1;
			expect(errors.length > 0, text).toBe(checked === undefined);
			if (checked === undefined) continue;
			const { defaults } = normaliseManifest(checked);
			expect(JSON.parse(JSON.stringify(defaults))).toEqual(defaults);
			expect(Object.getPrototypeOf(defaults)).toBe(Object.prototype);
		}
		expect(Math.min(seen.valid, seen.faulty, seen.unreadable), JSON.stringify(seen)).toBeGreaterThan(MANIFESTS / 50);
	});
});
