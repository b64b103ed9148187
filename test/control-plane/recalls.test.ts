// Recalls: what is recalled is out of service at once, everywhere it counts, and no way leads back to it.
import {
	type ApiKeyCreated,
	type Explanation,
	isRouteTable,
	type PluginChange,
	type PluginDetail,
	type PluginList,
	type Recall,
	type RecallChange,
	type RecallList,
	ROUTE_BUCKET,
	type RouteTable,
	sha256Of,
} from "@hookbus/schemas";
import type { KV, NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import type { StartedControlPlane } from "../support/start-control-plane.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { ScriptedRuntime } from "./scripted-runtime.js";
import { rows } from "./stored-names.js";

const RUNNING = { grants: "all", enable: "true" };

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let neighbour: ApiClient;
	let routes: KV;
	let connection: NatsConnection;

	beforeAll(async () => {
		({ control, api, connection } = await startOnBus({ databaseUrl: await create(), relayTiming: { reconcileMs: 300 } }));
		routes = await connection.jetstream().views.kv(ROUTE_BUCKET);
		const key = `hbk_${"N".repeat(43)}`;
		const { database } = control.plane;
		await rows(database, "INSERT INTO tenants (id) VALUES ('neighbour')");
		await rows(
			database,
			`INSERT INTO api_keys (tenant, name, role, prefix, hash) VALUES ('neighbour', 'n', 'admin', 'hbk_NNNNNN', '${sha256Of(key)}')`,
		);
		neighbour = api.as(key);
	});

	/** Installs and enables a plugin that goes away with the test. */
	async function running(name: string, options: Parameters<typeof buildPackage>[0] = {}, client = api) {
		const built = await buildPackage({ ...options, name });
		const answer = await client.install<PluginChange>({ file: built.zip, fields: RUNNING });
		expect(answer.status).toBe(201);
		closeAfter(() => client.delete(`/api/v1/plugins/${name}`));
		return { ...built, digest: answer.body.plugin.digest, revision: answer.body.revision };
	}

	/** Declares a recall that is lifted with the test. */
	async function recall(body: Record<string, unknown>, client = api): Promise<RecallChange> {
		const answer = await client.post<RecallChange>("/api/v1/recalls", { reason: "it steals cookies", ...body });
		expect(answer.status).toBe(201);
		closeAfter(() => client.delete(`/api/v1/recalls/${answer.body.recall.id}`));
		return answer.body;
	}

	async function tableOf(tenant: string, fulfils: (table: RouteTable) => boolean): Promise<RouteTable> {
		return await waitFor(`the table of ${tenant} is as it should be`, async () => {
			const table = (await routes.get(tenant))?.json();
			return isRouteTable(table) && fulfils(table) ? table : undefined;
		});
	}

	const detail = async (name: string, client = api) => (await client.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;

	test("SC-07 a recalled digest is disabled at once, by the way of every change, and says why", async () => {
		const { digest, revision } = await running("thief");
		await running("honest", { salt: "honest" });
		await tableOf("default", (table) => table.revision > revision && "thief" in table.plugins);
		const change = await recall({ digest });
		expect(change.disabled).toEqual([{ plugin: "thief", version: "1.0.0" }]);
		const table = await tableOf("default", (found) => found.revision >= change.revision);
		expect(Object.keys(table.plugins)).toEqual(["honest"]);
		expect(table.recalled).toEqual([digest]);
		const note = { recall: change.recall.id, reason: "it steals cookies" };
		expect(await detail("thief")).toMatchObject({ status: "disabled", recalled: note, versions: [{ recalled: note }] });
		const { items } = (await api.get<PluginList>("/api/v1/plugins?text=thief")).body;
		expect(items).toMatchObject([{ status: "disabled", recalled: note }]);
		expect(await detail("honest")).not.toHaveProperty("recalled");
		const explained = (await api.get<Explanation>("/api/v1/assistants/*/explain")).body;
		expect(explained.hooks.on_chat_message.leftOut).toMatchObject([
			{ plugin: "thief", code: "recalled", reason: expect.stringContaining("it steals cookies") },
		]);
		const [row] = await rows(
			control.plane.database,
			"SELECT * FROM audit_log WHERE action = 'recall.declare' ORDER BY id DESC LIMIT 1",
		);
		expect(row).toMatchObject({ target: change.recall.id, detail: { digest, disabled: [{ plugin: "thief" }] } });
	});

	test("SC-07 with wait=applied the answer comes when every runtime has left it", async () => {
		const { digest } = await running("waited");
		const runtime = new ScriptedRuntime(connection, "slow");
		const { revision } = (await api.get<{ revision: number }>("/api/v1/assistants/*/explain")).body;
		runtime.reports(revision);
		const answering = api.post<RecallChange>("/api/v1/recalls?wait=applied&waitMs=30000", { digest, reason: "bad" });
		// An older table, from before the plugin ran, is without it too.
		const table = await tableOf("default", (found) => found.revision > revision && !("waited" in found.plugins));
		runtime.reports(table.revision);
		const { status, body } = await answering;
		expect({ status, body }).toMatchObject({ status: 201, body: { applied: { runtimes: [{ id: "slow" }] } } });
		runtime.die();
		await api.delete(`/api/v1/recalls/${body.recall.id}`);
	});

	test("SC-07 no way leads back: enable, toggle, the same package, another name, a version, a bare module", async () => {
		const { digest, zip, module } = await running("stubborn", { salt: "stubborn" });
		await recall({ digest });
		const refused = { status: 409, body: { code: "version_recalled" } };
		expect(await api.post("/api/v1/plugins/stubborn/enable")).toMatchObject(refused);
		expect(await api.post("/api/v1/plugins/stubborn/toggle")).toMatchObject(refused);
		expect(await api.install({ file: zip })).toMatchObject(refused);
		expect(await api.update("stubborn", { file: zip, fields: RUNNING })).toMatchObject(refused);
		const renamed = await buildPackage({ name: "disguised", module });
		expect(await api.install({ file: renamed.zip })).toMatchObject(refused);
		const renumbered = await buildPackage({ name: "stubborn", version: "9.0.0", module });
		expect(await api.update("stubborn", { file: renumbered.zip })).toMatchObject(refused);
		const manifest = JSON.stringify(renamed.manifest);
		expect(await api.install({ file: module, fields: { manifest } })).toMatchObject(refused);
		await api.delete("/api/v1/plugins/stubborn");
		const again = await api.install<ProblemBody>({ file: zip });
		expect(again).toMatchObject(refused);
		expect(again.body.detail).toContain("it steals cookies");
	});

	test("SC-07 a range recalls the versions in it, prereleases too; the next version runs", async () => {
		await running("ranged", { version: "1.4.0", salt: "ranged" });
		const { disabled } = await recall({ plugin: "ranged", versions: "<1.5.0" });
		expect(disabled).toEqual([{ plugin: "ranged", version: "1.4.0" }]);
		const update = async (version: string) => {
			const { zip } = await buildPackage({ name: "ranged", version, salt: version });
			return (await api.update("ranged", { file: zip, fields: RUNNING })).status;
		};
		expect(await update("1.5.0-beta.1")).toBe(409);
		expect(await update("1.4.9")).toBe(409);
		expect(await update("1.5.0")).toBe(200);
		expect(await detail("ranged")).toMatchObject({ status: "enabled", version: "1.5.0" });
		// What was recalled before cannot be gone back to, in the tables either.
		const table = await tableOf("default", (found) => found.plugins["ranged"]?.version === "1.5.0");
		expect(table.recalled).toHaveLength(1);
	});

	test("a recall of a plugin without a range is one of all its versions, those to come too", async () => {
		await recall({ plugin: "never" });
		const { zip } = await buildPackage({ name: "never", version: "7.0.0-rc.1" });
		expect(await api.install({ file: zip })).toMatchObject({ status: 409, body: { code: "version_recalled" } });
	});

	test("SC-07 everywhere: every tenant's plugins are disabled, with an audit row in each", async () => {
		const { digest } = await running("shared", { salt: "shared" });
		await running("shared", { salt: "shared" }, neighbour);
		await tableOf("neighbour", (table) => "shared" in table.plugins);
		const { disabled } = await recall({ digest, everywhere: true });
		expect(disabled).toEqual([{ plugin: "shared", version: "1.0.0" }]);
		expect(await detail("shared", neighbour)).toMatchObject({ status: "disabled", recalled: { reason: "it steals cookies" } });
		await tableOf("neighbour", (table) => !("shared" in table.plugins));
		const audit = await rows(control.plane.database, "SELECT actor, detail FROM audit_log WHERE action = 'recall.apply'");
		expect(audit).toMatchObject([{ actor: "system", detail: { disabled: [{ plugin: "shared", version: "1.0.0" }] } }]);
		// Whoever did not declare it sees it and cannot lift it.
		const [seen] = (await neighbour.get<RecallList>("/api/v1/recalls")).body.items;
		expect(seen).toMatchObject({ digest, everywhere: true });
		expect(await neighbour.delete(`/api/v1/recalls/${seen?.id}`)).toMatchObject({
			status: 404,
			body: { code: "recall_not_found" },
		});
		expect(await neighbour.post("/api/v1/plugins/shared/enable")).toMatchObject({ status: 409 });
	});

	test("SC-07 what a crash between two tenants left enabled is disabled by the next comparison", async () => {
		await running("survivor", { salt: "survivor" }, neighbour);
		const { digest } = await detail("survivor", neighbour);
		// As it stands after a crash right behind the first tenant's transaction.
		await rows(
			control.plane.database,
			`INSERT INTO recalls (tenant, everywhere, digest, reason, declared_by) VALUES ('default', true, '${digest}', 'bad', 'somebody')`,
		);
		await waitFor("it is disabled", async () => (await detail("survivor", neighbour)).status === "disabled");
		await rows(control.plane.database, `DELETE FROM recalls WHERE digest = '${digest}'`);
	});

	test("AU-02 a tenant's recall does not reach another's plugins, and only the tenant default recalls everywhere", async () => {
		const { digest } = await running("bystander", { salt: "bystander" });
		const { disabled } = await recall({ digest }, neighbour);
		expect(disabled).toEqual([]);
		expect(await detail("bystander")).toMatchObject({ status: "enabled" });
		const everywhere = await neighbour.post("/api/v1/recalls", { digest, reason: "mine", everywhere: true });
		expect(everywhere).toMatchObject({ status: 403, body: { code: "role_missing" } });
		expect(await detail("bystander")).toMatchObject({ status: "enabled" });
		const ids = (await api.get<RecallList>("/api/v1/recalls")).body.items.map(({ digest: recalled }) => recalled);
		expect(ids).not.toContain(digest);
	});

	test("a lifted recall counts no more, stays in the list, and enables nothing by itself", async () => {
		const { digest } = await running("pardoned", { salt: "pardoned" });
		const { recall: declared } = await recall({ digest });
		const path = `/api/v1/recalls/${declared.id}`;
		const lifted = await api.delete<Recall>(path);
		expect(lifted).toMatchObject({ status: 200, body: { id: declared.id, liftedBy: "first admin key" } });
		expect((await api.delete<Recall>(path)).body).toEqual(lifted.body);
		expect((await api.get<RecallList>("/api/v1/recalls")).body.items).toContainEqual(lifted.body);
		expect(await detail("pardoned")).toMatchObject({ status: "disabled" });
		expect((await api.post("/api/v1/plugins/pardoned/enable")).status).toBe(200);
		const table = await tableOf("default", (found) => "pardoned" in found.plugins);
		expect(table.recalled ?? []).not.toContain(digest);
	});

	test("what is no recall is refused", async () => {
		const digest = "a".repeat(64);
		const bodies: unknown[] = [
			{},
			{ reason: "nothing named" },
			{ digest },
			{ digest, reason: "" },
			{ digest: "short", reason: "r" },
			{ digest, plugin: "p", reason: "r" },
			{ digest, versions: "*", reason: "r" },
			{ versions: "*", reason: "r" },
			{ plugin: "p", versions: "one and two", reason: "r" },
			{ plugin: "P", reason: "r" },
			{ digest, reason: "r", everywhere: "yes" },
			{ digest, reason: "r\u0000" },
			[],
			null,
		];
		for (const body of bodies) {
			const answer = await api.call<ProblemBody>("POST", "/api/v1/recalls", JSON.stringify(body), {
				"content-type": "application/json",
			});
			expect(answer, JSON.stringify(body)).toMatchObject({ status: 400, body: { code: "request_invalid" } });
		}
		expect(await api.delete("/api/v1/recalls/not-a-uuid")).toMatchObject({ status: 400 });
		expect(await api.delete("/api/v1/recalls/00000000-0000-4000-8000-000000000000")).toMatchObject({
			status: 404,
			body: { code: "recall_not_found" },
		});
		const viewer = await api.post<ApiKeyCreated>("/api/v1/api-keys", { name: "viewer", role: "operator" });
		expect(await api.as(viewer.body.key).post("/api/v1/recalls", { digest, reason: "r" })).toMatchObject({ status: 403 });
	});
});
