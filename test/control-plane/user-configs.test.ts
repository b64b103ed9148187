// A plugin's configuration, laid over each other: default, tenant, assistant, user. What each scope sets and shows, and with a real
// runtime what the plugin gets for the event of a user.
import { compileRouteTable } from "@hookbus/control-plane";
import { createMasterKeys, createSecretOpener } from "@hookbus/foundation";
import {
	type ApiKeyCreated,
	type Explanation,
	isRouteTable,
	type PluginChange,
	type PluginConfig,
	type PluginConfigChange,
	type PluginDetail,
	type RolloutChange,
	type RuntimeFleet,
	type SealedSecret,
	type TenantCreated,
	type UserConfigList,
	type UserConfigsRemoved,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { closeAfter } from "../support/close-after.js";
import { configIn, configPlugin } from "../support/config-plugin.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { TEST_MASTER_KEY } from "../support/route-tables.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { PATIENT, spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { binding, plugin } from "./routing-input.js";
import { rows } from "./stored-names.js";

const HOOK = "on_chat_message";
const WAIT = "wait=applied&waitMs=60000";
const HEAD = { tenant: "default", revision: 7, compiledAt: "2026-01-01T00:00:00.000Z" };

const SCHEMA = {
	type: "object",
	additionalProperties: false,
	properties: {
		colour: { type: "string", default: "red", maxLength: 10 },
		style: {
			type: "object",
			default: { bold: false, size: 1 },
			properties: { bold: { type: "boolean" }, size: { type: "integer", maximum: 10 } },
		},
		tags: { type: "array", items: { type: "string" } },
		ceiling: { type: "integer", userScope: false },
		key: { type: "string", secret: true, minLength: 4 },
		fail: { type: "boolean" },
	},
};

function manifest(name: string, version = "1.0.0", config: Record<string, unknown> = SCHEMA) {
	return manifestOf(name, version, [{ hook: HOOK, effect: "gate" }], {
		config,
		permissions: ["read_messages", "read_secrets"],
	});
}

describe("what is compiled", () => {
	const base = { name: "a", config: { colour: "red", style: { bold: true } }, manifest: { config: SCHEMA } };
	const compile = (input: Parameters<typeof plugin>[0], ...bindings: ReturnType<typeof binding>[]) => {
		const table = compileRouteTable(HEAD, { plugins: [plugin(input)], bindings });
		expect(isRouteTable(table)).toBe(true);
		return table;
	};
	const own = (config: Record<string, unknown>, user = "ann") => ({ user, config, secrets: {} });

	test("only what differs, for each configuration that bindings make; nothing for a user with whom nothing differs", () => {
		const users = [own({ style: { size: 5 } }), own({ colour: "blue" }, "bob"), own({ style: { bold: true } }, "eve")];
		const { plugins, userConfigs } = compile(
			{ ...base, users },
			binding("a"),
			binding("a", { assistant: "helpdesk", config: { colour: "blue", style: { size: 3 } } }),
		);
		const [plain, ofHelpdesk] = Object.keys(plugins) as [string, string];
		expect(userConfigs?.[plain]).toMatchObject([
			{ user: "ann", config: { style: { bold: true, size: 5 } } },
			{ user: "bob", config: { colour: "blue" } },
		]);
		expect(userConfigs?.[ofHelpdesk]).toMatchObject([{ user: "ann", config: { style: { bold: true, size: 5 } } }]);
		expect(userConfigs?.[ofHelpdesk]).toHaveLength(1);
	});

	test("at a mandatory binding no user's counts, and without a binding none is there", () => {
		const users = [own({ colour: "blue" })];
		expect(compile({ ...base, users }, binding("a", { mandatory: true })).userConfigs).toBeUndefined();
		expect(compile({ ...base, users }).userConfigs).toBeUndefined();
	});

	test("a user's configuration is no new revision of the plugin, and users who have the same run the same", () => {
		const without = compile(base, binding("a"));
		const users = [own({ colour: "blue" }), own({ colour: "blue" }, "bob")];
		const table = compile({ ...base, users }, binding("a"));
		expect(table.plugins).toEqual(without.plugins);
		const [ann, bob] = table.userConfigs?.["a"] ?? [];
		expect(ann?.configRevision).toBe(bob?.configRevision);
	});
});

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let connection: NatsConnection;
	let module: Uint8Array;

	beforeAll(async () => {
		const nats = await startNats();
		control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await create() });
		api = control.admin;
		await api.ready();
		await spawnRuntime({ natsUrl: nats.url, id: "rt", settings: PATIENT });
		connection = await connectTo(nats.url);
		module = await configPlugin();
	});

	/** An enabled plugin that runs for everybody, and goes after the test. */
	async function install(name: string) {
		await installEnabled(api, manifest(name), module);
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
	}

	const set = <T = PluginConfigChange>(name: string, query: string, config: unknown) =>
		api.put<T>(`/api/v1/plugins/${name}/config?${query}`, { config });
	const show = async (name: string, query = "") => (await api.get<PluginConfig>(`/api/v1/plugins/${name}/config?${query}`)).body;

	/** What the plugin gets for an event. */
	async function configAt(name: string, assistant: string, user?: string): Promise<unknown> {
		const event = chatEvent("hello", { tenant: "default", assistant, ...(user === undefined ? {} : { user: { id: user } }) });
		return configIn(await ask(connection, event), name);
	}

	test("default, tenant, assistant and user are laid over each other, shown with where each value comes from, and run so", async () => {
		await install("layers");
		expect(await configAt("layers", "bot", "ann")).toEqual({ colour: "red", style: { bold: false, size: 1 } });
		expect((await set("layers", WAIT, { tags: ["t"], style: { size: 2 } })).status).toBe(200);
		expect((await set<ProblemBody>("layers", "assistant=bot", { colour: "grey" })).body).toMatchObject({
			code: "binding_not_found",
		});
		await api.put("/api/v1/assistants/bot/plugins/layers", { order: 5 });
		expect((await set("layers", `assistant=bot&${WAIT}`, { colour: "grey", style: { bold: true } })).status).toBe(200);
		const answer = await set("layers", `user=ann&${WAIT}`, { style: { size: 9 }, tags: ["own"] });
		expect(answer).toMatchObject({ status: 200, body: { applied: { runtimes: [{ id: "rt", faults: [] }] } } });

		const style = { bold: true, size: 9 };
		expect(await show("layers", "assistant=bot&user=ann")).toMatchObject({
			config: { style: { size: 9 }, tags: ["own"], key: { set: false } },
			effective: { colour: "grey", style, tags: ["own"] },
			sources: { "/colour": "assistant", "/style/bold": "assistant", "/style/size": "user", "/tags": "user" },
			secrets: { key: { set: false } },
		});
		expect((await show("layers", "assistant=bot")).sources).toEqual({
			"/colour": "assistant",
			"/style/bold": "assistant",
			"/style/size": "tenant",
			"/tags": "tenant",
		});
		expect((await show("layers", "user=nobody")).sources).toMatchObject({ "/colour": "default", "/style/bold": "default" });
		expect(await show("layers")).toMatchObject({ config: { tags: ["t"] }, effective: { colour: "red" } });
		// The binding has nothing else changed.
		expect((await api.get("/api/v1/assistants/bot/plugins")).body).toMatchObject({
			items: [{ order: 5, config: { colour: "grey" } }],
		});

		expect(await configAt("layers", "bot", "ann")).toEqual({ colour: "grey", style, tags: ["own"] });
		expect(await configAt("layers", "bot", "bob")).toEqual({ colour: "grey", style: { bold: true, size: 2 }, tags: ["t"] });
		expect(await configAt("layers", "other", "ann")).toEqual({ colour: "red", style: { bold: false, size: 9 }, tags: ["own"] });
		expect(await configAt("layers", "other")).toEqual({ colour: "red", style: { bold: false, size: 2 }, tags: ["t"] });

		expect((await api.delete(`/api/v1/plugins/layers/config?user=ann&${WAIT}`)).status).toBe(200);
		expect(await configAt("layers", "other", "ann")).toEqual({ colour: "red", style: { bold: false, size: 2 }, tags: ["t"] });
	});

	test("SE-02 a user's secret reaches the plugin for that user only, and sealed for one user it opens for no other", async () => {
		await install("sealed");
		await set("sealed", WAIT, { key: "everybody's" });
		expect((await set("sealed", `user=ann&${WAIT}`, { key: "planted-ann" })).body.secrets).toEqual({
			key: { set: true, from: "user" },
		});
		await set("sealed", `user=bob&${WAIT}`, { colour: "blue", key: "planted-bob" });
		expect(await show("sealed", "user=eve")).toMatchObject({ secrets: { key: { set: true, from: "tenant" } } });
		expect(await show("sealed", "user=bob")).toMatchObject({ config: { colour: "blue", key: { set: true } } });
		expect(await configAt("sealed", "bot", "ann")).toMatchObject({ key: "planted-ann" });
		expect(await configAt("sealed", "bot", "eve")).toMatchObject({ key: "everybody's" });
		// What is sent back as it was read keeps the secret; null removes it.
		await set("sealed", `user=ann&${WAIT}`, (await show("sealed", "user=ann")).config);
		expect(await configAt("sealed", "bot", "ann")).toMatchObject({ key: "planted-ann" });
		const all = await rows(
			control.plane.database,
			`SELECT t::text AS line FROM user_configs t UNION ALL SELECT t::text FROM audit_log t UNION ALL SELECT t::text FROM outbox t`,
		);
		expect(JSON.stringify(all)).not.toContain("planted");
		expect(control.logs()).not.toContain("planted");

		const [ofAnn] = await rows(control.plane.database, `SELECT secrets FROM user_configs WHERE "user" = 'ann'`);
		const sealed = (ofAnn as { secrets: Record<string, SealedSecret> }).secrets["key"] as SealedSecret;
		const keys = await rows(control.plane.database, "SELECT id, wrapped FROM tenant_keys WHERE tenant = 'default'");
		const dataKeys = Object.fromEntries(keys.map(({ id, wrapped }) => [String(id), wrapped as SealedSecret]));
		const box = createSecretOpener(createMasterKeys(TEST_MASTER_KEY), dataKeys);
		const place = { tenant: "default", plugin: "sealed", field: "key" };
		expect(await box.open(sealed, { ...place, user: "ann" })).toBe("planted-ann");
		for (const elsewhere of [place, { ...place, user: "bob" }])
			await expect(box.open(sealed, elsewhere)).rejects.toThrow("cannot be opened");
		await rows(
			control.plane.database,
			`UPDATE user_configs SET secrets = (SELECT secrets FROM user_configs WHERE "user" = 'ann' AND plugin = 'sealed') WHERE "user" = 'bob'`,
		);
		// A change that does not look at it brings it to the fleet, where it does not open: bob goes on with what ran before.
		expect((await api.put(`/api/v1/assistants/x/plugins/sealed?${WAIT}`, {})).status).toBe(200);
		const fleet = await api.get<RuntimeFleet>("/api/v1/runtimes");
		expect(fleet.body.items[0]?.faults).toMatchObject([{ plugin: "sealed", code: "secret_unreadable", user: "bob" }]);
		expect(await configAt("sealed", "bot", "bob")).toMatchObject({ key: "planted-bob" });
		const refused = await set<ProblemBody>("sealed", "user=bob", { colour: "grey" });
		expect(refused).toMatchObject({
			status: 409,
			body: { code: "secret_unreadable", detail: expect.stringContaining("?user=bob") },
		});
		expect((await set("sealed", `user=bob&${WAIT}`, { key: null })).body.secrets).toEqual({ key: { set: true, from: "tenant" } });
		expect(await configAt("sealed", "bot", "bob")).toMatchObject({ key: "everybody's" });
	});

	test("HP-03 a user whose configuration the plugin refuses goes on as before, is named, and holds up nobody's change", async () => {
		await install("picky");
		await set("picky", `user=ann&${WAIT}`, { colour: "blue" });
		const failed = await set<ProblemBody>("picky", `user=ann&${WAIT}`, { fail: true });
		expect(failed).toMatchObject({ status: 502, body: { code: "activation_failed", errors: [{ path: "/runtimes/rt" }] } });
		expect(failed.body.detail).toContain("for user ann");
		const next = await set("picky", `user=bob&${WAIT}`, { colour: "green" });
		expect(next).toMatchObject({
			status: 200,
			body: { applied: { runtimes: [{ faults: [{ user: "ann", running: "1.0.0" }] }] } },
		});
		expect((await set("picky", WAIT, { tags: ["t"] })).status).toBe(200);
		expect(await configAt("picky", "bot", "ann")).toMatchObject({ colour: "blue" });
		expect(await configAt("picky", "bot", "bob")).toMatchObject({ colour: "green", tags: ["t"] });
		const { health } = (await api.get<PluginDetail>("/api/v1/plugins/picky")).body;
		expect(health).toMatchObject({ status: "running", faults: [{ runtime: "rt", code: "guest_error", user: "ann" }] });
		expect((await set("picky", `user=ann&${WAIT}`, { colour: "black" })).status).toBe(200);
		expect(await configAt("picky", "bot", "ann")).toMatchObject({ colour: "black" });
	});

	test("what does not fit the schema, is not for users, or names two scopes is refused, and changes nothing", async () => {
		await install("strict");
		await set("strict", "user=ann", { colour: "blue" });
		const before = await show("strict", "user=ann");
		const refusals: [config: unknown, path: string][] = [
			[{ colour: 1 }, "/users/ann/colour"],
			[{ style: { size: 11 } }, "/users/ann/style/size"],
			[{ unknown: 1 }, "/users/ann/unknown"],
			[{ ceiling: 1 }, "/users/ann/ceiling"],
			[{ key: "x" }, "/users/ann/key"],
			[{ key: 7 }, "/key"],
		];
		for (const [config, path] of refusals) {
			const answer = await set<ProblemBody>("strict", "user=ann", config);
			expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([422, "config_invalid", path]);
		}
		expect((await set<ProblemBody>("strict", "user=ann", { tags: Array(4_000).fill("tags") })).body.code).toBe("config_invalid");
		expect((await set<ProblemBody>("strict", "user=ann&assistant=bot", {})).body.code).toBe("request_invalid");
		expect((await set<ProblemBody>("strict", "assistant=*", { key: "in-a-binding" })).body.code).toBe("config_invalid");
		expect((await set<ProblemBody>("strict", `user=${"x".repeat(129)}`, {})).body.code).toBe("request_invalid");
		expect((await api.delete<ProblemBody>("/api/v1/plugins/strict/config")).body.code).toBe("request_invalid");
		expect(await show("strict", "user=ann")).toEqual(before);
	});

	test("a version, a rollback and a configuration of everybody that do not fit a user's own are refused, with the users", async () => {
		await install("narrow");
		const loose = { ...SCHEMA, properties: { ...SCHEMA.properties, colour: { type: "string" } } };
		const update = async (version: string, config: Record<string, unknown>) =>
			api.update<PluginChange & ProblemBody>("narrow", { file: await zipOf(manifest("narrow", version, config), module) });
		expect((await update("1.1.0", loose)).status).toBe(200);
		for (const user of ["ann", "bob"]) await set("narrow", `user=${user}`, { colour: "a very long colour" });
		const rollback = await api.post<ProblemBody>("/api/v1/plugins/narrow/rollback", { version: "1.0.0" });
		expect(rollback).toMatchObject({ status: 422, body: { code: "config_invalid" } });
		expect(rollback.body.errors?.map(({ path }) => path)).toEqual(["/users/ann/colour", "/users/bob/colour"]);
		const narrower = { ...loose, properties: { ...loose.properties, colour: { type: "string", userScope: false } } };
		expect((await update("1.2.0", narrower)).body).toMatchObject({ code: "config_invalid" });
		const together = {
			...loose,
			anyOf: [{ properties: { tags: { maxItems: 1 } } }, { properties: { colour: { maxLength: 3 } } }],
		};
		expect((await update("1.3.0", together)).status).toBe(200);
		const global = await set<ProblemBody>("narrow", "", { tags: ["a", "b"], colour: "red" });
		expect(global).toMatchObject({ status: 422, body: { code: "config_invalid" } });
		expect(global.body.errors?.every(({ path }) => path.startsWith("/users/"))).toBe(true);
		// Without them nothing stands against it; everybody's own fault is nobody's own.
		for (const user of ["ann", "bob"]) await api.delete(`/api/v1/users/${user}/configs`);
		expect((await set("narrow", "", { tags: ["a", "b"], colour: "red" })).status).toBe(200);
	});

	test("while a rollout runs a user's own has to fit its version, too; removing it is possible", async () => {
		await install("rolled");
		const narrower = { ...SCHEMA, properties: { ...SCHEMA.properties, colour: { type: "string", maxLength: 3 } } };
		const file = await zipOf(manifest("rolled", "2.0.0", narrower), module);
		expect((await api.update("rolled", { file }, "?activate=false")).status).toBe(200);
		const started = await api.post<RolloutChange>("/api/v1/plugins/rolled/rollouts", {
			version: "2.0.0",
			mode: "canary",
			percentage: 10,
		});
		expect(started.status).toBe(201);
		const refused = await set<ProblemBody>("rolled", "user=ann", { colour: "green" });
		expect(refused).toMatchObject({ status: 422, body: { code: "config_invalid", errors: [{ path: "/users/ann/colour" }] } });
		expect(refused.body.detail).toContain("version 2.0.0");
		expect((await set("rolled", `user=ann&${WAIT}`, { colour: "red", key: "of-ann" })).status).toBe(200);
		expect((await api.delete("/api/v1/plugins/rolled/config?user=ann")).status).toBe(200);
		await api.post(`/api/v1/plugins/rolled/rollouts/${started.body.rollout.id}/stop`);
		expect((await set("rolled", "user=ann", { colour: "green" })).status).toBe(200);
	});

	test("lists page by page, is tagged by user, takes a repeated call once, and is explained", async () => {
		await install("listed");
		for (const user of ["zoe", "ann", "B/b ü"])
			await set("listed", `user=${encodeURIComponent(user)}`, { colour: "blue", key: "hidden-1" });
		const page = async (query: string) => (await api.get<UserConfigList>(`/api/v1/plugins/listed/config/users?${query}`)).body;
		const first = await page("limit=2");
		expect(first.items).toMatchObject([{ user: "B/b ü", fields: ["colour", "key"] }, { user: "ann" }]);
		expect((await page(`limit=2&cursor=${first.next}`)).items.map(({ user }) => user)).toEqual(["zoe"]);
		expect((await api.get<ProblemBody>("/api/v1/plugins/listed/config/users?cursor=x")).body.code).toBe("cursor_invalid");

		const path = "/api/v1/plugins/listed/config?user=ann";
		const tag = (await api.get(path)).headers.get("etag") ?? "";
		const put = (colour: string, headers: Record<string, string>) =>
			api.call<ProblemBody>("PUT", path, { config: { colour } }, headers);
		await set("listed", "user=zoe", { colour: "black" });
		await set("listed", "", { tags: [] });
		expect((await put("green", { "if-match": tag })).status).toBe(200);
		expect((await put("grey", { "if-match": tag })).body.code).toBe("precondition_failed");
		const once = { "idempotency-key": `once-${tag.slice(1, 9)}` };
		const sent = await put("white", once);
		await set("listed", "user=ann", { colour: "black" });
		expect((await put("white", once)).headers.get("idempotency-replayed")).toBe("true");
		expect(sent.status).toBe(200);
		expect((await show("listed", "user=ann")).config).toMatchObject({ colour: "black" });

		const explain = async (query = "") =>
			(await api.get<Explanation>(`/api/v1/assistants/bot/explain${query}`)).body.hooks.on_chat_message.chain.find(
				(step) => step.plugin === "listed",
			);
		expect(await explain()).toMatchObject({
			ownConfigs: 3,
			reason: expect.stringContaining("3 users have a configuration of their own"),
		});
		expect(await explain("?user=ann")).toMatchObject({
			ownConfigs: 1,
			reason: expect.stringContaining("the user's own configuration"),
		});
		expect(await explain("?user=nobody")).not.toHaveProperty("ownConfigs");
	});

	test("one call removes all that a user has, nobody else's and nothing of another tenant; a removed plugin takes them along", async () => {
		await install("first");
		await install("second");
		for (const [name, user] of [
			["first", "ann"],
			["second", "ann"],
			["first", "bob"],
		])
			await set(name as string, `user=${user}`, { colour: `own of ${user}`.slice(0, 10) });
		const created = await api.post<TenantCreated>("/api/v1/tenants", { id: "globex" });
		const stranger = api.as(created.body.key);
		expect((await stranger.delete<UserConfigsRemoved>("/api/v1/users/ann/configs")).body.plugins).toEqual([]);
		expect((await stranger.get("/api/v1/plugins/first/config?user=ann")).status).toBe(404);
		const viewer = api.as((await api.post<ApiKeyCreated>("/api/v1/api-keys", { name: "v", role: "viewer" })).body.key);
		expect((await viewer.delete("/api/v1/users/ann/configs")).status).toBe(403);

		const removed = await api.delete<UserConfigsRemoved>(`/api/v1/users/ann/configs?${WAIT}`);
		expect(removed).toMatchObject({ status: 200, body: { plugins: ["first", "second"] } });
		expect(await configAt("first", "bot", "ann")).toMatchObject({ colour: "red" });
		expect(await configAt("first", "bot", "bob")).toMatchObject({ colour: "own of bob" });
		const again = await api.delete<UserConfigsRemoved>("/api/v1/users/ann/configs");
		expect(again.body).toEqual({ plugins: [], revision: removed.body.revision });
		// Nothing of the values stays: not in the audit log, and not in what is sent to the fleet.
		const left = await rows(
			control.plane.database,
			"SELECT t::text AS line FROM audit_log t UNION ALL SELECT t::text FROM user_configs t",
		);
		expect(JSON.stringify(left)).not.toContain("own of ann");
		await waitFor("older tables are gone", async () => {
			const tables = await rows(control.plane.database, "SELECT t::text AS line FROM outbox t WHERE tenant = 'default'");
			return !JSON.stringify(tables).includes("own of ann");
		});
		await api.delete("/api/v1/plugins/first");
		expect(await rows(control.plane.database, "SELECT 1 FROM user_configs WHERE plugin = 'first'")).toEqual([]);
	});

	test("where the tenant's binding is mandatory no user has a configuration of their own, and one that is there does not count", async () => {
		await install("duty");
		await set("duty", `user=ann&${WAIT}`, { colour: "blue", key: "ann's" });
		expect(await configAt("duty", "bot", "ann")).toMatchObject({ colour: "blue" });
		await api.put(`/api/v1/assistants/*/plugins/duty?${WAIT}`, { mandatory: true });
		expect(await configAt("duty", "bot", "ann")).toEqual({ colour: "red", style: { bold: false, size: 1 } });
		expect(await show("duty", "user=ann")).toMatchObject({
			overruled: true,
			effective: { colour: "red" },
			secrets: { key: { set: false } },
		});
		expect((await set<ProblemBody>("duty", "user=bob", { colour: "grey" })).body.code).toBe("binding_mandatory");
		expect((await set<ProblemBody>("duty", "assistant=bot", { colour: "grey" })).body.code).toBe("binding_mandatory");
	});

	test("a tenant has 2,000 of them at most; a change is checked with all of them", async () => {
		const sent = { file: await zipOf(manifest("crowded"), module), fields: { grants: "all" } };
		expect((await api.install(sent)).status).toBe(201);
		closeAfter(() => api.delete("/api/v1/plugins/crowded"));
		await rows(
			control.plane.database,
			`INSERT INTO user_configs (tenant, plugin, "user", config, secrets, by)
			SELECT 'default', 'crowded', 'user-' || n, jsonb_build_object('colour', 'c' || n), '{}'::jsonb, 'test' FROM generate_series(1, 2000) n`,
		);
		expect((await set<ProblemBody>("crowded", "user=one-more", {})).body.code).toBe("user_configs_full");
		expect((await set("crowded", "user=user-1", { colour: "blue" })).status).toBe(200);
		await rows(control.plane.database, `UPDATE user_configs SET config = '{"colour": 1}' WHERE "user" = 'user-2000'`);
		const refused = await set<ProblemBody>("crowded", "", { tags: [] });
		expect(refused.body.errors?.map(({ path }) => path)).toEqual(["/users/user-2000/colour"]);
	});
});
