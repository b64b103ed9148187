// What a plugin kept on the bus goes with the plugin, whatever breaks on the way, and a plugin that is installed again under the
// same name finds nothing of it.
import {
	type Explanation,
	FILE_STREAM,
	isRouteTable,
	type PluginChange,
	type RouteTable,
	STATE_STREAM,
	type StoreKind,
	storeSubject,
	storeSubjects,
} from "@hookbus/schemas";
import type { KV, NatsConnection } from "nats";
import { describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { connectTo } from "../support/connect.js";
import { createDatabase } from "../support/create-database.js";
import { freePort } from "../support/free-port.js";
import { needsRealTime } from "../support/real-time.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { routeBucket, ScriptedRuntime } from "./scripted-runtime.js";
import { rows } from "./stored-names.js";

const STREAMS: Readonly<Record<StoreKind, string>> = { state: STATE_STREAM, files: FILE_STREAM };
const KEEPING = { permissions: ["read_messages", "state", "write_files"] };

/** The runtimes of these tests speak every few hundred milliseconds. */
const heartbeatExpiryMs = 2_000;

async function install(api: ApiClient, name: string, query = "", manifest: Record<string, unknown> = KEEPING) {
	const { zip } = await buildPackage({ name, manifest });
	return await api.install<PluginChange>({ file: zip, fields: { grants: "all", enable: "true" } }, query);
}

async function keep(connection: NatsConnection, plugin: string, name: string, tenant = "default"): Promise<void> {
	for (const kind of ["state", "files"] as const)
		await connection.jetstream().publish(storeSubject(kind, tenant, plugin, name), "kept");
}

/** How many things a plugin keeps in both stores. */
async function kept(connection: NatsConnection, plugin: string, tenant = "default"): Promise<number> {
	const manager = await connection.jetstreamManager();
	let count = 0;
	for (const kind of ["state", "files"] as const) {
		const { state } = await manager.streams.info(STREAMS[kind], { subjects_filter: storeSubjects(kind, tenant, plugin) });
		count += Object.keys(state.subjects ?? {}).length;
	}
	return count;
}

function untilNothingKept(connection: NatsConnection, plugin: string): Promise<unknown> {
	return waitFor(`nothing of ${plugin} is kept`, async () => (await kept(connection, plugin)) === 0);
}

async function tableAt(routes: KV, revision: number): Promise<RouteTable> {
	return await waitFor(`route table ${revision} is on the bus`, async () => {
		const table = (await routes.get("default"))?.json();
		return isRouteTable(table) && table.revision >= revision ? table : undefined;
	});
}

const wanted = (control: StartedControlPlane) => rows(control.plane.database, "SELECT plugin FROM store_purges");

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	test("deleting a plugin removes what it kept in both stores, and nothing of anybody else", async () => {
		const nats = await startNats();
		const control = await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url, databaseUrl: await create() });
		await control.admin.ready();
		const connection = await connectTo(nats.url);
		for (const name of ["mine", "mine-too"]) {
			expect((await install(control.admin, name)).status).toBe(201);
			for (const key of ["a", "a.b", "*", ">"]) await keep(connection, name, key);
		}
		await keep(connection, "mine", "a", "other");
		expect(await kept(connection, "mine")).toBe(8);
		await control.admin.delete("/api/v1/plugins/mine");
		await untilNothingKept(connection, "mine");
		await waitFor("the request is done", async () => (await wanted(control)).length === 0);
		expect(await kept(connection, "mine-too")).toBe(8);
		expect(await kept(connection, "mine", "other")).toBe(2);
	});

	test("a deletion while NATS is away, and a new start after it: the content goes when NATS is back", async () => {
		const port = await freePort();
		const nats = await startNats({ port });
		const dataDir = tempDir("away");
		const databaseUrl = await create();
		const first = await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url, dataDir, databaseUrl });
		await first.admin.ready();
		await install(first.admin, "mine");
		const before = await connectTo(nats.url);
		await keep(before, "mine", "a");
		await before.close();
		await nats.stop();
		expect((await first.admin.delete("/api/v1/plugins/mine")).status).toBe(200);
		await first.stop();
		await nats.restart();
		const connection = await connectTo(nats.url);
		expect(await kept(connection, "mine")).toBe(2);
		const second = await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url, dataDir, databaseUrl });
		await untilNothingKept(connection, "mine");
		await waitFor("the request is done", async () => (await wanted(second)).length === 0);
	});

	test("a plugin that is installed again waits until no runtime can write for the old one, finds nothing, and keeps its own", async (context) => {
		// A runtime whose heartbeat is late counts as gone, and what it could write is not waited for.
		needsRealTime(context);
		const nats = await startNats();
		const control = await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url, databaseUrl: await create() });
		const { admin } = control;
		await admin.ready();
		const connection = await connectTo(nats.url);
		const routes = await routeBucket(connection);
		const runtime = new ScriptedRuntime(connection, "busy");
		const first = await install(admin, "mine");
		runtime.reports(first.body.revision);
		runtime.holds(3);
		await keep(connection, "mine", "old");
		const deleted = await admin.delete<{ revision: number }>("/api/v1/plugins/mine");
		const again = await install(admin, "mine");
		expect(again.status).toBe(201);
		const held = await tableAt(routes, again.body.revision);
		expect(held.plugins["mine"]).toBeUndefined();
		const { body } = await admin.get<Explanation>("/api/v1/assistants/*/explain");
		expect(body.hooks.on_chat_message.leftOut).toMatchObject([{ plugin: "mine", code: "purge_pending" }]);

		// The runtime has not taken the table without the plugin yet; then it has, and still has events in hand.
		await new Promise((resolve) => setTimeout(resolve, 3_000));
		runtime.reports(deleted.body.revision);
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		await keep(connection, "mine", "late");
		expect(await kept(connection, "mine")).toBe(4);
		const impatient = await admin.post<ProblemBody>("/api/v1/plugins/mine/disable");
		expect(impatient.status).toBe(200);
		const tooEarly = await admin.post<ProblemBody>("/api/v1/plugins/mine/enable?wait=applied&waitMs=500");
		expect(tooEarly).toMatchObject({ status: 504, body: { code: "not_applied_in_time" } });
		expect(tooEarly.body.detail).toContain("what an earlier plugin mine kept");

		await runtime.follows(routes);
		const applying = admin.put<PluginChange>("/api/v1/plugins/mine/limits?wait=applied&waitMs=60000", { timeoutMs: 100 });
		runtime.holds(0);
		const applied = await applying;
		expect(applied.status).toBe(200);
		expect(await kept(connection, "mine")).toBe(0);
		expect((await tableAt(routes, applied.body.revision)).plugins["mine"]?.limits.timeoutMs).toBe(100);
		const trail = await rows(
			control.plane.database,
			"SELECT actor FROM audit_log WHERE target = 'mine' AND action = 'plugin.purged'",
		);
		expect(trail).toEqual([{ actor: "system" }]);
		await keep(connection, "mine", "new");
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		expect(await kept(connection, "mine")).toBe(2);
	});
});

test("a plugin that could never keep anything is deleted and installed again without any wait", async () => {
	const nats = await startNats();
	const control = await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url });
	await control.admin.ready();
	const routes = await routeBucket(await connectTo(nats.url));
	await install(control.admin, "plain", "", {});
	await control.admin.delete("/api/v1/plugins/plain");
	const again = await install(control.admin, "plain", "", {});
	expect((await tableAt(routes, again.body.revision)).plugins["plain"]).toBeDefined();
	expect(await wanted(control)).toEqual([]);
});

test("a version that asked for a store counts, although the current one does not", async () => {
	const nats = await startNats();
	const control = await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url });
	await control.admin.ready();
	const connection = await connectTo(nats.url);
	await install(control.admin, "former");
	const { zip } = await buildPackage({ name: "former", version: "2.0.0" });
	expect((await control.admin.update("former", { file: zip })).status).toBe(200);
	await keep(connection, "former", "a");
	await control.admin.delete("/api/v1/plugins/former");
	await untilNothingKept(connection, "former");
});

test("two control planes remove what is old and nothing of what the plugin keeps that was installed again", async () => {
	const nats = await startNats();
	const databaseUrl = await createDatabase();
	const one = await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url, databaseUrl });
	await startTestControlPlane({ heartbeatExpiryMs, natsUrl: nats.url, databaseUrl });
	await one.admin.ready();
	const connection = await connectTo(nats.url);
	const routes = await routeBucket(connection);
	for (let round = 0; round < 4; round += 1) {
		const { body } = await install(one.admin, "mine", "?wait=applied&waitMs=60000");
		expect((await tableAt(routes, body.revision)).plugins["mine"]).toBeDefined();
		expect(await kept(connection, "mine")).toBe(0);
		await keep(connection, "mine", `round-${round}`);
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		expect(await kept(connection, "mine")).toBe(2);
		await one.admin.delete("/api/v1/plugins/mine");
	}
});
