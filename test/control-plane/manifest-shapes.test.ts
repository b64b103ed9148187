// Manifests of other shapes: each is told by what it has and becomes ours; what cannot be carried over is named with its place in
// the manifest as it was written. What the whole control plane makes of them is in test/parity/manifests.test.ts.
import { readFileSync } from "node:fs";
import type { Manifest } from "@hookbus/schemas";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { CheckThreads } from "../../services/control-plane/dist/checks/check-threads.js";
import { checkManifest, normaliseManifest } from "../../services/control-plane/src/plugins/check-manifest.js";
import { translateManifest } from "../../services/control-plane/src/plugins/manifest-shapes/translate-manifest.js";
import { testManifest } from "../support/build-package.js";

const threads = new CheckThreads();
afterAll(() => threads.close());

const base = { name: "tester", version: "1.0.0", description: "d", license: "MIT" };

const check = (manifest: unknown) => checkManifest(manifest, threads);

async function translated(manifest: Record<string, unknown>): Promise<Manifest> {
	const report = await check({ ...base, ...manifest });
	expect(report.errors).toEqual([]);
	return report.manifest as Manifest;
}

/** Paths of the errors. */
async function refusedAt(manifest: Record<string, unknown>): Promise<string[]> {
	const report = await check({ ...base, ...manifest });
	expect(report.manifest).toBeUndefined();
	return report.errors.map(({ path }) => path);
}

async function warnedAt(manifest: Record<string, unknown>): Promise<string[]> {
	const report = await check({ ...base, ...manifest });
	expect(report.errors).toEqual([]);
	return report.warnings.map(({ path }) => path);
}

describe("our own form", () => {
	const hook = fc.constantFrom<Record<string, unknown>[]>(
		{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] },
		{ hook: "on_before_response", effect: "gate", order: -5 },
		{ hook: "on_after_response", effect: "observe" },
		{ hook: "on_tool_call", effect: "gate", phases: ["result"] },
	);
	const own = fc.record(
		{
			name: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).map((name) => `p-${name}`),
			version: fc.constantFrom("1.0.0", "0.1.2-beta.1", "10.20.30+build"),
			description: fc.string({ minLength: 1, maxLength: 50, unit: "grapheme-ascii" }),
			hookbus: fc.constantFrom("^1.0.0", ">=1.0.0", "1.x"),
			hooks: fc.uniqueArray(hook, { minLength: 1, maxLength: 4 }),
			author: fc.string({ unit: "grapheme-ascii" }),
			type: fc.constantFrom("image", "notify", "custom"),
			tags: fc.array(fc.stringMatching(/^[a-z]{1,10}$/), { maxLength: 5 }),
			permissions: fc.uniqueArray(fc.constantFrom("read_messages", "state", "write_files"), { maxLength: 3 }),
			config: fc.constant({ type: "object", properties: { key: { type: "string", default: "x" } } }),
			limits: fc.record({ timeoutMs: fc.integer({ min: 1, max: 10_000 }) }),
		},
		{ requiredKeys: ["name", "version", "description", "hookbus", "hooks"] },
	);

	test("stays as it is, and with its defaults written out it stays as well", async () => {
		await fc.assert(
			fc.asyncProperty(own, async (manifest) => {
				const report = await check(manifest);
				expect(report.errors).toEqual([]);
				expect(report.manifest).toBe(manifest);
				const complete = normaliseManifest(report.manifest as Manifest);
				const again = await check(complete);
				expect(again.errors).toEqual([]);
				expect(again.manifest).toBe(complete);
				expect(normaliseManifest(complete)).toEqual(complete);
			}),
			{ numRuns: 60 },
		);
	});

	test("has no other fields, whatever shape they may come from", async () => {
		for (const field of ["functions", "config_schema", "configSchema", "pluginType", "endpoints", "metadata"]) {
			const report = await check({ ...testManifest(), [field]: {} });
			expect(report.errors.map(({ path }) => path)).toContain(`/${field}`);
		}
	});
});

test("anything that looks like another shape is translated once, and then never again", async () => {
	const anything = fc.oneof(
		fc.jsonValue({ maxDepth: 3 }),
		fc.array(fc.constantFrom("message", "on_chat_message", "network_access", "read_messages", "initialize")),
		fc.dictionary(fc.string(), fc.record({ type: fc.constantFrom("string", "int", "secret"), default: fc.jsonValue() })),
	);
	const text = fc.constantFrom(
		"https://a.example.com/{{city}}?k={{config.key}}",
		"{{city}}",
		"x {{config.key}}",
		"{{",
		"post",
		"1s",
	);
	const request = fc.dictionary(
		fc.constantFrom("name", "url", "method", "query", "headers", "body", "parameters", "timeout", "description"),
		fc.oneof(text, fc.dictionary(fc.string(), text), fc.jsonValue()),
	);
	const some = fc.oneof(anything, fc.constant("api_call"), fc.array(request), fc.dictionary(fc.string(), request));
	const names = ["name", "version", "functions", "config_schema", "hooks", "permissions", "metadata", "configSchema"];
	const more = ["defaultConfig", "pluginType", "entryPoint", "resources", "minVersion", "dependencies", "tools", "runtime"];
	const rest = ["id", "description", "author", "repository", "tags", "allowed_hosts", "timeout", "rate_limit", "endpoints"];
	const fields = Object.fromEntries([...names, ...more, ...rest].map((name) => [name, some]));
	await fc.assert(
		fc.asyncProperty(fc.record(fields, { requiredKeys: [] }), async (manifest) => {
			const before = structuredClone(manifest);
			const { manifest: once } = translateManifest(manifest);
			expect(manifest).toEqual(before);
			expect(translateManifest(once).manifest).toBe(once);
			const report = await check(manifest);
			expect(report.manifest === undefined).toBe(report.errors.length > 0);
		}),
		{ numRuns: 400 },
	);
}, 60_000);

describe("functions", () => {
	const functions = [
		{
			name: "get_weather",
			description: "Weather of a city",
			parameters: {
				city: { type: "string", description: "Its name", required: true },
				units: { type: "string", enum: ["metric", "imperial"], default: "metric" },
				days: { type: "int", minimum: 1 },
			},
		},
	];

	test("become tools with JSON Schema that the plugin answers", async () => {
		const manifest = await translated({ functions });
		expect(manifest.hooks).toEqual([{ hook: "on_tool_call", effect: "claim" }]);
		expect(manifest.tools).toEqual([
			{
				name: "get_weather",
				description: "Weather of a city",
				parameters: {
					type: "object",
					properties: {
						city: { type: "string", description: "Its name" },
						units: { type: "string", enum: ["metric", "imperial"], default: "metric" },
						days: { type: "integer", minimum: 1 },
					},
					required: ["city"],
				},
			},
		]);
	});

	test("by name, with a JSON Schema, without parameters, and in OpenAI's form", async () => {
		const schema = { type: "object", properties: { q: { type: "string" } } };
		const byName = await translated({ functions: { search: { description: "Searches", parameters: schema } } });
		expect(byName.tools).toEqual([{ name: "search", description: "Searches", parameters: schema }]);
		const wrapped = { type: "function", function: { name: "now", description: "Tells the time" } };
		const openAi = await translated({ functions: [wrapped] });
		expect(openAi.tools).toEqual([
			{ name: "now", description: "Tells the time", parameters: { type: "object", properties: {} } },
		]);
	});

	test("stand beside hooks that are names", async () => {
		const manifest = await translated({ functions, hooks: ["after_response"] });
		expect(manifest.hooks.map(({ hook }) => hook)).toEqual(["on_after_response", "on_tool_call"]);
	});

	test.each([
		[
			"a type that is none",
			{ functions: { f: { description: "d", parameters: { a: { type: "money" } } } } },
			"/functions/f/parameters/a/type",
		],
		["no description", { functions: [{ name: "f" }] }, "/functions/0/description"],
		["a name that is none", { functions: [{ name: "f g", description: "d" }] }, "/functions/0/name"],
		[
			"a pattern that is none",
			{ functions: [{ name: "f", description: "d", parameters: { a: { type: "string", pattern: "(" } } }] },
			"/functions/0/parameters/a/pattern",
		],
		[
			"a secret argument",
			{ functions: { f: { description: "d", parameters: { a: { secret: true } } } } },
			"/functions/f/parameters/a",
		],
		["no list", { functions: "all" }, "/functions"],
		["another runtime", { functions, runtime: "python" }, "/runtime"],
		["an unknown permission", { functions, permissions: ["read_messages", "root"] }, "/permissions/1"],
		["tool calls at another hook as well", { functions, hooks: ["tool_call"] }, "/hooks"],
	])("with %s are refused at their place", async (_what, manifest, path) => {
		expect(await refusedAt(manifest)).toContain(path);
	});

	test("name what is not carried over", async () => {
		const paths = await warnedAt({
			functions: [{ ...functions[0], returns: "string" }],
			metadata: { category: "weather", cost_model: { per_call: 1 }, stars: 5 },
			colour: "blue",
		});
		for (const path of ["", "/functions/0/returns", "/metadata/cost_model", "/metadata/stars", "/colour"])
			expect(paths).toContain(path);
	});
});

describe("declared requests", () => {
	const endpoint = {
		name: "get_weather",
		description: "Weather of a city",
		url: "https://api.example.com/v1/cities/{{city}}/weather?units=metric&key={{config.api_key}}",
		query: { days: "{{days}}" },
		headers: { Authorization: "Bearer {{config.token}}", accept: "application/json" },
		parameters: { city: { type: "string", required: true }, days: { type: "integer", default: 3 } },
	};
	const config_schema = {
		api_key: { type: "string", secret: true, required: true },
		token: { type: "secret" },
		lang: { type: "string", default: "en" },
	};
	const with_ = (changes: Record<string, unknown>) => ({
		runtime: "api_call",
		endpoints: [{ ...endpoint, ...changes }],
		config_schema,
	});

	test("become tools, network rules with secrets, and a configuration that cannot be changed", async () => {
		const manifest = await translated(with_({}));
		const endpoints = [
			{
				name: "get_weather",
				method: "GET",
				url: "https://api.example.com/v1/cities/{{city}}/weather",
				query: { units: "metric", days: "{{days}}" },
				headers: { accept: "application/json" },
				defaults: { days: 3 },
				timeoutMs: 8_000,
			},
		];
		expect(manifest).toMatchObject({
			runtime: "api_call",
			hooks: [{ hook: "on_tool_call", effect: "claim", phases: ["request"] }],
			tools: [{ name: "get_weather", description: "Weather of a city", parameters: { required: ["city"] } }],
			permissions: ["network_access"],
			network: [
				{
					host: "api.example.com",
					scheme: "https",
					methods: ["GET"],
					path: "/v1/cities",
					secrets: [
						{ secret: "api_key", query: "key" },
						{ secret: "token", header: "Authorization", prefix: "Bearer " },
					],
				},
			],
			config: { required: ["api_key"], properties: { api_key: { secret: true }, endpoints: { const: endpoints } } },
			limits: { timeoutMs: 8_500, outputBytes: 1_048_576 },
		});
		expect(manifest.defaults).toEqual({ endpoints });
		const again = await check(normaliseManifest(manifest));
		expect(again.errors).toEqual([]);
	});

	test("as the README of api-call shows them are complete", async () => {
		const readme = readFileSync(new URL("../../plugins-wasm/api-call/README.md", import.meta.url), "utf8");
		const report = await check(JSON.parse(/```json\n(.*?)```/s.exec(readme)?.[1] ?? ""));
		expect(report.errors).toEqual([]);
		expect(report.manifest?.network).toMatchObject([{ path: "/v1/cities", secrets: [{ secret: "api_key", query: "key" }] }]);
	});

	test("by name, told of by functions, without runtime", async () => {
		const { name: _name, parameters, description: _told, ...request } = endpoint;
		const manifest = await translated({
			functions: [{ name: "weather", endpoint: "get", description: "Tells the weather", parameters }],
			endpoints: { get: request, unused: { url: "https://other.example.com" } },
			config_schema,
		});
		expect(manifest.tools).toMatchObject([{ name: "weather", description: "Tells the weather" }]);
		expect(manifest.defaults).toMatchObject({ endpoints: [{ name: "weather" }] });
		expect(manifest.network).toHaveLength(1);
	});

	test("without parameters have those that they name", async () => {
		const { parameters: _parameters, ...bare } = endpoint;
		const manifest = await translated({ endpoints: [{ ...bare, body: { a: "{{deep.inside}}" } }], config_schema });
		expect(manifest.tools?.[0]?.parameters).toEqual({
			type: "object",
			properties: { city: { type: "string" }, days: { type: "string" }, deep: { type: "string" } },
			required: ["city"],
		});
	});

	test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
		["an object", { body: { q: "{{city}}" } }, { body: { q: "{{city}}" } }],
		[
			"JSON text",
			{ body: '{"q": "about {{city}}", "n": {{days}}, "s": "\\"{{city}}"}' },
			{ body: { q: "about {{city}}", n: "{{days}}", s: '"{{city}}' } },
		],
		["a text", { body: "city={{city}}" }, { text: "city={{city}}" }],
		[
			"a form",
			{ body: "q={{city}}&x=a%20b", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
			{ form: { q: "{{city}}", x: "a b" } },
		],
	])("take %s as their body, and post it", async (_what, changes, fields) => {
		const { defaults } = await translated(with_(changes));
		expect(defaults).toMatchObject({ endpoints: [{ method: "POST", ...fields }] });
	});

	test("share rules where they can, and those of longer paths come first", async () => {
		const manifest = await translated({
			endpoints: [
				{ name: "a", description: "d", url: "https://api.example.com/v1/{{x}}" },
				{ name: "b", description: "d", url: "https://api.example.com/v1/{{x}}", method: "delete" },
				{ name: "c", description: "d", url: "https://api.example.com/v1/longer/{{x}}?k={{config.key}}" },
				{ name: "d", description: "d", url: "http://api.example.com:8080" },
			],
			config_schema: { key: { secret: true } },
		});
		expect(manifest.network).toEqual([
			{
				host: "api.example.com",
				scheme: "https",
				methods: ["GET"],
				path: "/v1/longer",
				secrets: [{ secret: "key", query: "k" }],
			},
			{ host: "api.example.com", scheme: "https", methods: ["GET", "DELETE"], path: "/v1" },
			{ host: "api.example.com", scheme: "http", port: 8080, methods: ["GET"], path: "/" },
		]);
	});

	test("wait as long as they say, as far as the host waits", async () => {
		const manifest = await translated({
			timeout: "2s",
			endpoints: [
				{ name: "a", description: "d", url: "https://a.example.com" },
				{ name: "b", description: "d", url: "https://b.example.com", timeout: "1m" },
			],
		});
		expect(manifest.defaults).toMatchObject({ endpoints: [{ timeoutMs: 2_000 }, { timeoutMs: 9_500 }] });
		expect(manifest.limits?.timeoutMs).toBe(10_000);
	});

	test.each<[string, Record<string, unknown>, string]>([
		["a host in places", with_({ url: "https://{{config.lang}}.example.com/" }), "/endpoints/0/url"],
		["no URL", with_({ url: undefined }), "/endpoints/0/url"],
		["a user in the URL", with_({ url: "https://me:pw@example.com/" }), "/endpoints/0/url"],
		["a path that climbs", with_({ url: "https://example.com/a/../b" }), "/endpoints/0/url"],
		["a host that is none", with_({ url: "https://localhost/x" }), "/endpoints/0/url"],
		["a parameter twice", with_({ query: { units: "x" } }), "/endpoints/0/url"],
		["a method that is none", with_({ method: "BREW" }), "/endpoints/0/method"],
		["a secret in the path", with_({ url: "https://example.com/{{config.api_key}}" }), "/endpoints/0/url"],
		["a secret in the body", with_({ body: { key: ["{{config.api_key}}"] } }), "/endpoints/0/body"],
		["a secret in the middle of a header", with_({ headers: { a: "x {{config.token}} y" } }), "/endpoints/0/headers/a"],
		["a place that nothing fills", with_({ query: { c: "{{citty}}" } }), "/endpoints/0/query"],
		["a setting that is not there", with_({ query: { c: "{{config.language}}" } }), "/endpoints/0/query"],
		["JSON that is none", with_({ body: "{", headers: { "content-type": "application/json" } }), "/endpoints/0/body"],
		["a time that is none", with_({ timeout: "long" }), "/endpoints/0/timeout"],
		["no endpoints", { runtime: "api_call" }, "/endpoints"],
		[
			"more than 64 of them",
			{ endpoints: Array.from({ length: 5_000 }, () => ({ url: "https://a.example.com" })) },
			"/endpoints",
		],
		["a function without its request", { ...with_({}), functions: [{ name: "f" }] }, "/functions/0"],
		["a hook", { ...with_({}), hooks: ["message"] }, "/hooks"],
		[
			"a setting of a reserved name",
			{ ...with_({}), config_schema: { ...config_schema, endpoints: {} } },
			"/config_schema/endpoints",
		],
		["settings of another shape", { ...with_({}), configSchema: {} }, ""],
		["a parameter of no type", with_({ parameters: { city: { type: "place" } } }), "/endpoints/0/parameters/city/type"],
		[
			"other secrets for the same address",
			{
				endpoints: [
					{ name: "a", description: "d", url: "https://a.example.com/x?k={{config.api_key}}" },
					{ name: "b", description: "d", url: "https://a.example.com/x" },
				],
				config_schema,
			},
			"/endpoints/1",
		],
	])("with %s are refused at their place", async (_what, manifest, path) => {
		expect(await refusedAt(manifest)).toContain(path);
	});
});

describe("a configuration that is a map", () => {
	const config_schema = {
		api_key: { type: "string", secret: true, required: true, description: "Key" },
		token: { type: "password", default: "" },
		base: { type: "string", default: "x", required: false },
		level: { type: "select", enum: ["a", "b"] },
	};

	test("becomes a JSON Schema with secrets and defaults", async () => {
		const manifest = normaliseManifest(await translated({ hooks: ["message"], config_schema, permissions: ["read_messages"] }));
		expect(manifest.config).toEqual({
			type: "object",
			additionalProperties: false,
			required: ["api_key"],
			properties: {
				api_key: { type: "string", secret: true, description: "Key" },
				token: { type: "string", secret: true },
				base: { type: "string", default: "x" },
				level: { type: "string", enum: ["a", "b"] },
			},
		});
		expect(manifest.defaults).toEqual({ base: "x" });
		expect(manifest.permissions).toEqual(["read_messages", "read_secrets"]);
	});

	test("must not hold a secret's value, nor a default that does not fit", async () => {
		const paths = await refusedAt({ hooks: ["message"], config_schema: { key: { secret: true, default: "s3cret" } } });
		expect(paths).toEqual(["/config_schema/key/default"]);
		const wrong = await refusedAt({ hooks: ["message"], config_schema: { level: { type: "int", default: "x" } } });
		expect(wrong).toEqual(["/defaults/level"]);
	});
});

describe("settings and resources", () => {
	const settings = { id: "image-maker", name: "Image Maker", pluginType: "image" };

	test("become type, limits, range and configuration", async () => {
		const manifest = await translated({
			...settings,
			hooks: ["on_chat_message"],
			configSchema: { type: "object", properties: { size: { type: "integer" }, key: { type: "string", secret: true } } },
			defaultConfig: { size: 5, key: "" },
			resources: { memory: "16MB", timeout: 2_000 },
			minVersion: "1.0",
		});
		expect(manifest).toMatchObject({
			name: "image-maker",
			type: "image",
			hookbus: ">=1.0",
			defaults: { size: 5 },
			limits: { memoryPages: 256, timeoutMs: 2_000 },
			permissions: ["read_secrets"],
		});
	});

	test.each([
		["64MB", 1_024],
		["64 MiB", 1_024],
		["65536k", 1_024],
		[64, 1_024],
		["1m", 16],
		["0.001m", 1],
		["512MB", 2_048],
	])("memory of %s is %i pages", async (memory, pages) => {
		const manifest = await translated({ ...settings, resources: { memory } });
		expect(manifest.limits?.memoryPages).toBe(pages);
	});

	test.each([
		["500ms", 500],
		["1.5s", 1_500],
		["2m", 10_000],
		[30_000, 10_000],
	])("a time of %s is %i ms", async (timeout, ms) => {
		expect((await translated({ ...settings, resources: { timeout } })).limits?.timeoutMs).toBe(ms);
	});

	test.each([
		["memory without a sensible unit", { resources: { memory: 536_870_912 } }, "/resources/memory"],
		["a time that is none", { resources: { timeout: "soon" } }, "/resources/timeout"],
		["a host that is newer", { minVersion: "2.0.0" }, "/minVersion"],
		["a default secret", { configSchema: { k: { secret: true } }, defaultConfig: { k: "s" } }, "/defaultConfig/k"],
		["a default that does not fit", { configSchema: { n: { type: "int" } }, defaultConfig: { n: "s" } }, "/defaultConfig/n"],
		["the fields of another shape", { config_schema: {} }, ""],
	])("with %s are refused at their place", async (_what, manifest, path) => {
		expect(await refusedAt({ ...settings, ...manifest })).toEqual([path]);
	});

	test.each([
		["nothing said: one tool", {}, [{ hook: "on_tool_call", effect: "claim" }]],
		[
			"an entry point that is a hook",
			{ entryPoint: "onBeforeResponse" },
			[{ hook: "on_before_response", effect: "transform", paths: ["/response/message"] }],
		],
		["a plugin that notifies", { pluginType: "notify" }, [{ hook: "on_after_response", effect: "observe" }]],
		[
			"tools",
			{ tools: [{ name: "draw", description: "Draws" }], entryPoint: "main.wasm" },
			[{ hook: "on_tool_call", effect: "claim" }],
		],
	])("run where it is plain: %s", async (_what, manifest, hooks) => {
		expect((await translated({ ...settings, ...manifest })).hooks).toEqual(hooks);
	});

	test("name what is not carried over", async () => {
		const paths = await warnedAt({
			...settings,
			entryPoint: "index.js",
			dependencies: { other: "^1.0.0" },
			resources: { gpu: 1 },
		});
		for (const path of ["/name", "/entryPoint", "/dependencies", "/resources/gpu"]) expect(paths).toContain(path);
	});
});

describe("hooks that are names", () => {
	test.each([
		[["on_chat_message", "on_tool_call", "on_before_response", "on_after_response"]],
		[["message", "tool_call", "before_response", "after_response"]],
		[["OnChatMessage", "onToolCall", "OnBeforeResponse", "on-after-response"]],
	])("%j are the four hooks", async (hooks) => {
		expect((await translated({ hooks })).hooks).toEqual([
			{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] },
			{ hook: "on_tool_call", effect: "transform", paths: ["/call/arguments", "/result/content"] },
			{ hook: "on_before_response", effect: "transform", paths: ["/response/message"] },
			{ hook: "on_after_response", effect: "observe" },
		]);
	});

	test("keep their order and permissions, and need neither lifecycle nor hosts", async () => {
		const manifest = await translated({
			name: "Chat Logger",
			version: "v1.2",
			hooks: ["initialize", "message", "shutdown"],
			priority: 7,
			permissions: ["read_messages", "write_files", "network_access"],
		});
		expect(manifest).toMatchObject({ name: "chat-logger", version: "1.2.0", permissions: ["read_messages", "write_files"] });
		expect(manifest.hooks).toMatchObject([{ hook: "on_chat_message", order: 7 }]);
	});

	test("send requests to the hosts that they name", async () => {
		const hosts = { hooks: ["message"], permissions: ["network_access"], allowed_hosts: ["api.example.com"] };
		const manifest = await translated(hosts);
		expect(manifest.network).toEqual([{ host: "api.example.com", methods: ["GET", "POST"] }]);
		expect(manifest.permissions).toEqual(["network_access"]);
		expect(await refusedAt({ ...hosts, allowed_hosts: ["ok.example.com", "Not a host"] })).toEqual(["/allowed_hosts/1"]);
	});

	test.each([
		["a hook that is none", { hooks: ["message", "on_startup"] }, "/hooks/1"],
		["an unknown permission", { hooks: ["message"], permissions: ["admin"] }, "/permissions/0"],
		["the same hook twice", { hooks: ["message", "on_chat_message"] }, "/hooks/1"],
	])("with %s are refused at their place", async (_what, manifest, path) => {
		expect(await refusedAt(manifest)).toEqual([path]);
	});
});
