// Skillbox: plugins with configuration and keys, given to assistants; every call is logged, limited and may fail without harm.

import { readFileSync } from "node:fs";
import {
	type ApiKeyCreated,
	type BindingChange,
	type BindingList,
	type PluginChange,
	type PluginConfig,
	type PluginConfigChange,
	type PluginDetail,
	type PluginList,
	type PluginVersionList,
	ROUTE_BUCKET,
} from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { buildPlugin } from "../../plugins-wasm/build-plugin.js";
import { rows } from "../control-plane/stored-names.js";
import type { ProblemBody } from "../support/api-client.js";
import { closeAfter } from "../support/close-after.js";
import { configIn, configPlugin } from "../support/config-plugin.js";
import { chatEvent } from "../support/events.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { waitFor } from "../support/wait-for.js";
import { speakingModule } from "./speaking-module.js";
import { Stage, WAIT } from "./start-stage.js";

const HOOK = "on_chat_message";
const GATE = [{ hook: HOOK, effect: "gate" }];

let stage: Stage;
let allowing: Uint8Array;

beforeAll(async () => {
	const breaker = { HOOKBUS_BREAKER_FAILURES: "3", HOOKBUS_BREAKER_BACKOFF_MS: "10", HOOKBUS_BREAKER_OPENINGS: "3" };
	stage = await Stage.start({ runtime: { ...breaker, HOOKBUS_HEALTH_INTERVAL_MS: "300", HOOKBUS_HEALTH_FAILURES: "2" } });
	allowing = await moduleReturning({ [HOOK]: { action: "continue", usage: { cost: 0.25, inputTokens: 3 } } });
});

const hello = (assistant: string) => chatEvent("hello", { tenant: "default", assistant });

describe("plugins", () => {
	test("Skillbox: GET /plugins", async () => {
		await stage.install("listed", GATE, allowing, { type: "notify", category: "alerts", tags: ["mail"] });
		await stage.install("other", GATE, allowing, {}, { grants: "all" });
		const names = async (query: string) =>
			(await stage.admin.get<PluginList>(`/api/v1/plugins${query}`)).body.items.map(({ name }) => name);
		expect(await names("")).toEqual(["listed", "other"]);
		expect(await names("?status=disabled")).toEqual(["other"]);
		expect(await names("?type=notify&tag=mail&text=alert")).toEqual(["listed"]);
	});

	test("Skillbox: POST /plugins", async () => {
		const change = await stage.install("posted", GATE, allowing);
		expect(change).toMatchObject({ created: true, plugin: { name: "posted", version: "1.0.0", status: "enabled" } });
		expect((await stage.send(hello("any"))).trail).toMatchObject([{ plugin: "posted", outcome: "ok" }]);
	});

	test("Skillbox: GET /plugins/:id", async () => {
		await stage.install("shown", GATE, allowing, { author: "Someone", category: "alerts" });
		expect(await stage.show("shown")).toMatchObject({
			name: "shown",
			manifest: { author: "Someone", category: "alerts" },
			permissions: { asked: ["read_messages"], granted: ["read_messages"], missing: [] },
			health: { status: "running", faults: [] },
			versions: [{ version: "1.0.0", current: true }],
		});
		expect(await stage.admin.get("/api/v1/plugins/nobody")).toMatchObject({ status: 404, body: { code: "plugin_not_found" } });
	});

	test("Skillbox: PUT /plugins/:id", async () => {
		await stage.install("changed", GATE, allowing);
		const blocking = await moduleReturning({ [HOOK]: { action: "block", reason: "closed" } });
		const file = await zipOf(manifestOf("changed", "1.1.0", GATE), blocking);
		const answer = await stage.admin.update<PluginChange>("changed", { file }, WAIT);
		expect(answer).toMatchObject({ status: 200, body: { created: true, plugin: { version: "1.1.0" } } });
		expect(await stage.send(hello("any"))).toMatchObject({ action: "blocked", trail: [{ version: "1.1.0" }] });
		const { items } = (await stage.admin.get<PluginVersionList>("/api/v1/plugins/changed/versions")).body;
		expect(items.map(({ version, current }) => [version, current])).toEqual([
			["1.1.0", true],
			["1.0.0", false],
		]);
	});

	test("Skillbox: DELETE /plugins/:id", async () => {
		await stage.install("removed", GATE, allowing);
		expect((await stage.admin.delete(`/api/v1/plugins/removed${WAIT}`)).status).toBe(200);
		expect((await stage.admin.get("/api/v1/plugins/removed")).status).toBe(404);
		await expect(stage.send(hello("any"))).rejects.toMatchObject({ code: "503" });
	});
});

describe("configuration", () => {
	const SCHEMA = {
		type: "object",
		properties: {
			greeting: { type: "string", default: "Good day", minLength: 1 },
			api_key: { type: "string", secret: true },
		},
		required: ["greeting"],
		additionalProperties: false,
	};
	const configured = (name: string) =>
		stage.install(name, GATE, allowing, { config: SCHEMA, defaults: { greeting: "Good day" } });

	test("Skillbox: GET /plugins/:id/config", async () => {
		await configured("greeter");
		expect((await stage.admin.get<PluginConfig>("/api/v1/plugins/greeter/config")).body).toMatchObject({
			effective: { greeting: "Good day" },
			schema: { properties: { api_key: { secret: true } } },
		});
	});

	test("Skillbox: POST /plugins/:id/config", async () => {
		await configured("greeter");
		const shown = "/api/v1/plugins/greeter/config";
		const path = `${shown}${WAIT}`;
		const set = await stage.admin.put<PluginConfigChange>(path, { config: { greeting: "Hi" } });
		expect(set).toMatchObject({ status: 200, body: { effective: { greeting: "Hi" } } });
		const refused = await stage.admin.put<ProblemBody>(path, { config: { greeting: 7, colour: "red" } });
		expect(refused).toMatchObject({ status: 422, body: { code: "config_invalid" } });
		expect(refused.body.errors?.map((error) => error.path).sort()).toEqual(["/colour", "/greeting"]);
		expect((await stage.admin.get<PluginConfig>(shown)).body.effective).toMatchObject({ greeting: "Hi" });
	});

	test("Skillbox: encrypted keys", async () => {
		const key = "sk-parity-7f3a9c21d5";
		await configured("keyed");
		const path = `/api/v1/plugins/keyed/config${WAIT}`;
		const answer = await stage.admin.put<PluginConfigChange>(path, { config: { greeting: "Hi", api_key: key } });
		expect(answer).toMatchObject({ status: 200, body: { config: { api_key: { set: true } } } });
		const { database } = stage.control.plane;
		const tables = await rows(database, "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'");
		for (const { name } of tables) {
			const found = await rows(database, `SELECT count(*) AS hits FROM "${String(name)}" AS r WHERE r::text LIKE '%${key}%'`);
			expect([name, Number(found[0]?.["hits"])]).toEqual([name, 0]);
		}
		const routes = await stage.connection.jetstream().views.kv(ROUTE_BUCKET);
		expect((await routes.get("default"))?.string()).not.toContain(key);
		expect(stage.control.logs()).not.toContain(key);
		expect(JSON.stringify(await stage.show("keyed"))).not.toContain(key);
	});

	test("Skillbox: configuration of a user", async () => {
		await stage.install("personal", GATE, await configPlugin(), { config: SCHEMA, defaults: { greeting: "Good day" } });
		const path = "/api/v1/plugins/personal/config";
		const set = await stage.admin.put<PluginConfigChange>(`${path}${WAIT}&user=ann`, { config: { greeting: "Hi Ann" } });
		expect(set).toMatchObject({ status: 200, body: { effective: { greeting: "Hi Ann" }, sources: { "/greeting": "user" } } });
		const greetingOf = async (id: string) =>
			(configIn(await stage.send({ ...hello("any"), user: { id } }), "personal") as { greeting: string }).greeting;
		expect(await greetingOf("ann")).toBe("Hi Ann");
		expect(await greetingOf("bob")).toBe("Good day");
		expect((await stage.admin.delete(`${path}${WAIT}&user=ann`)).status).toBe(200);
		expect(await greetingOf("ann")).toBe("Good day");
	});

	test("Skillbox: configuration for all", async () => {
		const { zip } = await buildPlugin("hello-world");
		closeAfter(() => stage.admin.delete("/api/v1/plugins/hello-world"));
		const sent = { file: readFileSync(zip), fields: { grants: "all", enable: "true" } };
		expect((await stage.admin.install(sent, WAIT)).status).toBe(201);
		const instruction = async (assistant: string) => JSON.stringify((await stage.send(hello(assistant))).data);
		expect(await instruction("a")).toContain("Answer in the language");
		await stage.admin.put(`/api/v1/plugins/hello-world/config${WAIT}`, { config: { instruction: "Be brief." } });
		expect(await instruction("a")).toContain("Be brief.");
		// An assistant's own value lies over it.
		const own = { enabled: true, config: { instruction: "Be thorough." } };
		expect((await stage.admin.put(`/api/v1/assistants/b/plugins/hello-world${WAIT}`, own)).status).toBe(200);
		expect([await instruction("a"), await instruction("b")]).toMatchObject([
			expect.stringContaining("Be brief."),
			expect.stringContaining("Be thorough."),
		]);
	}, 600_000);
});

describe("assistants", () => {
	const bare = (name: string) => stage.install(name, GATE, allowing, {}, { grants: "all", enable: "true", bind: "none" });

	test("Skillbox: GET /assistants/:id/plugins", async () => {
		await bare("given");
		await stage.admin.post(`/api/v1/assistants/reader/plugins${WAIT}`, { plugin: "given", order: 5 });
		const { items } = (await stage.admin.get<BindingList>("/api/v1/assistants/reader/plugins")).body;
		expect(items).toMatchObject([{ plugin: "given", assistant: "reader", enabled: true, order: 5 }]);
		expect((await stage.admin.get<BindingList>("/api/v1/assistants/writer/plugins")).body.items).toEqual([]);
	});

	test("Skillbox: POST /assistants/:id/plugins", async () => {
		await bare("given");
		const path = `/api/v1/assistants/reader/plugins${WAIT}`;
		const bound = await stage.admin.post<BindingChange>(path, { plugin: "given" });
		expect(bound).toMatchObject({ status: 201, body: { binding: { plugin: "given", assistant: "reader" } } });
		expect((await stage.send(hello("reader"))).trail).toMatchObject([{ plugin: "given", outcome: "ok" }]);
		await expect(stage.send(hello("writer"))).rejects.toMatchObject({ code: "503" });
		expect(await stage.admin.post(path, { plugin: "given" })).toMatchObject({ status: 409, body: { code: "binding_exists" } });
	});

	test("Skillbox: DELETE /assistants/:id/plugins/:pid", async () => {
		await bare("given");
		await stage.admin.post(`/api/v1/assistants/reader/plugins${WAIT}`, { plugin: "given" });
		expect((await stage.admin.delete(`/api/v1/assistants/reader/plugins/given${WAIT}`)).status).toBe(200);
		await expect(stage.send(hello("reader"))).rejects.toMatchObject({ code: "503" });
		expect((await stage.admin.get<PluginDetail>("/api/v1/plugins/given")).status).toBe(200);
	});
});

describe("promises", () => {
	test("Skillbox: roles", async () => {
		await stage.install("guarded", GATE, allowing);
		const keys: Record<string, string> = {};
		for (const role of ["viewer", "developer", "operator"])
			keys[role] = (await stage.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: role, role })).body.key;
		const sent = { file: await zipOf(manifestOf("mine", "1.0.0", GATE), allowing) };
		closeAfter(() => stage.admin.delete("/api/v1/plugins/mine"));
		const may: Record<string, number[]> = {};
		for (const [role, key] of Object.entries({ nobody: undefined, ...keys })) {
			const client = stage.admin.as(key);
			const calls = [
				await client.get("/api/v1/plugins"),
				await client.install(sent),
				await client.put("/api/v1/plugins/guarded/config", { config: {} }),
				await client.delete("/api/v1/plugins/guarded"),
			];
			may[role] = calls.map(({ status }) => status);
		}
		expect(may).toEqual({
			nobody: [401, 401, 401, 401],
			viewer: [200, 403, 403, 403],
			developer: [200, 201, 403, 403],
			operator: [200, 200, 200, 403],
		});
	});

	test("Skillbox: rate limit per plugin", async () => {
		await stage.install("limited", [{ hook: HOOK, effect: "transform", paths: ["/messages"] }], allowing);
		await stage.install("free", GATE, allowing);
		const set = await stage.admin.put(`/api/v1/plugins/limited/limits${WAIT}`, { ratePerMinute: 2 });
		expect(set.status).toBe(200);
		const outcomes: string[] = [];
		for (let index = 0; index < 4; index += 1) {
			const { trail, action } = await stage.send(hello("any"));
			expect(action).toBe("continue");
			outcomes.push(trail.map(({ plugin, outcome }) => `${plugin} ${outcome}`).join());
		}
		const [first, , , last] = outcomes;
		expect([first, last]).toEqual(["free ok,limited ok", "free ok,limited rate_limited"]);
	});

	test("Skillbox: every call is logged with time, cost and error", async () => {
		await stage.install("dear", GATE, allowing);
		await stage.install("broken", [{ hook: HOOK, effect: "transform", paths: ["/messages"] }], await fixtureModule("trap"));
		const before = Date.now();
		const { id } = await stage.send(hello("logged"));
		const records = await stage.executions(`event=${id}`, 2);
		const [dear, broken] = ["dear", "broken"].map((name) => records.find(({ plugin }) => plugin === name));
		expect(dear).toMatchObject({ outcome: "ok", status: "ok", assistant: "logged", usage: { cost: 0.25, inputTokens: 3 } });
		expect(dear?.durationMs).toBeGreaterThan(0);
		expect(Date.parse(dear?.startedAt ?? "")).toBeGreaterThanOrEqual(before - 1_000);
		expect(broken).toMatchObject({ outcome: "trap", status: "failed", error: expect.stringMatching(/unreachable/) });
	});

	test("Skillbox: health checks with automatic deactivation", async () => {
		await stage.install("failing", GATE, await fixtureModule("trap"));
		const disabled = await waitFor("it is disabled", async () => {
			await stage.send(hello("any")).catch(() => undefined);
			const detail = await stage.show("failing");
			return detail.status === "disabled" ? detail : undefined;
		});
		expect(disabled.disabledReason).toMatchObject({ version: "1.0.0", runtime: "real", reason: expect.stringMatching(/^trap/) });
		expect(disabled.health.recent.errors).toBeGreaterThan(0);
	});

	test("Skillbox: health checks, asked of the plugin", async () => {
		const healthOf = async (name: string) => (await stage.show(name)).health;
		await stage.install("fit", GATE, await speakingModule({ hook: HOOK, health: "well" }));
		await stage.install("plain", GATE, await speakingModule({ hook: HOOK }));
		const probed = await waitFor("it was asked", async () => {
			const health = await healthOf("fit");
			return health.probes.length === 1 ? health : undefined;
		});
		expect(probed).toMatchObject({
			status: "running",
			probes: [{ runtime: "real", version: "1.0.0", healthy: true, failures: 0 }],
		});
		expect((await healthOf("plain")).probes).toEqual([]);
	});

	test.each(["ill", "hang"] as const)(
		"Skillbox: health checks with automatic deactivation, export health: %s",
		async (health) => {
			await stage.install("sick", GATE, await speakingModule({ hook: HOOK, health }));
			const disabled = await waitFor("it is disabled", async () => {
				const detail = await stage.show("sick");
				return detail.status === "disabled" ? detail : undefined;
			});
			const reason = health === "ill" ? /^its health: guest_error: I feel awful/ : /^its health: timeout/;
			expect(disabled.disabledReason).toMatchObject({ runtime: "real", reason: expect.stringMatching(reason) });
			await waitFor("no event reaches it", () =>
				stage.send(hello("any")).then(
					({ trail }) => trail.length === 0,
					() => true,
				),
			);
			// Enabled again it begins anew, and is found out anew.
			expect((await stage.admin.post<PluginChange>(`/api/v1/plugins/sick/enable${WAIT}`)).body.plugin.status).toBe("enabled");
		},
	);

	test("Skillbox: graceful degradation", async () => {
		const transform = [{ hook: HOOK, effect: "transform", paths: ["/messages"], order: 1 }];
		await stage.install("crashing", transform, await fixtureModule("trap"));
		await stage.install("hanging", transform, await fixtureModule("loop-forever"), { limits: { timeoutMs: 50 } });
		await stage.install("sound", GATE, allowing);
		expect(await stage.send(hello("any"))).toMatchObject({
			action: "continue",
			trail: [
				{ plugin: "crashing", outcome: "trap", skipped: true },
				{ plugin: "hanging", outcome: "timeout", skipped: true },
				{ plugin: "sound", outcome: "ok" },
			],
		});
	});
});
