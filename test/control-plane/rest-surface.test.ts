// The whole REST surface, over PGlite and over PostgreSQL: what every call answers, what it leaves, and what it puts on the bus.
import { createHash } from "node:crypto";
import {
	type ApiKeyCreated,
	type ApiKeyList,
	type Binding,
	type BindingChange,
	type BindingList,
	type Explanation,
	isHookPolicy,
	isRouteTable,
	type ManifestCheck,
	type PluginChange,
	type PluginConfig,
	type PluginDetail,
	type PluginList,
	type PluginVersionList,
	POLICY_BUCKET,
	ROUTE_BUCKET,
	type RouteTable,
} from "@hookbus/schemas";
import type { KV } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage, testManifest } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows, storedNames } from "./stored-names.js";

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let routes: KV;
	let policies: KV;

	beforeAll(async () => {
		const nats = await startNats();
		control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await create() });
		api = control.admin;
		await api.ready();
		const js = (await connectTo(nats.url)).jetstream();
		routes = await js.views.kv(ROUTE_BUCKET);
		policies = await js.views.kv(POLICY_BUCKET);
	});

	/** Installs a plugin that goes away with the test. */
	async function install(name: string, options: Parameters<typeof buildPackage>[0] = {}, fields: Record<string, string> = {}) {
		const built = await buildPackage({ ...options, name });
		const answer = await api.install<PluginChange>({ file: built.zip, fields });
		expect(answer.status).toBe(201);
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
		return { ...built, answer: answer.body };
	}

	/** The route table on the bus, once it has this revision. */
	async function tableAt(revision: number): Promise<RouteTable> {
		return await waitFor(`route table ${revision} is on the bus`, async () => {
			const table = (await routes.get("default"))?.json();
			return isRouteTable(table) && table.revision >= revision ? table : undefined;
		});
	}

	describe("install", () => {
		test("a new plugin is there, disabled, with its tenant binding and without grants", async () => {
			const { answer, module } = await install("fresh", { readme: "# Fresh" });
			expect(answer).toMatchObject({
				created: true,
				warnings: [],
				plugin: {
					name: "fresh",
					status: "disabled",
					version: "1.0.0",
					digest: createHash("sha256").update(module).digest("hex"),
					readme: "# Fresh",
					permissions: { asked: ["read_messages"], granted: [], missing: ["read_messages"] },
					bindings: [{ plugin: "fresh", assistant: "*", enabled: true, mandatory: false }],
					versions: [{ version: "1.0.0", current: true, createdBy: "first admin key" }],
					health: { status: "idle", faults: [], recent: { calls: 0, errors: 0 } },
				},
			});
		});

		test("with grants and enable it is in the route table and in the policy at once", async () => {
			const { answer, module } = await install("running", {}, { grants: "all", enable: "true" });
			const table = await tableAt(answer.revision);
			expect(table.plugins["running"]).toMatchObject({ version: "1.0.0", grants: ["read_messages"], size: module.length });
			expect(table.hooks.on_chat_message?.all).toMatchObject([{ plugin: "running", effect: "transform", mode: "enforce" }]);
			const policy = (await policies.get("default"))?.json();
			expect(isHookPolicy(policy)).toBe(true);
			expect(policy).toMatchObject({ hooks: { on_chat_message: { all: "open" } } });
		});

		test("bind=none makes no binding", async () => {
			const { answer } = await install("unbound", {}, { grants: "all", enable: "true", bind: "none" });
			expect(answer.plugin.bindings).toEqual([]);
			expect((await tableAt(answer.revision)).plugins["unbound"]).toBeUndefined();
		});

		test("the right digest is accepted", async () => {
			const { zip, module } = await buildPackage({ name: "digested" });
			const digest = createHash("sha256").update(module).digest("hex").toUpperCase();
			const answer = await api.install({ file: zip, fields: { digest } });
			expect(answer.status).toBe(201);
			await api.delete("/api/v1/plugins/digested");
		});

		test("UP-07 the same package again answers 200 and makes no revision", async () => {
			const { zip, answer } = await install("twice", {}, { grants: "all", enable: "true" });
			const again = await api.install<PluginChange>({ file: zip, fields: { enable: "false" } });
			expect(again.status).toBe(200);
			expect(again.body).toMatchObject({ created: false, revision: answer.revision, plugin: { status: "enabled" } });
		});

		test("UP-03 UP-07 the same version with another module is refused", async () => {
			await install("fixed", { salt: "one" });
			const other = await buildPackage({ name: "fixed", salt: "two" });
			const answer = await api.install<ProblemBody>({ file: other.zip });
			expect(answer).toMatchObject({ status: 409, body: { code: "version_exists", errors: [{ path: "plugin.wasm" }] } });
		});

		test("UP-07 the same version with another manifest is refused", async () => {
			const { module } = await install("stable");
			const other = await buildPackage({ name: "stable", module, manifest: { description: "something else" } });
			const answer = await api.install<ProblemBody>({ file: other.zip });
			expect(answer).toMatchObject({ status: 409, body: { code: "version_exists", errors: [{ path: "manifest" }] } });
		});

		test("another version of an installed plugin is refused and named PUT", async () => {
			await install("grown");
			const next = await buildPackage({ name: "grown", version: "1.1.0" });
			const answer = await api.install<ProblemBody>({ file: next.zip });
			expect(answer).toMatchObject({ status: 409, body: { code: "plugin_exists" } });
			expect(answer.body.detail).toContain("PUT /api/v1/plugins/grown");
		});

		test("warnings come with the answer", async () => {
			const { answer } = await install("warned", { manifest: { license: undefined } });
			expect(answer.warnings).toEqual([{ path: "/license", message: expect.stringContaining("no license") }]);
		});

		test("twenty of the same package at once make one plugin", async () => {
			const { zip } = await buildPackage({ name: "crowd" });
			closeAfter(() => api.delete("/api/v1/plugins/crowd"));
			const answers = await Promise.all(Array.from({ length: 20 }, () => api.install({ file: zip })));
			expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
			expect((await storedNames(control.plane.database)).filter((name) => name === "plugin_versions/crowd")).toHaveLength(1);
		});
	});

	describe("validate-manifest", () => {
		test("a valid manifest comes back with every default", async () => {
			const answer = await api.post<ManifestCheck>("/api/v1/plugins/validate-manifest", testManifest());
			expect(answer).toMatchObject({
				status: 200,
				body: {
					valid: true,
					errors: [],
					warnings: [],
					manifest: {
						hooks: [{ order: 100 }],
						limits: { timeoutMs: 250, memoryPages: 256, outputBytes: 262_144 },
						tags: [],
						tools: [],
					},
				},
			});
		});

		test("YAML is taken too", async () => {
			const yaml =
				"name: y\nversion: 1.0.0\ndescription: d\nhookbus: ^1.0.0\nhooks: [{hook: on_after_response, effect: observe}]\n";
			const answer = await api.call<ManifestCheck>("POST", "/api/v1/plugins/validate-manifest", yaml, {
				"content-type": "application/yaml",
			});
			expect(answer.body).toMatchObject({ valid: true, warnings: [{ path: "/license" }, { path: "/permissions" }] });
		});

		test("an invalid one answers 200 with every error and its path", async () => {
			const answer = await api.post<ManifestCheck>("/api/v1/plugins/validate-manifest", {
				...testManifest("Bad Name"),
				hooks: [],
				extra: 1,
			});
			expect(answer.status).toBe(200);
			expect(answer.body.valid).toBe(false);
			expect(answer.body.errors.map(({ path }) => path)).toEqual(expect.arrayContaining(["/name", "/hooks", "/extra"]));
		});

		test("text that is not YAML is refused", async () => {
			const answer = await api.call<ProblemBody>("POST", "/api/v1/plugins/validate-manifest", "a: [", {
				"content-type": "application/yaml",
			});
			expect(answer).toMatchObject({ status: 422, body: { code: "manifest_unreadable" } });
		});
	});

	describe("list and show", () => {
		test("the list is filtered by status, type, tag and text", async () => {
			await install("alpha", { manifest: { type: "notify", tags: ["mail"], description: "Sends LETTERS" } });
			await install("beta", { manifest: { category: "safety" } }, { grants: "all", enable: "true" });
			const names = async (query: string) => {
				const answer = await api.get<PluginList>(`/api/v1/plugins${query}`);
				return answer.body.items.map(({ name }) => name);
			};
			expect(await names("")).toEqual(["alpha", "beta"]);
			expect(await names("?status=enabled")).toEqual(["beta"]);
			expect(await names("?type=notify")).toEqual(["alpha"]);
			expect(await names("?type=custom")).toEqual(["beta"]);
			expect(await names("?tag=mail")).toEqual(["alpha"]);
			expect(await names("?text=letters")).toEqual(["alpha"]);
			expect(await names("?text=SAFE")).toEqual(["beta"]);
			expect(await names("?text=nothing")).toEqual([]);
		});

		test("a plugin that is not there is 404", async () => {
			for (const path of ["", "/versions", "/config"]) {
				expect(await api.get(`/api/v1/plugins/missing${path}`)).toMatchObject({
					status: 404,
					body: { code: "plugin_not_found" },
				});
			}
		});
	});

	describe("enable, disable, toggle", () => {
		test("enabling needs the permissions and names the way out", async () => {
			await install("shy");
			const answer = await api.post<ProblemBody>("/api/v1/plugins/shy/enable");
			expect(answer).toMatchObject({
				status: 409,
				body: { code: "grants_missing", errors: [{ path: "/permissions/read_messages" }] },
			});
			expect(answer.body.detail).toContain("PUT /api/v1/plugins/shy/grants");
			expect((await api.get<PluginDetail>("/api/v1/plugins/shy")).body.status).toBe("disabled");
		});

		test("each makes a revision and changes the route table; repeating changes nothing", async () => {
			await install("switch", {}, { grants: "all" });
			const enabled = await api.post<PluginChange>("/api/v1/plugins/switch/enable");
			expect(enabled).toMatchObject({ status: 200, body: { plugin: { status: "enabled" } } });
			expect((await tableAt(enabled.body.revision)).plugins["switch"]).toBeDefined();
			const again = await api.post<PluginChange>("/api/v1/plugins/switch/enable");
			expect(again.body.revision).toBe(enabled.body.revision);
			const toggled = await api.post<PluginChange>("/api/v1/plugins/switch/toggle");
			expect(toggled.body).toMatchObject({ revision: enabled.body.revision + 1, plugin: { status: "disabled" } });
			expect((await tableAt(toggled.body.revision)).plugins["switch"]).toBeUndefined();
			const back = await api.post<PluginChange>("/api/v1/plugins/switch/toggle");
			expect(back.body.plugin.status).toBe("enabled");
			const disabled = await api.post<PluginChange>("/api/v1/plugins/switch/disable");
			expect(disabled.body.plugin.status).toBe("disabled");
		});

		test("disabling a plugin removes its tool from the route table", async () => {
			const tools = [{ name: "add", description: "Adds", parameters: { type: "object" } }];
			const manifest = { hooks: [{ hook: "on_tool_call", effect: "claim" }], tools };
			const { answer } = await install("adder", { manifest }, { grants: "all", enable: "true" });
			expect((await tableAt(answer.revision)).plugins["adder"]?.tools).toEqual(tools);
			const disabled = await api.post<PluginChange>("/api/v1/plugins/adder/disable");
			expect(JSON.stringify(await tableAt(disabled.body.revision))).not.toContain("adder");
		});

		test("forty changes at once make forty revisions, each higher than the last", async () => {
			await install("busy", {}, { grants: "all" });
			const answers = await Promise.all(Array.from({ length: 40 }, () => api.post<PluginChange>("/api/v1/plugins/busy/toggle")));
			const revisions = answers.map(({ body }) => body.revision).sort((a, b) => a - b);
			expect(new Set(revisions).size).toBe(40);
			expect((revisions.at(-1) as number) - (revisions[0] as number)).toBe(39);
			expect((await tableAt(revisions.at(-1) as number)).revision).toBe(revisions.at(-1));
		});
	});

	describe("grants", () => {
		test("granting and taking back, while disabled", async () => {
			await install("granted");
			const given = await api.put<PluginChange>("/api/v1/plugins/granted/grants", { permissions: ["read_messages"] });
			expect(given.body.plugin.permissions).toEqual({ asked: ["read_messages"], granted: ["read_messages"], missing: [] });
			const taken = await api.put<PluginChange>("/api/v1/plugins/granted/grants", { permissions: [] });
			expect(taken.body.plugin.permissions.missing).toEqual(["read_messages"]);
		});

		test("an enabled plugin keeps what it asks for", async () => {
			await install("needy", {}, { grants: "all", enable: "true" });
			const answer = await api.put<ProblemBody>("/api/v1/plugins/needy/grants", { permissions: [] });
			expect(answer).toMatchObject({ status: 409, body: { code: "grants_missing" } });
			expect((await api.get<PluginDetail>("/api/v1/plugins/needy")).body.permissions.granted).toEqual(["read_messages"]);
		});

		test("what is not asked for cannot be granted", async () => {
			await install("modest");
			const answer = await api.put("/api/v1/plugins/modest/grants", { permissions: ["read_secrets"] });
			expect(answer).toMatchObject({ status: 422, body: { code: "grant_not_asked" } });
		});
	});

	describe("new versions", () => {
		test("a new version becomes the current one, the old one stays and comes back with its package", async () => {
			const first = await install("v", { salt: "one" }, { grants: "all", enable: "true" });
			const second = await buildPackage({ name: "v", version: "2.0.0", salt: "two" });
			const updated = await api.update<PluginChange>("v", { file: second.zip });
			expect(updated).toMatchObject({ status: 200, body: { created: true, plugin: { version: "2.0.0", status: "enabled" } } });
			expect((await tableAt(updated.body.revision)).plugins["v"]?.version).toBe("2.0.0");
			const back = await api.update<PluginChange>("v", { file: first.zip });
			expect(back.body).toMatchObject({ created: false, plugin: { version: "1.0.0" } });
			const versions = await api.get<PluginVersionList>("/api/v1/plugins/v/versions");
			expect(versions.body.items.map(({ version, current }) => [version, current])).toEqual([
				["2.0.0", false],
				["1.0.0", true],
			]);
		});

		test("a version that asks for more waits until it is granted", async () => {
			await install("asks", {}, { grants: "all", enable: "true" });
			const manifest = { permissions: ["read_messages", "read_secrets"] };
			const next = await buildPackage({ name: "asks", version: "1.1.0", manifest });
			const refused = await api.update<ProblemBody>("asks", { file: next.zip });
			expect(refused).toMatchObject({ status: 409, body: { code: "grants_missing" } });
			const detail = await api.get<PluginDetail>("/api/v1/plugins/asks");
			expect(detail.body).toMatchObject({ version: "1.0.0", versions: [{ version: "1.0.0" }] });
			const granted = await api.update<PluginChange>("asks", { file: next.zip, fields: { grants: "all" } });
			expect(granted.body.plugin).toMatchObject({
				version: "1.1.0",
				permissions: { granted: ["read_messages", "read_secrets"] },
			});
		});

		test("a grant that a version no longer asks for is taken back", async () => {
			await install("shrinks", {}, { grants: "all", enable: "true" });
			const next = await buildPackage({ name: "shrinks", version: "1.1.0", manifest: { permissions: [] } });
			await api.update("shrinks", { file: next.zip });
			const third = await buildPackage({ name: "shrinks", version: "1.2.0" });
			expect(await api.update("shrinks", { file: third.zip })).toMatchObject({ status: 409, body: { code: "grants_missing" } });
		});

		test("a version whose schema the configuration does not fit is refused while enabled", async () => {
			const config = (type: string) => ({
				config: { type: "object", properties: { depth: { type } }, additionalProperties: false },
			});
			await install("typed", { manifest: config("integer") }, { grants: "all", enable: "true" });
			await api.put("/api/v1/plugins/typed/config", { config: { depth: 3 } });
			const next = await buildPackage({ name: "typed", version: "2.0.0", manifest: config("string") });
			const refused = await api.update<ProblemBody>("typed", { file: next.zip });
			expect(refused).toMatchObject({ status: 422, body: { code: "config_invalid", errors: [{ path: "/depth" }] } });
			await api.post("/api/v1/plugins/typed/disable");
			expect((await api.update("typed", { file: next.zip })).status).toBe(200);
			expect(await api.post("/api/v1/plugins/typed/enable")).toMatchObject({ status: 422, body: { code: "config_invalid" } });
			await api.put("/api/v1/plugins/typed/config", { config: { depth: "three" } });
			expect((await api.post("/api/v1/plugins/typed/enable")).status).toBe(200);
		});

		test("a package of another plugin is refused", async () => {
			await install("one");
			const other = await buildPackage({ name: "other" });
			expect(await api.update("one", { file: other.zip })).toMatchObject({ status: 422, body: { code: "plugin_name_differs" } });
			expect(await api.update("other", { file: other.zip })).toMatchObject({ status: 404, body: { code: "plugin_not_found" } });
		});
	});

	describe("delete", () => {
		test("everything of the plugin goes, its audit trail stays", async () => {
			const config = { type: "object", properties: { key: { type: "string", secret: true } } };
			await install(
				"gone",
				{ manifest: { config, permissions: ["read_messages", "read_secrets"] } },
				{ grants: "all", enable: "true" },
			);
			await api.put("/api/v1/plugins/gone/config", { config: { key: "k" } });
			await api.post("/api/v1/assistants/bot/plugins", { plugin: "gone", order: 1 });
			const deleted = await api.delete<{ revision: number }>("/api/v1/plugins/gone");
			expect(deleted.status).toBe(200);
			expect((await storedNames(control.plane.database)).filter((name) => name.endsWith("/gone"))).toEqual([]);
			expect(JSON.stringify(await tableAt(deleted.body.revision))).not.toContain("gone");
			const trail = await rows(control.plane.database, "SELECT action FROM audit_log WHERE target = 'gone' ORDER BY id");
			expect(trail.map(({ action }) => action)).toEqual(["plugin.install", "plugin.config", "binding.create", "plugin.delete"]);
			expect((await api.get("/api/v1/plugins/gone")).status).toBe(404);
		});

		test("a deleted plugin can be installed again", async () => {
			const { zip } = await buildPackage({ name: "again" });
			await api.install({ file: zip });
			await api.delete("/api/v1/plugins/again");
			expect((await api.install({ file: zip })).status).toBe(201);
			await api.delete("/api/v1/plugins/again");
		});
	});

	describe("configuration", () => {
		const manifest = {
			permissions: ["read_messages", "read_secrets"],
			config: {
				type: "object",
				additionalProperties: false,
				required: ["key"],
				properties: {
					threshold: { type: "number", minimum: 0, maximum: 1, default: 0.5 },
					words: { type: "array", items: { type: "string" } },
					key: { type: "string", secret: true, minLength: 4 },
				},
			},
			defaults: { words: ["a"] },
		};

		test("nothing set: the defaults, and no secret", async () => {
			await install("plain", { manifest });
			const { body } = await api.get<PluginConfig>("/api/v1/plugins/plain/config");
			expect(body).toEqual({
				config: { key: { set: false } },
				effective: { threshold: 0.5, words: ["a"] },
				sources: { "/threshold": "default", "/words": "default" },
				secrets: { key: { set: false } },
				schema: manifest.config,
			});
		});

		test("a required value that is missing keeps the plugin from being enabled", async () => {
			await install("incomplete", { manifest }, { grants: "all" });
			const answer = await api.post<ProblemBody>("/api/v1/plugins/incomplete/enable");
			expect(answer).toMatchObject({ status: 422, body: { code: "config_invalid" } });
			expect(answer.body.errors?.[0]?.message).toContain("key");
		});

		test("values and secrets are set, kept and removed", async () => {
			await install("full", { manifest }, { grants: "all" });
			const set = await api.put<PluginConfig>("/api/v1/plugins/full/config", { config: { threshold: 0.9, key: "hush-hush" } });
			expect(set.body.config).toEqual({ threshold: 0.9, key: { set: true } });
			const kept = await api.put<PluginConfig>("/api/v1/plugins/full/config", { config: { ...set.body.config, threshold: 0.8 } });
			expect(kept.body).toMatchObject({
				config: { threshold: 0.8, key: { set: true } },
				effective: { threshold: 0.8, words: ["a"] },
			});
			const absent = await api.put<PluginConfig>("/api/v1/plugins/full/config", { config: {} });
			expect(absent.body.config).toEqual({ key: { set: true } });
			const removed = await api.put<ProblemBody>("/api/v1/plugins/full/config", { config: { key: null } });
			expect(removed).toMatchObject({ status: 422, body: { code: "config_invalid" } });
		});

		test("the configuration and the sealed secret are in the route table", async () => {
			const { answer } = await install("routed", { manifest }, { grants: "all" });
			expect(answer.plugin.status).toBe("disabled");
			await api.put("/api/v1/plugins/routed/config", { config: { threshold: 0.25, key: "hush-hush" } });
			const enabled = await api.post<PluginChange>("/api/v1/plugins/routed/enable");
			const routed = (await tableAt(enabled.body.revision)).plugins["routed"];
			expect(routed?.config).toEqual({ threshold: 0.25, words: ["a"] });
			expect(Object.keys(routed?.secrets ?? {})).toEqual(["key"]);
			expect(JSON.stringify(routed)).not.toContain("hush-hush");
		});

		const wrong: { title: string; config: Record<string, unknown>; path: string }[] = [
			{ title: "a value of another type", config: { threshold: "high" }, path: "/threshold" },
			{ title: "a value out of bounds", config: { threshold: 2 }, path: "/threshold" },
			{ title: "a property that the schema does not know", config: { treshold: 1 }, path: "/treshold" },
			{ title: "a value inside of a list", config: { words: ["a", 1] }, path: "/words/1" },
			{ title: "a secret that is too short", config: { key: "abc" }, path: "/key" },
			{ title: "a secret that is no text", config: { key: 12 }, path: "/key" },
		];
		test.each(wrong)("$title is refused with its place and changes nothing", async ({ config, path }) => {
			await install("checked", { manifest });
			await api.put("/api/v1/plugins/checked/config", { config: { key: "good-key" } });
			const before = await api.get<PluginConfig>("/api/v1/plugins/checked/config");
			const answer = await api.put<ProblemBody>("/api/v1/plugins/checked/config", { config: { key: "good-key", ...config } });
			expect(answer).toMatchObject({ status: 422, body: { code: "config_invalid" } });
			expect(answer.body.errors?.map((fault) => fault.path)).toContain(path);
			expect((await api.get("/api/v1/plugins/checked/config")).body).toEqual(before.body);
		});

		test("what is said about a secret does not repeat it", async () => {
			const pinned = {
				config: { type: "object", properties: { key: { type: "string", secret: true, enum: ["one-of-these"] } } },
			};
			await install("pinned", { manifest: pinned });
			const answer = await api.put("/api/v1/plugins/pinned/config", { config: { key: "my-secret-value" } });
			expect(answer.status).toBe(422);
			expect(JSON.stringify(answer.body)).not.toContain("my-secret-value");
		});

		test("a plugin without a schema takes no configuration", async () => {
			await install("bare");
			expect((await api.put("/api/v1/plugins/bare/config", { config: {} })).status).toBe(200);
			expect(await api.put("/api/v1/plugins/bare/config", { config: { a: 1 } })).toMatchObject({
				status: 422,
				body: { code: "config_invalid" },
			});
		});

		test("a change that breaks an assistant's override is refused and names it", async () => {
			const sum = {
				config: {
					type: "object",
					properties: { low: { type: "integer" }, high: { type: "integer" } },
					not: { properties: { low: { const: 5 }, high: { const: 5 } }, required: ["low", "high"] },
				},
			};
			await install("pair", { manifest: sum });
			await api.post("/api/v1/assistants/bot/plugins", { plugin: "pair", config: { low: 5 } });
			const answer = await api.put<ProblemBody>("/api/v1/plugins/pair/config", { config: { high: 5 } });
			expect(answer).toMatchObject({ status: 422, body: { code: "config_invalid" } });
			expect(answer.body.errors?.[0]?.path).toBe("/assistants/bot");
		});
	});

	describe("bindings", () => {
		test("a binding is made, changed, listed and removed", async () => {
			await install("bound", {}, { grants: "all", enable: "true" });
			const created = await api.post<BindingChange>("/api/v1/assistants/bot/plugins", {
				plugin: "bound",
				order: 5,
				mode: "shadow",
			});
			expect(created).toMatchObject({
				status: 201,
				body: { binding: { assistant: "bot", order: 5, mode: "shadow", enabled: true } },
			});
			expect((await tableAt(created.body.revision)).hooks.on_chat_message?.assistants["bot"]).toMatchObject([
				{ mode: "shadow", order: 5 },
			]);
			const changed = await api.put<BindingChange>("/api/v1/assistants/bot/plugins/bound", { timeoutMs: 30, onError: "closed" });
			expect(changed.body.binding).not.toHaveProperty("mode");
			expect(changed.body.binding).toMatchObject({ timeoutMs: 30, onError: "closed" });
			const listed = await api.get<BindingList>("/api/v1/assistants/bot/plugins");
			expect(listed.body.items).toEqual([changed.body.binding]);
			const removed = await api.delete<{ revision: number }>("/api/v1/assistants/bot/plugins/bound");
			expect(removed.status).toBe(200);
			expect((await tableAt(removed.body.revision)).hooks.on_chat_message?.assistants).toEqual({});
			expect(await api.delete("/api/v1/assistants/bot/plugins/bound")).toMatchObject({
				status: 404,
				body: { code: "binding_not_found" },
			});
		});

		test("the scope * is the whole tenant", async () => {
			await install("wide", {}, { grants: "all", enable: "true" });
			const changed = await api.put<BindingChange>("/api/v1/assistants/*/plugins/wide", { order: 3 });
			expect(changed.body.binding).toMatchObject({ assistant: "*", order: 3 });
			expect((await tableAt(changed.body.revision)).hooks.on_chat_message?.all).toMatchObject([{ order: 3 }]);
			expect(
				(await api.get<BindingList>("/api/v1/assistants/*/plugins")).body.items.map((item: Binding) => item.plugin),
			).toContain("wide");
		});

		test("the same settings again make no revision", async () => {
			await install("same");
			const first = await api.put<BindingChange>("/api/v1/assistants/bot/plugins/same", { order: 3 });
			const again = await api.put<BindingChange>("/api/v1/assistants/bot/plugins/same", { order: 3 });
			expect(again.body.revision).toBe(first.body.revision);
		});

		test("a second binding of the same scope is refused", async () => {
			await install("double");
			await api.post("/api/v1/assistants/bot/plugins", { plugin: "double" });
			expect(await api.post("/api/v1/assistants/bot/plugins", { plugin: "double" })).toMatchObject({
				status: 409,
				body: { code: "binding_exists" },
			});
		});

		test("a mandatory binding cannot be overridden, and an older override stops to count", async () => {
			await install("must", {}, { grants: "all", enable: "true" });
			await api.put("/api/v1/assistants/rebel/plugins/must", { enabled: false });
			const changed = await api.put<BindingChange>("/api/v1/assistants/*/plugins/must", { mandatory: true });
			expect((await tableAt(changed.body.revision)).hooks.on_chat_message?.assistants).toEqual({});
			const answer = await api.put("/api/v1/assistants/rebel/plugins/must", { mode: "shadow" });
			expect(answer).toMatchObject({ status: 409, body: { code: "binding_mandatory" } });
		});

		const contradictions = [{ enabled: false }, { mode: "off" }];
		test.each(contradictions)("a mandatory binding with %j is refused", async (settings) => {
			await install("contrary");
			const answer = await api.put("/api/v1/assistants/*/plugins/contrary", { mandatory: true, ...settings });
			expect(answer).toMatchObject({ status: 422, body: { code: "binding_invalid" } });
		});

		test("an assistant's binding cannot be mandatory", async () => {
			await install("bossy");
			const answer = await api.put("/api/v1/assistants/bot/plugins/bossy", { mandatory: true });
			expect(answer).toMatchObject({ status: 422, body: { code: "binding_invalid" } });
		});

		test("an override is checked against the plugin's schema, and cannot hold a secret", async () => {
			const config = { type: "object", properties: { depth: { type: "integer" }, key: { type: "string", secret: true } } };
			await install("deep", { manifest: { config } });
			const wrong = await api.put<ProblemBody>("/api/v1/assistants/bot/plugins/deep", { config: { depth: "x" } });
			expect(wrong).toMatchObject({ status: 422, body: { code: "config_invalid", errors: [{ path: "/assistants/bot/depth" }] } });
			const secret = await api.put<ProblemBody>("/api/v1/assistants/bot/plugins/deep", { config: { key: "x" } });
			expect(secret).toMatchObject({ status: 422, body: { errors: [{ path: "/assistants/bot/key" }] } });
			expect((await api.get<BindingList>("/api/v1/assistants/bot/plugins")).body.items).toEqual([]);
		});

		test("a plugin that is not installed cannot be bound", async () => {
			expect(await api.post("/api/v1/assistants/bot/plugins", { plugin: "missing" })).toMatchObject({ status: 404 });
		});

		test("explain shows the chain of an assistant with its reasons", async () => {
			await install("first", {}, { grants: "all", enable: "true" });
			await install("second", {}, { grants: "all", enable: "true" });
			await install("third");
			await api.put("/api/v1/assistants/bot/plugins/second", { order: -1 });
			const { body } = await api.get<Explanation>("/api/v1/assistants/bot/explain");
			expect(body.hooks.on_chat_message.chain.map(({ plugin, order, scope }) => [plugin, order, scope])).toEqual([
				["second", -1, "assistant"],
				["first", 100, "tenant"],
			]);
			expect(body.hooks.on_chat_message.leftOut).toMatchObject([{ plugin: "third", code: "plugin_disabled" }]);
		});
	});

	describe("API keys", () => {
		test("a key is shown once, works, and ends when it is revoked", async () => {
			const created = await api.post<ApiKeyCreated>("/api/v1/api-keys", { name: "ci", role: "viewer" });
			expect(created.status).toBe(201);
			expect(created.body.key).toMatch(/^hbk_[A-Za-z0-9_-]{43}$/);
			const viewer = api.as(created.body.key);
			expect((await viewer.get("/api/v1/plugins")).status).toBe(200);
			const listed = await api.get<ApiKeyList>("/api/v1/api-keys");
			expect(JSON.stringify(listed.body)).not.toContain(created.body.key);
			const revoked = await api.delete<{ revokedAt?: string }>(`/api/v1/api-keys/${created.body.apiKey.id}`);
			expect(revoked.body.revokedAt).toBeDefined();
			expect(await viewer.get("/api/v1/plugins")).toMatchObject({ status: 401, body: { code: "not_authenticated" } });
			expect((await api.delete(`/api/v1/api-keys/${created.body.apiKey.id}`)).status).toBe(200);
		});

		test("the last admin key cannot be revoked", async () => {
			const [first] = (await api.get<ApiKeyList>("/api/v1/api-keys")).body.items;
			const answer = await api.delete(`/api/v1/api-keys/${first?.id}`);
			expect(answer).toMatchObject({ status: 409, body: { code: "last_admin_key" } });
		});

		test("the database holds no key, only its hash", async () => {
			const created = await api.post<ApiKeyCreated>("/api/v1/api-keys", { name: "hashed", role: "viewer" });
			const stored = await rows(control.plane.database, "SELECT * FROM api_keys");
			expect(JSON.stringify(stored)).not.toContain(created.body.key);
			expect(JSON.stringify(stored)).toContain(createHash("sha256").update(created.body.key).digest("hex"));
			await api.delete(`/api/v1/api-keys/${created.body.apiKey.id}`);
		});

		test("a key that does not exist is 404", async () => {
			const answer = await api.delete("/api/v1/api-keys/00000000-0000-4000-8000-000000000000");
			expect(answer).toMatchObject({ status: 404, body: { code: "api_key_not_found" } });
		});
	});

	describe("bad requests", () => {
		const rowsOfBadRequests: {
			title: string;
			method: string;
			path: string;
			body?: unknown;
			headers?: Record<string, string>;
			status: number;
			code: string;
		}[] = [
			{ title: "an unknown path", method: "GET", path: "/api/v1/nothing", status: 404, code: "not_found" },
			{ title: "a path with tricks", method: "GET", path: "/api/v1/plugins/..%2f..%2fetc", status: 400, code: "request_invalid" },
			{ title: "a name with a zero byte", method: "GET", path: "/api/v1/plugins/a%00", status: 400, code: "request_invalid" },
			{
				title: "a name that is too long",
				method: "GET",
				path: `/api/v1/plugins/${"a".repeat(90)}`,
				status: 400,
				code: "request_invalid",
			},
			{
				title: "an unknown query parameter",
				method: "GET",
				path: "/api/v1/plugins?stauts=enabled",
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a limit that is too high",
				method: "GET",
				path: "/api/v1/plugin-executions?limit=1000000000",
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a cursor that is none",
				method: "GET",
				path: "/api/v1/plugin-executions?cursor=abc",
				status: 400,
				code: "cursor_invalid",
			},
			{
				title: "a time that is none",
				method: "GET",
				path: "/api/v1/plugin-executions?since=2026-13-45T00:00:00Z",
				status: 400,
				code: "request_invalid",
			},
			{
				title: "SQL in a filter",
				method: "GET",
				path: "/api/v1/plugin-executions?plugin='%20OR%201=1",
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a body that is no JSON",
				method: "PUT",
				path: "/api/v1/plugins/a/grants",
				body: "{",
				headers: { "content-type": "application/json" },
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a body with an unknown property",
				method: "POST",
				path: "/api/v1/api-keys",
				body: { name: "a", role: "viewer", tenant: "other" },
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a body of another type",
				method: "POST",
				path: "/api/v1/api-keys",
				body: { name: 1, role: "viewer" },
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a role that does not exist",
				method: "POST",
				path: "/api/v1/api-keys",
				body: { name: "a", role: "root" },
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a prototype in the body",
				method: "PUT",
				path: "/api/v1/plugins/a/config",
				body: '{"config":{"__proto__":{"a":1}}}',
				headers: { "content-type": "application/json" },
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a zero character in the body",
				method: "PUT",
				path: "/api/v1/plugins/a/config",
				body: { config: { a: "\u0000" } },
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a body that is nested too deep",
				method: "PUT",
				path: "/api/v1/plugins/a/config",
				body: `{"config":${'{"a":'.repeat(5000)}1${"}".repeat(5001)}`,
				headers: { "content-type": "application/json" },
				status: 400,
				code: "request_invalid",
			},
			{
				title: "a body that is too large",
				method: "PUT",
				path: "/api/v1/plugins/a/config",
				body: { config: { a: "x".repeat(300_000) } },
				status: 413,
				code: "body_too_large",
			},
			{
				title: "an unknown content type",
				method: "PUT",
				path: "/api/v1/plugins/a/config",
				body: "a",
				headers: { "content-type": "text/csv" },
				status: 415,
				code: "media_type_unknown",
			},
		];
		test.each(rowsOfBadRequests)("$title answers $status", async ({ method, path, body, headers, status, code }) => {
			const answer = await api.call<ProblemBody>(method, path, body, headers);
			expect(answer).toMatchObject({
				status,
				body: { code, type: `urn:hookbus:problem:${code}`, instance: answer.headers.get("x-request-id") },
			});
			expect(answer.headers.get("content-type")).toContain("application/problem+json");
			expect(JSON.stringify(answer.body)).not.toMatch(/\b(select|insert|SELECT|INSERT) |node_modules|\.js:|\bat [A-Z]\w+[ .]/);
		});
	});

	test("every change has one audit row with who, what, which revision and which request", async () => {
		const { answer } = await install("audited", {}, { grants: "all" });
		const enabled = await api.call<PluginChange>("POST", "/api/v1/plugins/audited/enable");
		const trail = await rows(control.plane.database, "SELECT * FROM audit_log WHERE target = 'audited' ORDER BY id");
		expect(trail).toMatchObject([
			{ action: "plugin.install", actor: expect.stringMatching(/^first admin key \([0-9a-f-]{36}\)$/) },
			{ action: "plugin.enable", request: enabled.headers.get("x-request-id") },
		]);
		expect(trail.map(({ revision }) => Number(revision))).toEqual([answer.revision, enabled.body.revision]);
	});

	test("a refused change leaves no audit row", async () => {
		await install("quiet");
		await api.post("/api/v1/plugins/quiet/enable");
		const trail = await rows(control.plane.database, "SELECT action FROM audit_log WHERE target = 'quiet'");
		expect(trail).toHaveLength(1);
	});

	test("the audit log can neither be changed nor emptied", async () => {
		for (const statement of ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"]) {
			await expect(rows(control.plane.database, statement)).rejects.toThrow();
		}
	});

	test("a table that no runtime would take is refused before anything changes", async () => {
		await install("vast", {}, { grants: "all" });
		await rows(
			control.plane.database,
			`UPDATE plugin_versions SET manifest = manifest || jsonb_build_object('tools', jsonb_build_array(
				jsonb_build_object('name', 'vast', 'description', repeat('x', 34000000), 'parameters', jsonb_build_object())))
				WHERE plugin = 'vast'`,
		);
		const answer = await api.post<ProblemBody>("/api/v1/plugins/vast/enable");
		expect(answer).toMatchObject({ status: 409, body: { code: "route_table_too_large" } });
		expect(answer.body.detail).toContain("Largest in it: vast (34");
		expect(await rows(control.plane.database, "SELECT enabled FROM plugins WHERE name = 'vast'")).toEqual([{ enabled: false }]);
		await api.delete("/api/v1/plugins/vast");
	});
});
