// Rollback in one call: back to the version, configuration, grants and limits that ran before, as far as they may still run.
import { isRouteTable, type PluginChange, type PluginConfig, type PluginDetail, type PluginHistory } from "@hookbus/schemas";
import type { KV } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import type { StartedControlPlane } from "../support/start-control-plane.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { routeBucket, ScriptedRuntime } from "./scripted-runtime.js";
import { rows } from "./stored-names.js";

const CONFIG = {
	type: "object",
	properties: { level: { type: "integer" }, token: { type: "string", secret: true } },
	additionalProperties: false,
};
const NETWORK = { permissions: ["read_messages", "network_access"], network: [{ host: "api.example.com" }] };

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let natsUrl: string;
	let control: StartedControlPlane;
	let api: ApiClient;
	let routes: KV;

	beforeAll(async () => {
		const bus = await startOnBus({ databaseUrl: await create() });
		({ natsUrl, control, api } = bus);
		routes = await routeBucket(bus.connection);
	});

	type Fields = Record<string, string>;
	const RUNNING: Fields = { grants: "all", enable: "true" };

	async function install(name: string, manifest: Record<string, unknown> = {}, fields: Fields = RUNNING) {
		const { zip } = await buildPackage({ name, manifest: { config: CONFIG, ...manifest } });
		expect((await api.install({ file: zip, fields })).status).toBe(201);
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
	}

	async function update(
		name: string,
		version: string,
		manifest: Record<string, unknown> = {},
		fields: Fields = { grants: "all" },
	) {
		const { zip } = await buildPackage({ name, version, salt: version, manifest: { config: CONFIG, ...manifest } });
		expect(await api.update(name, { file: zip, fields })).toMatchObject({ status: 200 });
	}

	const rollBack = <T = PluginChange>(name: string, body?: unknown, query = "") =>
		api.post<T>(`/api/v1/plugins/${name}/rollback${query}`, body);
	const show = async (name: string) => (await api.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;
	const history = async (name: string, query = "") =>
		(await api.get<PluginHistory>(`/api/v1/plugins/${name}/history${query}`)).body;

	test("one call brings back version, configuration, secrets, grants and limits, and the route table has them", async () => {
		await install("whole", NETWORK);
		await api.put("/api/v1/plugins/whole/config", { config: { level: 1, token: "first" } });
		await api.put("/api/v1/plugins/whole/limits", { timeoutMs: 111 });
		const before = await waitFor("the table is there", async () => {
			const table = (await routes.get("default"))?.json();
			return isRouteTable(table) && table.plugins["whole"]?.limits.timeoutMs === 111 ? table.plugins["whole"] : undefined;
		});
		const { zip } = await buildPackage({ name: "whole", version: "2.0.0", manifest: { description: "next" } });
		expect((await api.update("whole", { file: zip })).status).toBe(422);
		await update("whole", "2.0.0");
		expect((await show("whole")).permissions.granted).toEqual(["read_messages"]);
		const answer = await rollBack("whole");
		expect(answer).toMatchObject({
			status: 200,
			body: {
				created: false,
				plugin: {
					version: "1.0.0",
					status: "enabled",
					permissions: { granted: ["network_access", "read_messages"], missing: [] },
					limits: { set: { timeoutMs: 111 } },
				},
			},
		});
		const after = await waitFor("the table follows", async () => {
			const table = (await routes.get("default"))?.json();
			return isRouteTable(table) && table.revision >= answer.body.revision ? table.plugins["whole"] : undefined;
		});
		expect({ ...after, configRevision: "" }).toEqual({ ...before, configRevision: "" });
		expect((await api.get<PluginConfig>("/api/v1/plugins/whole/config")).body.config).toEqual({ level: 1, token: { set: true } });
		const trail = await rows(
			control.plane.database,
			"SELECT actor, detail, revision::int AS revision FROM audit_log WHERE target = 'whole' AND action = 'plugin.rollback'",
		);
		expect(trail).toMatchObject([
			{ revision: answer.body.revision, detail: { from: "2.0.0", to: "1.0.0", granted: ["network_access", "read_messages"] } },
		]);
	});

	test("a change of the configuration alone is rolled back too, and each further call goes one step further back", async () => {
		await install("steps");
		for (const level of [1, 2, 3]) await api.put("/api/v1/plugins/steps/config", { config: { level } });
		const level = async () => (await api.get<PluginConfig>("/api/v1/plugins/steps/config")).body.config["level"];
		const seen: unknown[] = [];
		for (let call = 0; call < 3; call += 1) {
			expect((await rollBack("steps")).status).toBe(200);
			seen.push(await level());
		}
		expect(seen).toEqual([2, 1, undefined]);
		const end = await rollBack<ProblemBody>("steps");
		expect(end).toMatchObject({ status: 409, body: { code: "rollback_impossible" } });
		expect(end.body.detail).toContain("/api/v1/plugins/steps/history");
	});

	test("a version or a revision can be named; what never ran is passed over", async () => {
		await install("named");
		await update("named", "2.0.0");
		await api.put("/api/v1/plugins/named/config", { config: { level: 2 } });
		await api.post("/api/v1/plugins/named/disable");
		await update("named", "3.0.0");
		await update("named", "4.0.0", {}, RUNNING);
		expect((await rollBack("named")).body.plugin.version).toBe("2.0.0");
		expect((await rollBack("named", { version: "1.0.0" })).body.plugin.version).toBe("1.0.0");
		expect(await rollBack("named", { version: "3.0.0" })).toMatchObject({ status: 409, body: { code: "rollback_impossible" } });
		expect(await rollBack("named", { version: "9.0.0" })).toMatchObject({ status: 404, body: { code: "version_not_found" } });
		const unused = (await history("named")).items.find(({ version }) => version === "3.0.0");
		expect((await rollBack("named", { revision: unused?.revision })).body.plugin.version).toBe("3.0.0");
		expect(await rollBack("named", { revision: unused?.revision, version: "4.0.0" })).toMatchObject({ status: 409 });
	});

	test("rolling back to what is there already makes no revision", async () => {
		await install("same");
		const { body } = await api.get<PluginHistory>("/api/v1/plugins/same/history");
		const answer = await rollBack("same", { revision: body.items[0]?.revision });
		expect(answer).toMatchObject({ status: 200, body: { revision: body.items[0]?.revision } });
	});

	test("a permission that an admin took away since does not come back; the rollback is refused until it is granted", async () => {
		await install("revoked", NETWORK);
		await api.post("/api/v1/plugins/revoked/disable");
		await api.put("/api/v1/plugins/revoked/grants", { permissions: ["read_messages"] });
		await update("revoked", "2.0.0", {}, RUNNING);
		const refused = await rollBack<ProblemBody>("revoked");
		expect(refused).toMatchObject({ status: 409, body: { code: "grants_missing" } });
		expect(refused.body.detail).toContain("network_access");
		expect(await show("revoked")).toMatchObject({ version: "2.0.0", permissions: { granted: ["read_messages"] } });
		// Switched off it may go back, without the permission.
		await api.post("/api/v1/plugins/revoked/disable");
		expect(await rollBack("revoked")).toMatchObject({
			status: 200,
			body: { plugin: { version: "1.0.0", status: "disabled", permissions: { missing: ["network_access"] } } },
		});
	});

	test("what does not fit any more is refused and changes nothing: a binding's configuration", async () => {
		await install("unfit", { config: { ...CONFIG, properties: { level: { type: "integer" } } } });
		await update("unfit", "2.0.0", { config: { ...CONFIG, properties: { words: { type: "string" } } } });
		await api.put("/api/v1/assistants/bot/plugins/unfit", { config: { words: "x" } });
		const answer = await rollBack<ProblemBody>("unfit");
		expect(answer).toMatchObject({ status: 422, body: { code: "config_invalid" } });
		expect((await show("unfit")).version).toBe("2.0.0");
		expect((await history("unfit")).items.map(({ version }) => version)).toEqual(["2.0.0", "1.0.0"]);
	});

	test("a plugin that the service disabled by itself runs again, one that an admin disabled stays off", async () => {
		await install("broken");
		await update("broken", "2.0.0");
		await rows(
			control.plane.database,
			`UPDATE plugins SET enabled = false, disabled_reason = '{"reason":"trap","time":"now","version":"2.0.0","runtime":"r"}' WHERE name = 'broken'`,
		);
		expect((await rollBack("broken")).body.plugin).toMatchObject({ version: "1.0.0", status: "enabled" });
		await update("broken", "3.0.0");
		await api.post("/api/v1/plugins/broken/disable");
		expect((await rollBack("broken")).body.plugin).toMatchObject({ version: "1.0.0", status: "disabled" });
	});

	test("the history pages, names secrets without their values, and cannot be changed", async () => {
		await install("paged");
		await api.put("/api/v1/plugins/paged/config", { config: { token: "sesame-7316" } });
		await api.put("/api/v1/plugins/paged/limits", { timeoutMs: 50 });
		const first = await history("paged", "?limit=2");
		expect(first.items).toMatchObject([
			{ limits: { timeoutMs: 50 }, secretsSet: ["token"], by: "first admin key" },
			{ limits: {}, secretsSet: ["token"], config: {} },
		]);
		const second = await history("paged", `?limit=2&before=${first.next}`);
		expect(second).toMatchObject({ items: [{ secretsSet: [], version: "1.0.0", enabled: true, grants: ["read_messages"] }] });
		expect(second.next).toBeUndefined();
		const stored = await rows(control.plane.database, "SELECT * FROM plugin_snapshots WHERE plugin = 'paged'");
		expect(JSON.stringify([first, stored])).not.toContain("sesame");
		await expect(rows(control.plane.database, "UPDATE plugin_snapshots SET version = '9.9.9'")).rejects.toThrow();
	});

	test("bad input is refused", async () => {
		await install("input");
		for (const body of [{ version: "one" }, { revision: -1 }, { to: "1.0.0" }, [], "x"]) {
			expect(await rollBack("input", body), JSON.stringify(body)).toMatchObject({
				status: expect.toSatisfy((s) => s === 400 || s === 415),
			});
		}
		expect(await rollBack("missing")).toMatchObject({ status: 404, body: { code: "plugin_not_found" } });
		expect(await api.get("/api/v1/plugins/missing/history")).toMatchObject({ status: 404 });
		expect(await api.get("/api/v1/plugins/input/history?limit=0")).toMatchObject({ status: 400 });
	});

	test("wait=applied waits until the runtimes run it", async () => {
		await install("waited");
		await update("waited", "2.0.0");
		const runtime = new ScriptedRuntime(await connectTo(natsUrl), "waited-for");
		await runtime.follows(routes);
		const answer = await rollBack("waited", undefined, "?wait=applied");
		expect(answer).toMatchObject({ status: 200, body: { applied: { runtimes: [{ id: "waited-for" }] } } });
		runtime.becomes("stopped");
	});
});
