// The manifest shapes of the systems that Hookbus is measured by, through the REST API: each is checked, translated and installed
// as its authors wrote it. README.md says what becomes of each field.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ManifestCheck, PluginChange, PluginDetail } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { buildPlugin } from "../../plugins-wasm/build-plugin.js";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { testManifest } from "../support/build-package.js";
import { buildZip } from "../support/build-zip.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { toolEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { TEST_RANGE } from "../support/plugin-requests.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { type StartedSite, startSite } from "../support/start-listener.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";

let admin: ApiClient;
/** Answers every hook. */
let module: Uint8Array;

beforeAll(async () => {
	// No NATS here: an install does not need it.
	admin = (await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" })).admin;
	const hooks = ["on_chat_message", "on_tool_call", "on_before_response", "on_after_response"];
	module = await moduleReturning(Object.fromEntries(hooks.map((hook) => [hook, { action: "continue" }])));
});

async function validate(manifest: unknown): Promise<ManifestCheck> {
	const answer = await admin.post<ManifestCheck>("/api/v1/plugins/validate-manifest", manifest);
	expect(answer.status).toBe(200);
	return answer.body;
}

/** Installs a .zip of the manifest as it is written, and shows the plugin. */
async function installZip(manifest: Record<string, unknown>, name: string): Promise<PluginDetail> {
	const file = buildZip([
		{ name: "plugin.yaml", content: stringify(manifest) },
		{ name: "plugin.wasm", content: module },
	]);
	const answer = await admin.install<PluginChange>({ file, fields: { grants: "all", enable: "true" } });
	expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
	closeAfter(() => admin.delete(`/api/v1/plugins/${name}`));
	return answer.body.plugin;
}

describe("Skillbox", () => {
	const weather = {
		name: "weather",
		version: "1.2.0",
		description: "Weather for every city",
		author: "Someone",
		type: "api_tool",
		runtime: "wasm",
		functions: [
			{
				name: "get_weather",
				description: "The weather of a city",
				parameters: {
					city: { type: "string", description: "Name of the city", required: true },
					units: { type: "string", enum: ["metric", "imperial"], default: "metric" },
				},
			},
		],
		config_schema: {
			api_key: { type: "string", secret: true, required: true, description: "Key of the weather service" },
			language: { type: "string", default: "en" },
		},
		permissions: ["read_messages"],
		metadata: { category: "weather", tags: ["weather", "api"], cost: { model: "per_call", amount: 0.001 } },
	};

	test("functions, config_schema, permissions and metadata", async () => {
		const report = await validate(weather);
		expect(report).toMatchObject({
			valid: true,
			errors: [],
			manifest: {
				hookbus: "^1.0.0",
				hooks: [{ hook: "on_tool_call", effect: "claim", phases: ["request"] }],
				tools: [{ name: "get_weather", parameters: { type: "object", required: ["city"] } }],
				config: { properties: { api_key: { type: "string", secret: true } }, required: ["api_key"] },
				defaults: { language: "en" },
				permissions: ["read_messages", "read_secrets"],
				category: "weather",
				tags: ["weather", "api"],
			},
		});
		expect(report.warnings.map(({ path }) => path)).toEqual(expect.arrayContaining(["", "/functions", "/metadata/cost"]));
	});

	test("what is normalised is valid, and stays as it is", async () => {
		const { manifest } = await validate(weather);
		expect(await validate(manifest)).toMatchObject({ valid: true, manifest });
	});

	test("errors with their paths in the manifest as it was written", async () => {
		const report = await validate({
			...weather,
			permissions: ["read_messages", "launch_rockets"],
			functions: { f: { description: "d", parameters: { a: { type: "money" } } } },
		});
		expect(report.valid).toBe(false);
		expect(report.errors.map(({ path }) => path).sort()).toEqual(["/functions/f/parameters/a/type", "/permissions/1"]);
	});

	test("JSON import", async () => {
		const json = { manifest: { ...weather, config_schema: {} }, module: Buffer.from(module).toString("base64"), grants: "all" };
		const answer = await admin.post<PluginChange>("/api/v1/plugins/install", { ...json, enable: true });
		expect(answer).toMatchObject({
			status: 201,
			body: {
				created: true,
				plugin: {
					name: "weather",
					status: "enabled",
					digest: createHash("sha256").update(module).digest("hex"),
					tools: [{ name: "get_weather" }],
				},
			},
		});
		closeAfter(() => admin.delete("/api/v1/plugins/weather"));
		const again = await admin.post<PluginChange>("/api/v1/plugins/install", json);
		expect(again).toMatchObject({ status: 200, body: { created: false } });
		const next = { ...json, manifest: { ...json.manifest, version: "1.3.0" } };
		const update = await admin.put<PluginChange>("/api/v1/plugins/weather", next);
		expect(update).toMatchObject({ status: 200, body: { created: true, plugin: { version: "1.3.0" } } });
	});

	test("JSON import of YAML text and of our own form", async () => {
		const sent = { manifest: stringify(testManifest("from-text")), module: Buffer.from(module).toString("base64"), bind: "none" };
		const answer = await admin.post<PluginChange>("/api/v1/plugins/install", sent);
		expect(answer).toMatchObject({ status: 201, body: { plugin: { name: "from-text", bindings: [] } } });
		await admin.delete("/api/v1/plugins/from-text");
	});

	const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString("base64");
	test.each<[string, () => Record<string, unknown>, number, string]>([
		["without a module that it needs", () => ({ manifest: weather }), 422, "package_file_missing"],
		["without a manifest", () => ({ module: base64(module) }), 400, "request_invalid"],
		["with a field that is unknown", () => ({ manifest: weather, grant: "all" }), 400, "request_invalid"],
		["with a module that is no base64", () => ({ manifest: weather, module: "not base64!" }), 422, "upload_field_invalid"],
		["with a module that is none", () => ({ manifest: weather, module: base64("hello") }), 422, "package_unknown"],
		[
			"with another digest",
			() => ({ manifest: weather, module: base64(module), digest: "0".repeat(64) }),
			422,
			"digest_mismatch",
		],
		["with a manifest that is none", () => ({ manifest: { name: "x" }, module: base64(module) }), 422, "manifest_invalid"],
		["with a manifest that cannot be read", () => ({ manifest: "a: [", module: base64(module) }), 422, "manifest_unreadable"],
		["with too many bytes", () => ({ manifest: weather, module: "A".repeat(7_000_000) }), 413, "body_too_large"],
	])("JSON import %s is refused, as a form is", async (_what, sent, status, code) => {
		const answer = await admin.post<ProblemBody>("/api/v1/plugins/install", sent());
		expect([answer.status, answer.body.code]).toEqual([status, code]);
		expect((await admin.get("/api/v1/plugins")).body).toEqual({ items: [] });
	});

	test("JSON import needs the roles that the form needs", async () => {
		const created = await admin.post<{ key: string }>("/api/v1/api-keys", { name: "dev", role: "developer" });
		const developer = admin.as(created.body.key);
		const sent = { manifest: weather, module: base64(module) };
		for (const wish of [{ grants: "all" }, { enable: true }]) {
			expect(await developer.post("/api/v1/plugins/install", { ...sent, ...wish })).toMatchObject({
				status: 403,
				body: { code: "role_missing" },
			});
		}
	});

	test("JSON import is documented beside the form", async () => {
		const document = (await admin.get<OpenApi>("/openapi.json")).body;
		const content = document.paths["/api/v1/plugins/install"]?.post?.requestBody?.content ?? {};
		expect(Object.keys(content).sort()).toEqual(["application/json", "multipart/form-data"]);
		expect(document.components.schemas["PluginImport"]).toMatchObject({ required: ["manifest"] });
	});
});

describe("Skillbox's runtime: api_call", () => {
	let calling: ApiClient;
	let connection: NatsConnection;
	let site: StartedSite;
	let digest: string;

	beforeAll(async () => {
		const nats = await startNats();
		const { wasm } = await buildPlugin("api-call");
		digest = createHash("sha256").update(readFileSync(wasm)).digest("hex");
		calling = (await startTestControlPlane({ natsUrl: nats.url, env: { HOOKBUS_API_CALL_MODULE: wasm } })).admin;
		await calling.ready();
		await spawnRuntime({ natsUrl: nats.url, settings: { HOOKBUS_HTTP_PRIVATE_RANGES: TEST_RANGE } });
		connection = await connectTo(nats.url);
		site = await startSite("127.0.1.1", (request, response) => {
			const url = new URL(request.url ?? "", "http://site");
			if (url.pathname.endsWith("/slow")) return;
			response.statusCode = url.pathname.endsWith("/Atlantis") ? 404 : 200;
			response.setHeader("content-type", "application/json");
			response.end(
				JSON.stringify({ path: url.pathname, query: Object.fromEntries(url.searchParams), key: request.headers["x-api-key"] }),
			);
		});
	}, 600_000);

	const city = { type: "string", description: "Name of the city", required: true };
	const weather = (version = "1.0.0") => ({
		name: "Weather API",
		version,
		description: "Weather for every city",
		license: "MIT",
		runtime: "api_call",
		timeout: "1s",
		functions: [
			{ name: "get_weather", description: "The weather of a city", parameters: { city, days: { type: "integer", default: 3 } } },
			{ name: "report", description: "Reports the weather", parameters: { city, text: { type: "string" } } },
		],
		endpoints: [
			{
				name: "get_weather",
				method: "GET",
				url: `http://127.0.1.1:${site.port}/v1/weather/{{city}}?lang={{config.language}}`,
				query: { days: "{{days}}" },
				headers: { "X-Api-Key": "{{config.api_key}}" },
			},
			{
				name: "report",
				method: "POST",
				url: `http://127.0.1.1:${site.port}/v1/reports`,
				headers: { "X-Api-Key": "{{config.api_key}}" },
				body: { city: "{{city}}", text: "Report: {{text}}" },
			},
		],
		config_schema: {
			api_key: { type: "string", secret: true, required: true },
			language: { type: "string", default: "en" },
		},
		metadata: { category: "weather" },
	});

	const callTool = async (name: string, args: Record<string, unknown>) => {
		const verdict = await ask(connection, toolEvent(name, args, { tenant: "default" }));
		return { action: verdict.action, result: verdict.result as ToolResult | undefined };
	};

	test("needs no module, but one that runs it", async () => {
		const refused = await admin.post<ProblemBody>("/api/v1/plugins/install", { manifest: weather() });
		expect(refused).toMatchObject({ status: 422, body: { code: "api_call_missing" } });
		expect(refused.body.detail).toContain("HOOKBUS_API_CALL_MODULE");
		expect(await validate(weather())).toMatchObject({ valid: false, errors: [{ path: "/runtime" }] });
		const sent = { manifest: weather(), module: Buffer.from(module).toString("base64") };
		expect(await calling.post("/api/v1/plugins/install", sent)).toMatchObject({ status: 422, body: { code: "module_refused" } });
	});

	test.each(["/nowhere/plugin.wasm", import.meta.filename])("does not start with a file that is none: %s", async (path) => {
		const env = { HOOKBUS_API_CALL_MODULE: path };
		const starting = startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", env });
		await expect(starting).rejects.toThrow(`HOOKBUS_API_CALL_MODULE is ${path}, which `);
	});

	test("is installed from JSON, configured, enabled and called, and the key never leaves the host", async () => {
		const checked = await calling.post<ManifestCheck>("/api/v1/plugins/validate-manifest", weather());
		expect(checked.body).toMatchObject({ valid: true, manifest: { name: "weather-api", runtime: "api_call" } });
		const installed = await calling.post<PluginChange>("/api/v1/plugins/install", { manifest: weather(), grants: "all" });
		expect(installed).toMatchObject({
			status: 201,
			body: { plugin: { name: "weather-api", digest, permissions: { granted: ["network_access"], missing: [] } } },
		});
		// What is normalised is the same plugin, in our form.
		const again = await calling.post<PluginChange>("/api/v1/plugins/install", { manifest: installed.body.plugin.manifest });
		expect(again).toMatchObject({ status: 200, body: { created: false } });
		closeAfter(() => calling.delete("/api/v1/plugins/weather-api"));

		expect((await calling.post("/api/v1/plugins/weather-api/enable")).status).toBe(422);
		const key = "k3y-of-the-weather";
		const config = (values: object) => calling.put("/api/v1/plugins/weather-api/config", { config: values });
		expect(await config({ api_key: key, language: "de", endpoints: [] })).toMatchObject({ status: 422 });
		expect((await config({ api_key: key, language: "de" })).status).toBe(200);
		const enabled = await calling.post("/api/v1/plugins/weather-api/enable?wait=applied&waitMs=60000");
		expect(enabled.status).toBe(200);

		const told = await callTool("get_weather", { city: "São Paulo/../x&y" });
		expect(told.action).toBe("claimed");
		expect(told.result).toMatchObject({ isError: true, content: { code: "invalid_argument" } });
		const found = await callTool("get_weather", { city: "São Paulo & Rio" });
		expect(found.result).toEqual({
			content: {
				path: "/v1/weather/S%C3%A3o%20Paulo%20%26%20Rio",
				query: { lang: "de", days: "3" },
				key: "*".repeat(key.length),
			},
		});
		expect(site.requests.at(-1)?.headers["x-api-key"]).toBe(key);

		const reported = await callTool("report", { city: 'Os"lo', text: "\n{{config.api_key}}" });
		expect(reported.result?.isError).toBeUndefined();
		expect(JSON.parse(site.requests.at(-1)?.body ?? "")).toEqual({ city: 'Os"lo', text: "Report: \n{{config.api_key}}" });

		const missing = await callTool("get_weather", { city: "Atlantis" });
		expect(missing.result).toMatchObject({ isError: true, content: { code: "http_status", status: 404, body: { query: {} } } });
		const slow = await callTool("get_weather", { city: "slow" });
		expect(slow.result).toMatchObject({ isError: true, content: { code: "no_response" } });
		const wrong = await callTool("get_weather", { town: "Oslo" });
		expect(wrong.result).toMatchObject({ isError: true });
		expect(site.requests.map(({ url }) => url).filter((url) => url.includes("Oslo"))).toEqual([]);
	});

	test("takes a .zip and a form with the manifest alone, and updates as others do", async () => {
		const file = buildZip([{ name: "plugin.yaml", content: stringify(weather("1.1.0")) }]);
		await calling.post("/api/v1/plugins/install", { manifest: weather() });
		closeAfter(() => calling.delete("/api/v1/plugins/weather-api"));
		const updated = await calling.update<PluginChange>("weather-api", { file });
		expect(updated).toMatchObject({ status: 200, body: { created: true, plugin: { version: "1.1.0", digest } } });
		const form = new FormData();
		form.append("manifest", JSON.stringify(weather("1.1.0")));
		const again = await calling.call<PluginChange>("PUT", "/api/v1/plugins/weather-api", form);
		expect(again).toMatchObject({ status: 200, body: { created: false } });
	});
});

interface ToolResult {
	readonly content: unknown;
	readonly isError?: boolean;
}

interface OpenApi {
	readonly paths: Readonly<Record<string, { readonly post?: { readonly requestBody?: { readonly content?: object } } }>>;
	readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

describe("Arcade", () => {
	const painter = {
		id: "painter",
		name: "Painter",
		version: "2.0.1",
		description: "Paints what somebody describes",
		author: { name: "Someone", email: "someone@example.com" },
		pluginType: "image",
		entryPoint: "on_tool_call",
		configSchema: {
			type: "object",
			properties: { size: { type: "integer", minimum: 64, maximum: 2048 }, style: { type: "string" } },
		},
		defaultConfig: { size: 512, style: "oil" },
		dependencies: { "color-names": "^1.0.0" },
		minVersion: "1.0.0",
		resources: { memory: "64MB", timeout: 5_000 },
		permissions: ["read_messages"],
	};

	test("configSchema, defaultConfig, pluginType, entryPoint, resources, minVersion and dependencies", async () => {
		const report = await validate(painter);
		expect(report).toMatchObject({
			valid: true,
			manifest: {
				name: "painter",
				author: "Someone, someone@example.com",
				type: "image",
				hookbus: ">=1.0.0",
				hooks: [{ hook: "on_tool_call", effect: "claim" }],
				tools: [{ name: "painter" }],
				config: { properties: { size: { minimum: 64 } } },
				defaults: { size: 512, style: "oil" },
				limits: { memoryPages: 1_024, timeoutMs: 5_000 },
			},
		});
		expect(report.warnings.map(({ path }) => path)).toEqual(expect.arrayContaining(["/name", "/dependencies", "/minVersion"]));
		const plugin = await installZip(painter, "painter");
		expect(plugin).toMatchObject({ status: "enabled", type: "image", manifest: { name: "painter", hookbus: ">=1.0.0" } });
	});

	test("minVersion of a newer host and defaults that do not fit are refused at their place", async () => {
		expect((await validate({ ...painter, minVersion: "9.0.0" })).errors).toMatchObject([{ path: "/minVersion" }]);
		expect((await validate({ ...painter, defaultConfig: { size: 1 } })).errors).toMatchObject([{ path: "/defaultConfig/size" }]);
		const both = await validate({ ...painter, config_schema: {} });
		expect(both.errors).toEqual([{ path: "", message: expect.stringContaining("config_schema") }]);
	});
});

describe("hook-based", () => {
	const logger = {
		name: "chat-logger",
		version: "1.0.0",
		description: "Keeps a log of conversations",
		hooks: ["on_chat_message", "on_before_response", "on_after_response"],
		permissions: ["read_messages", "write_files", "network_access"],
	};

	test("plugin.yaml with hooks that are names, and permissions", async () => {
		const answer = await admin.call<ManifestCheck>("POST", "/api/v1/plugins/validate-manifest", stringify(logger), {
			"content-type": "application/yaml",
		});
		expect(answer.body).toMatchObject({
			valid: true,
			manifest: {
				hooks: [
					{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] },
					{ hook: "on_before_response", effect: "transform", paths: ["/response/message"] },
					{ hook: "on_after_response", effect: "observe" },
				],
				permissions: ["read_messages", "write_files"],
			},
		});
		expect(answer.body.warnings).toContainEqual({ path: "/permissions", message: expect.stringContaining("network_access") });
		const plugin = await installZip(logger, "chat-logger");
		expect(plugin).toMatchObject({ status: "enabled", permissions: { granted: ["read_messages", "write_files"], missing: [] } });
	});

	test("an unknown permission and an unknown hook are refused at their place", async () => {
		const report = await validate({ ...logger, hooks: ["on_chat_message", "on_start"], permissions: ["root"] });
		expect(report.errors.map(({ path }) => path)).toEqual(["/hooks/1", "/permissions/0"]);
		const file = buildZip([
			{ name: "plugin.yaml", content: stringify({ ...logger, permissions: ["root"] }) },
			{ name: "plugin.wasm", content: module },
		]);
		const refused = await admin.install<ProblemBody>({ file });
		expect(refused).toMatchObject({ status: 422, body: { code: "manifest_invalid", errors: [{ path: "/permissions/0" }] } });
	});
});

describe("agent-tool", () => {
	test("tools in OpenAI's form", async () => {
		const parameters = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };
		const shout = {
			name: "shout",
			version: "0.1.0",
			description: "Shouts",
			functions: [{ type: "function", function: { name: "shout", description: "Shouts a text", parameters } }],
		};
		const plugin = await installZip(shout, "shout");
		expect(plugin.tools).toEqual([{ name: "shout", description: "Shouts a text", parameters }]);
	});
});
