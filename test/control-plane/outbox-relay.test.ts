// From a committed change to the bus, whatever breaks on the way: NATS away, a crash between two steps, buckets wiped, a
// database that was restored from a backup.
import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import { join } from "node:path";
import {
	type HookPolicy,
	isRouteTable,
	MODULE_STORE,
	type PluginChange,
	POLICY_BUCKET,
	ROUTE_BUCKET,
	type RouteTable,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { describe, expect, test } from "vitest";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { connectTo } from "../support/connect.js";
import { createDatabase } from "../support/create-database.js";
import { freePort } from "../support/free-port.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

async function held(connection: NatsConnection): Promise<{ table: RouteTable; policy: HookPolicy } | undefined> {
	const js = connection.jetstream();
	const table = (await (await js.views.kv(ROUTE_BUCKET)).get("default"))?.json();
	const policy = (await (await js.views.kv(POLICY_BUCKET)).get("default"))?.json<HookPolicy>();
	return isRouteTable(table) && policy !== undefined ? { table, policy } : undefined;
}

/** What the bus holds, once table and policy have exactly this revision. */
function heldAt(connection: NatsConnection, revision: number) {
	return waitFor(`table and policy ${revision} are on the bus`, async () => {
		const found = await held(connection);
		return found?.table.revision === revision && found.policy.revision === revision ? found : undefined;
	});
}

async function installRunning(control: StartedControlPlane, name = "tester"): Promise<{ revision: number; digest: string }> {
	const { zip, module } = await buildPackage({ name });
	const answer = await control.admin.install<PluginChange>({ file: zip, fields: { grants: "all", enable: "true" } });
	expect(answer.status).toBe(201);
	return { revision: answer.body.revision, digest: createHash("sha256").update(module).digest("hex") };
}

async function moduleOnBus(connection: NatsConnection, digest: string): Promise<Uint8Array | null> {
	const store = await connection.jetstream().views.os(MODULE_STORE);
	return (await store.info(digest)) === null ? null : await store.getBlob(digest);
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	test("a change reaches the bus with its module, and the outbox keeps the newest row only", async () => {
		const nats = await startNats();
		const control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await create() });
		await control.admin.ready();
		const { revision, digest } = await installRunning(control);
		await control.admin.post("/api/v1/plugins/tester/disable");
		const enabled = await control.admin.post<PluginChange>("/api/v1/plugins/tester/enable");
		const connection = await connectTo(nats.url);
		await heldAt(connection, enabled.body.revision);
		expect(enabled.body.revision).toBe(revision + 2);
		const bytes = await moduleOnBus(connection, digest);
		expect(
			createHash("sha256")
				.update(bytes as Uint8Array)
				.digest("hex"),
		).toBe(digest);
		await waitFor("the row is marked and the older ones are gone", async () => {
			const left = await rows(control.plane.database, "SELECT revision, sent_at FROM outbox");
			return left.length === 1 && left[0]?.["sent_at"] !== null && Number(left[0]?.["revision"]) === enabled.body.revision;
		});
	});

	test("changes that are made before NATS is there reach it when it comes", async () => {
		const port = await freePort();
		const control = await startTestControlPlane({ natsUrl: `nats://127.0.0.1:${port}`, databaseUrl: await create() });
		const { revision } = await installRunning(control);
		const waiting = await control.admin.post<ProblemBody>("/api/v1/plugins/tester/disable?wait=applied&waitMs=200");
		expect(waiting).toMatchObject({ status: 504, body: { code: "not_applied_in_time" } });
		expect(waiting.body.detail).toContain("NATS");
		expect((await fetch(`${control.url}/readyz`, { headers: { connection: "close" } })).status).toBe(200);
		const nats = await startNats({ port });
		const { table } = await heldAt(await connectTo(nats.url), revision + 1);
		expect(table.plugins).toEqual({});
	});

	test("a bus that restarted empty is filled again", async () => {
		const port = await freePort();
		const first = await startNats({ port });
		const control = await startTestControlPlane({ natsUrl: first.url, databaseUrl: await create() });
		await control.admin.ready();
		const { revision, digest } = await installRunning(control);
		const before = await connectTo(first.url);
		await heldAt(before, revision);
		await before.close();
		await first.stop();
		const second = await startNats({ port });
		const connection = await connectTo(second.url);
		await heldAt(connection, revision);
		expect(await moduleOnBus(connection, digest)).not.toBeNull();
	});
});

describe("comparing bus and database", () => {
	async function start() {
		const nats = await startNats();
		const control = await startTestControlPlane({ natsUrl: nats.url, relayTiming: { reconcileMs: 300, moduleGraceMs: 0 } });
		await control.admin.ready();
		const installed = await installRunning(control);
		const connection = await connectTo(nats.url);
		await heldAt(connection, installed.revision);
		const js = connection.jetstream();
		return {
			nats,
			control,
			connection,
			...installed,
			routes: await js.views.kv(ROUTE_BUCKET),
			policies: await js.views.kv(POLICY_BUCKET),
			modules: await js.views.os(MODULE_STORE),
		};
	}

	test("a wiped table, a wiped policy and a wiped module come back by themselves", async () => {
		const { connection, revision, digest, routes, policies, modules } = await start();
		await routes.delete("default");
		await heldAt(connection, revision);
		await policies.purge("default");
		await heldAt(connection, revision);
		await modules.delete(digest);
		await waitFor("the module is back", async () => (await moduleOnBus(connection, digest)) !== null);
	});

	test("an older table, or something that is no table, is replaced", async () => {
		const { connection, revision, routes } = await start();
		const current = await heldAt(connection, revision);
		await routes.put("default", JSON.stringify({ ...current.table, revision: revision - 1, plugins: {}, hooks: {} }));
		await heldAt(connection, revision);
		await routes.put("default", "not json");
		await heldAt(connection, revision);
	});

	test("SC-01 a damaged module is put again", async () => {
		const { digest, modules } = await start();
		await modules.putBlob({ name: digest }, Buffer.from("something else"));
		const size = (await buildPackage()).module.length;
		await waitFor("the right bytes are back", async () => (await modules.info(digest))?.size === size);
	});

	test("a module that no version has any more is removed from the bus, and one that is still used stays", async () => {
		const { control, connection, digest } = await start();
		const other = await buildPackage({ name: "other", salt: "other" });
		await control.admin.install({ file: other.zip, fields: { grants: "all", enable: "true" } });
		const kept = createHash("sha256").update(other.module).digest("hex");
		await waitFor("both are there", async () => (await moduleOnBus(connection, kept)) !== null);
		await control.admin.delete("/api/v1/plugins/tester");
		await waitFor("the deleted one is gone", async () => (await moduleOnBus(connection, digest)) === null);
		expect(await moduleOnBus(connection, kept)).not.toBeNull();
	});

	test("a higher revision on the bus raises the tenant's above it, with a warning and an audit row", async () => {
		const { control, connection, revision, routes } = await start();
		const current = await heldAt(connection, revision);
		await routes.put("default", JSON.stringify({ ...current.table, revision: 500, plugins: {}, hooks: {} }));
		const { table } = await heldAt(connection, 501);
		expect(Object.keys(table.plugins)).toEqual(["tester"]);
		expect(control.logs()).toContain("database restored?");
		const trail = await rows(control.plane.database, "SELECT actor, revision FROM audit_log WHERE action = 'routes.raise'");
		expect(trail).toMatchObject([{ actor: "system" }]);
		const next = await control.admin.post<PluginChange>("/api/v1/plugins/tester/disable");
		expect(next.body.revision).toBe(502);
		await heldAt(connection, 502);
	});

	test("the same revision with other content is raised too", async () => {
		const { connection, revision, routes } = await start();
		const current = await heldAt(connection, revision);
		await routes.put(
			"default",
			JSON.stringify({ ...current.table, compiledAt: "2020-01-01T00:00:00.000Z", plugins: {}, hooks: {} }),
		);
		const { table } = await heldAt(connection, revision + 1);
		expect(Object.keys(table.plugins)).toEqual(["tester"]);
	});

	test("FT-30 a database restored from a backup publishes its state above what the fleet has seen", async () => {
		const nats = await startNats();
		const dataDir = tempDir("restored");
		const first = await startTestControlPlane({ natsUrl: nats.url, dataDir });
		await first.admin.ready();
		const { revision } = await installRunning(first, "old");
		const key = first.plane.firstKey;
		await first.stop();
		const backup = tempDir("backup");
		cpSync(join(dataDir, "database"), join(backup, "database"), { recursive: true });
		const second = await startTestControlPlane({ natsUrl: nats.url, dataDir });
		await second.admin.ready();
		const api = second.admin.as(key);
		for (let index = 0; index < 5; index += 1) await api.post("/api/v1/plugins/old/toggle");
		const connection = await connectTo(nats.url);
		await heldAt(connection, revision + 5);
		await second.stop();
		await startTestControlPlane({ natsUrl: nats.url, dataDir: backup });
		const { table } = await heldAt(connection, revision + 6);
		expect(table.hooks.on_chat_message?.all).toMatchObject([{ plugin: "old" }]);
	});

	test("an empty database above a bus with tables takes the tenant over", async () => {
		const nats = await startNats();
		const first = await startTestControlPlane({ natsUrl: nats.url });
		await first.admin.ready();
		const { revision } = await installRunning(first);
		await heldAt(await connectTo(nats.url), revision);
		await first.stop();
		await startTestControlPlane({ natsUrl: nats.url });
		const { table } = await heldAt(await connectTo(nats.url), revision + 1);
		expect(table.plugins).toEqual({});
	});
});

describe("FT-15 a relay that dies between two steps", () => {
	// Each row is what a relay that was killed at that point leaves behind; the next one has to finish it.
	const points: { title: string; damage: string[]; wipe: ("routes" | "policies" | "modules")[] }[] = [
		{ title: "after the commit", damage: ["UPDATE outbox SET sent_at = NULL"], wipe: ["routes", "policies", "modules"] },
		{
			title: "after the claim",
			damage: ["UPDATE outbox SET sent_at = NULL, claimed_until = now() + interval '1 hour'"],
			wipe: ["routes", "policies", "modules"],
		},
		{
			title: "after the module",
			damage: ["UPDATE outbox SET sent_at = NULL, claimed_until = now() + interval '1 hour'"],
			wipe: ["routes", "policies"],
		},
		{
			title: "after the table",
			damage: ["UPDATE outbox SET sent_at = NULL, claimed_until = now() + interval '1 hour'"],
			wipe: ["policies"],
		},
		{
			title: "after the policy",
			damage: ["UPDATE outbox SET sent_at = NULL, claimed_until = now() + interval '1 hour'"],
			wipe: [],
		},
	];
	test.each(points)("FT-15 $title: the next start finishes it", async ({ damage, wipe }) => {
		const nats = await startNats();
		const dataDir = tempDir("crash");
		const first = await startTestControlPlane({ natsUrl: nats.url, dataDir });
		await first.admin.ready();
		const { revision, digest } = await installRunning(first);
		const connection = await connectTo(nats.url);
		await heldAt(connection, revision);
		await waitFor(
			"it is marked",
			async () => (await rows(first.plane.database, "SELECT 1 FROM outbox WHERE sent_at IS NOT NULL")).length === 1,
		);
		await first.plane.app.close();
		for (const statement of damage) await rows(first.plane.database, statement);
		await first.stop();
		for (const bucket of wipe) await (await connection.jetstreamManager()).streams.purge(streamOf(bucket));
		const second = await startTestControlPlane({ natsUrl: nats.url, dataDir });
		await heldAt(connection, revision);
		expect(await moduleOnBus(connection, digest)).not.toBeNull();
		await waitFor(
			"it is marked again",
			async () => (await rows(second.plane.database, "SELECT 1 FROM outbox WHERE sent_at IS NOT NULL")).length === 1,
		);
	});
});

describe("two control planes on one database", () => {
	test("changes of both reach the bus in the order of their revisions, and none goes back", async () => {
		const nats = await startNats();
		const databaseUrl = await createDatabase();
		const [one, two] = await Promise.all([
			startTestControlPlane({ natsUrl: nats.url, databaseUrl }),
			startTestControlPlane({ natsUrl: nats.url, databaseUrl }),
		]);
		const key = one.plane.firstKey ?? two.plane.firstKey;
		expect([one.plane.firstKey, two.plane.firstKey].filter((made) => made !== undefined)).toHaveLength(1);
		const apis = [one.admin.as(key), two.admin.as(key)];
		await Promise.all(apis.map((api) => api.ready()));
		const { zip } = await buildPackage();
		await apis[0]?.install({ file: zip, fields: { grants: "all" } });
		const connection = await connectTo(nats.url);
		const seen: number[] = [];
		const watch = await (await connection.jetstream().views.kv(ROUTE_BUCKET)).watch({ key: "default" });
		void (async () => {
			for await (const entry of watch) seen.push(entry.json<RouteTable>().revision);
		})();
		const answers = await Promise.all(
			Array.from({ length: 30 }, (_, index) =>
				(apis[index % 2] as StartedControlPlane["admin"]).post<PluginChange>("/api/v1/plugins/tester/toggle"),
			),
		);
		const highest = Math.max(...answers.map(({ body }) => body.revision));
		await heldAt(connection, highest);
		watch.stop();
		expect(seen).toEqual([...seen].sort((a, b) => a - b));
		expect(seen.at(-1)).toBe(highest);
	});
});

function streamOf(bucket: "routes" | "policies" | "modules"): string {
	return { routes: `KV_${ROUTE_BUCKET}`, policies: `KV_${POLICY_BUCKET}`, modules: `OBJ_${MODULE_STORE}` }[bucket];
}
