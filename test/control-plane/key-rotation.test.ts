// The keys of secrets are rotated beside everything else that the control plane does: what changes is how values are sealed, and
// nothing that anybody sees of them. What happens when processes die meanwhile is in key-rotation-kills.test.ts.
import { createMasterKeys, createSecretOpener, protectedHeader } from "@hookbus/foundation";
import {
	type KeyRotation,
	type KeyStatus,
	type PluginHistory,
	ROUTE_BUCKET,
	type RouteTable,
	type TenantCreated,
} from "@hookbus/schemas";
import type { KV, NatsConnection } from "nats";
import { describe, expect, test } from "vitest";
import type { ApiClient } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { connectTo } from "../support/connect.js";
import { TEST_MASTER_KEY } from "../support/route-tables.js";
import { SECRET_MANIFEST } from "../support/secret-plugin.js";
import { randomMasterKey, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { storedInStreams, storedInTables, whereFound } from "../support/stored-everywhere.js";
import { sealDirectly } from "../support/tenant-box.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const NEW_KEY = randomMasterKey();
const BOTH = { HOOKBUS_MASTER_KEY: NEW_KEY, HOOKBUS_MASTER_KEY_PREVIOUS: TEST_MASTER_KEY };
const SECRET = "planted-in-a-rotation-77";

const statusOf = async (admin: ApiClient) => (await admin.get<KeyStatus>("/api/v1/keys")).body;

/** Starts a rotation and waits for its end. */
async function rotate(admin: ApiClient, body: Record<string, unknown> = {}): Promise<KeyStatus> {
	expect((await admin.post<KeyRotation>("/api/v1/keys/rotate", body)).status).toBe(202);
	return await ended(admin);
}

function ended(admin: ApiClient): Promise<KeyStatus> {
	return waitFor(
		"the rotation ended",
		async () => {
			const status = await statusOf(admin);
			return status.rotation?.state === "ended" ? status : undefined;
		},
		{ timeoutMs: 90_000 },
	);
}

async function tableOf(bucket: KV): Promise<RouteTable> {
	return (await bucket.get("default"))?.json<RouteTable>() as RouteTable;
}

const routesOf = (connection: NatsConnection) => connection.jetstream().views.kv(ROUTE_BUCKET);

/** What the runtime that has these master keys reads of the secret `key` of a table's plugin. */
async function readIn(table: RouteTable, plugin: string, ...keys: [current: string, previous?: string]): Promise<string> {
	const sealed = table.plugins[plugin]?.secrets["key"];
	if (sealed === undefined) throw new Error(`the table has no secret of ${plugin}`);
	return await createSecretOpener(createMasterKeys(...keys), table.dataKeys ?? {}).open(sealed, {
		tenant: table.tenant,
		plugin,
		field: "key",
	});
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	test("SE-04 what a master key sealed or wrapped is moved to a new one, and new data keys take over; nothing begins anew by that", async () => {
		const nats = await startNats();
		const databaseUrl = await create();
		const old = await startTestControlPlane({ natsUrl: nats.url, databaseUrl });
		await old.admin.ready();
		const connection = await connectTo(nats.url);
		const bucket = await routesOf(connection);
		for (const id of ["acme", "empty"]) {
			const tenant = old.admin.as((await old.admin.post<TenantCreated>("/api/v1/tenants", { id })).body.key);
			if (id === "empty") continue;
			const { zip } = await buildPackage({ manifest: SECRET_MANIFEST });
			await tenant.install({ file: zip, fields: { grants: "all" } });
			await tenant.put("/api/v1/plugins/tester/config", { config: { key: SECRET } });
			await tenant.post("/api/v1/plugins/tester/enable");
		}
		for (const name of ["first", "second"]) {
			const { zip } = await buildPackage({ name, manifest: SECRET_MANIFEST });
			await old.admin.install({ file: zip, fields: { grants: "all" } });
			await old.admin.put(`/api/v1/plugins/${name}/config`, { config: { key: SECRET } });
			await old.admin.post(`/api/v1/plugins/${name}/enable`);
			await old.admin.put(`/api/v1/plugins/${name}/config`, { config: { colour: "blue" } });
		}
		// As a release without data keys has left it.
		const direct = JSON.stringify({
			key: await sealDirectly(TEST_MASTER_KEY, SECRET, { tenant: "default", plugin: "first", field: "key" }),
		});
		for (const table of ["plugin_configs", "plugin_snapshots"]) {
			await rows(old.plane.database, `UPDATE ${table} SET secrets = '${direct}' WHERE plugin = 'first' AND secrets <> '{}'`);
		}
		const { revision } = (
			await old.admin.put<{ revision: number }>("/api/v1/plugins/second/config", { config: { colour: "red" } })
		).body;
		const before = await waitFor("it is published", async () => {
			const table = await tableOf(bucket);
			return table?.revision === revision ? table : undefined;
		});
		expect(await readIn(before, "first", TEST_MASTER_KEY)).toBe(SECRET);
		await old.stop();

		const {
			plane,
			admin: unnamed,
			...control
		} = await startTestControlPlane({
			natsUrl: nats.url,
			databaseUrl,
			dataDir: old.dataDir,
			env: BOTH,
		});
		const admin = unnamed.as(old.plane.firstKey);
		await admin.ready();
		expect(await statusOf(admin)).toMatchObject({
			done: false,
			left: { dataKeys: 2, values: 4, tables: 2, retiredKeys: 0, tenants: ["acme", "default"] },
			unreadable: 0,
		});
		const history = async () => (await admin.get<PluginHistory>("/api/v1/plugins/first/history")).body;
		const tag = async () => (await admin.get("/api/v1/plugins/first/config")).headers.get("etag");
		const [historyBefore, tagBefore] = [await history(), await tag()];
		expect(await rotate(admin)).toMatchObject({
			masterKey: createMasterKeys(NEW_KEY).current.id,
			previousMasterKey: createMasterKeys(TEST_MASTER_KEY).current.id,
			dataKeys: 2,
			done: true,
			left: { dataKeys: 0, values: 0, tables: 0, retiredKeys: 0, runtimes: [], tenants: [] },
			rotation: { state: "ended", tenants: { done: 3, all: 3 }, failures: [] },
		});
		const after = await tableOf(bucket);
		expect(after.revision).toBe(before.revision + 1);
		for (const name of ["first", "second"]) {
			expect(await readIn(after, name, NEW_KEY)).toBe(SECRET);
			expect(after.plugins[name]?.configRevision).toBe(before.plugins[name]?.configRevision);
			await expect(readIn(after, name, TEST_MASTER_KEY)).rejects.toThrow("cannot be opened");
		}
		expect([await history(), await tag()]).toEqual([historyBefore, tagBefore]);
		// Once more there is nothing to do, and no revision is made.
		expect(await rotate(admin)).toMatchObject({ done: true });
		expect((await tableOf(bucket)).revision).toBe(after.revision);
		const trail = async (tenant: string) =>
			await rows(
				plane.database,
				`SELECT action, actor FROM audit_log WHERE action LIKE 'keys.%' AND tenant = '${tenant}' ORDER BY id`,
			);
		expect((await trail("default")).map(({ action }) => action)).toEqual([
			"keys.renew",
			"keys.seal_anew",
			"keys.seal_anew",
			"keys.publish",
		]);
		expect((await trail("acme")).map(({ action }) => action)).toEqual(["keys.renew", "keys.publish"]);
		for (const { actor } of await trail("acme")) expect(actor).toMatch(/ \([0-9a-f-]{36}\)$/);

		// New data keys, in each tenant that has any; the ones of before are gone.
		const keys = async () => await rows(plane.database, "SELECT tenant, id, state FROM tenant_keys ORDER BY tenant");
		const dataKeysBefore = await keys();
		expect(await rotate(admin, { dataKeys: true })).toMatchObject({ done: true, dataKeys: 2 });
		const dataKeys = await keys();
		expect(dataKeys.map(({ tenant, state }) => [tenant, state])).toEqual([
			["acme", "current"],
			["default", "current"],
		]);
		const everywhere = [
			...(await storedInTables((query) => rows(plane.database, query))),
			...(await storedInStreams(connection)),
		];
		for (const { id } of dataKeysBefore) {
			expect(whereFound(everywhere, protectedHeader(String(id)))).toEqual([]);
			// That there was such a key, and when it went, stays known.
			expect(whereFound(everywhere, String(id))).toEqual(["table audit_log"]);
		}
		for (const { id } of dataKeys) {
			const where = ["stream KV_HOOKBUS_ROUTES", "table outbox", "table plugin_configs", "table plugin_snapshots"];
			expect(whereFound(everywhere, protectedHeader(String(id))).sort()).toEqual(where);
		}
		expect((await tableOf(bucket)).plugins["first"]?.configRevision).toBe(before.plugins["first"]?.configRevision);
		await plane.stop();

		// The old key can go.
		const last = await startTestControlPlane({
			natsUrl: nats.url,
			databaseUrl,
			dataDir: control.dataDir,
			masterKey: NEW_KEY,
		});
		const api = last.admin.as(old.plane.firstKey);
		for (const name of ["first", "second"]) {
			expect((await api.post(`/api/v1/plugins/${name}/disable`)).status).toBe(200);
			expect((await api.post(`/api/v1/plugins/${name}/enable`)).status).toBe(200);
			expect(
				(await api.post(`/api/v1/plugins/${name}/rollback`, { revision: historyBefore.items[0]?.revision })).status,
			).toBeLessThan(500);
		}
		const stored = await storedInTables((query) => rows(last.plane.database, query));
		expect(whereFound(stored, protectedHeader(createMasterKeys(TEST_MASTER_KEY).current.id))).toEqual([]);
	});
});
