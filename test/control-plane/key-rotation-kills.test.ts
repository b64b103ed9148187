// The control plane is killed at each step of a rotation while a runtime works with the secret: no event fails for want of it, the
// next rotation does what is left, and in the end the keys of before are in use nowhere.
import { createMasterKeys, createSecretOpener, protectedHeader } from "@hookbus/foundation";
import {
	type KeyRotation,
	type KeyStatus,
	ROUTE_BUCKET,
	type RouteTable,
	type RuntimeFleet,
	type SealedSecret,
	type Verdict,
} from "@hookbus/schemas";
import postgres from "postgres";
import { expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { createDatabase } from "../support/create-database.js";
import { chatEvent } from "../support/events.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { TEST_MASTER_KEY } from "../support/route-tables.js";
import { SECRET_MANIFEST, secretModule } from "../support/secret-plugin.js";
import { spawnControlPlane } from "../support/spawn-control-plane.js";
import { randomMasterKey } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { storedInStreams, storedInTables, whereFound } from "../support/stored-everywhere.js";
import { startTraffic } from "../support/traffic.js";
import { waitFor } from "../support/wait-for.js";

const NEW_KEY = randomMasterKey();
const BOTH = { HOOKBUS_MASTER_KEY: NEW_KEY, HOOKBUS_MASTER_KEY_PREVIOUS: TEST_MASTER_KEY };
const SECRET = "in-use-while-keys-change";

/** What a rotation writes, in its order: while the table is locked it stands still before that step. */
const STEPS = [
	{ table: "audit_log", writes: "insert" },
	{ table: "tenant_keys", writes: "update" },
	{ table: "plugin_snapshots", writes: "update" },
	{ table: "plugin_configs", writes: "update" },
	{ table: "outbox", writes: "insert" },
	{ table: "tenant_keys", writes: "delete" },
] as const;

test("SE-04 killed at each step of a rotation, it is resumed, and no event misses the secret", { timeout: 180_000 }, async () => {
	const nats = await startNats();
	const databaseUrl = await createDatabase();
	const database = postgres(databaseUrl, { max: 3, onnotice: () => undefined });
	closeAfter(() => database.end({ timeout: 1 }));
	const env = { HOOKBUS_NATS_URL: nats.url, HOOKBUS_DATABASE_URL: databaseUrl };
	const first = await spawnControlPlane({ env });
	await first.admin.ready();
	const both = await spawnRuntime({ natsUrl: nats.url, id: "both", settings: BOTH });
	const manifest = manifestOf("holder", "1.0.0", [{ hook: "on_chat_message", effect: "gate" }], SECRET_MANIFEST);
	await first.admin.install({ file: await zipOf(manifest, await secretModule(SECRET)), fields: { grants: "all" } });
	await first.admin.put("/api/v1/plugins/holder/config", { config: { key: SECRET } });
	expect((await first.admin.post("/api/v1/plugins/holder/enable")).status).toBe(200);
	const [dataKey] = await database<{ id: string }[]>`SELECT id FROM tenant_keys`;
	await first.process.stop();

	const connection = await connectTo(nats.url);
	const send = () => ask(connection, chatEvent("hello", { tenant: "default" }));
	const isServed = async () => (await send()).trail[0]?.outcome === "ok";
	await waitFor("the plugin runs", isServed);
	const traffic = startTraffic<Verdict>(send, { callers: 2, everyMs: 20 });
	const start = () => spawnControlPlane({ dataDir: first.dataDir, env: { ...env, ...BOTH } });
	const bucket = await connection.jetstream().views.kv(ROUTE_BUCKET);
	/** Changes the plugin, so that control plane and runtimes open its secret, and reads it as a runtime does. */
	const readAnew = async (colour: string) => {
		const path = "/api/v1/plugins/holder/config";
		const { status, body } = await control.admin.put<{ revision: number }>(path, { config: { colour } });
		expect(status).toBe(200);
		const table = await waitFor("the change is on the bus", async () => {
			const value = (await bucket.get("default"))?.json<RouteTable>();
			return value !== undefined && value.revision >= body.revision ? value : undefined;
		});
		const opener = createSecretOpener(createMasterKeys(NEW_KEY, TEST_MASTER_KEY), table.dataKeys ?? {});
		const sealed = table.plugins["holder"]?.secrets["key"] as SealedSecret;
		return await opener.open(sealed, { tenant: "default", plugin: "holder", field: "key" });
	};
	let control = await start();
	for (const { table, writes } of STEPS) {
		await control.admin.ready();
		await database.begin(async (holder) => {
			await holder.unsafe(`LOCK TABLE ${table} IN EXCLUSIVE MODE`);
			const started = await control.admin.post<KeyRotation>("/api/v1/keys/rotate", { dataKeys: true });
			expect(started.status).toBe(202);
			await waitFor(`the rotation waits to ${writes} ${table}`, async () => {
				const waiting = await database`SELECT query FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE ${`${writes}%"${table}"%`}`;
				return waiting.length > 0;
			});
			await control.process.kill9();
		});
		control = await start();
		expect((await control.admin.get<KeyStatus>("/api/v1/keys")).body, `after ${writes} ${table}`).toMatchObject({ done: false });
		expect(await readAnew(`${writes} ${table}`)).toBe(SECRET);
	}
	await control.admin.ready();
	await control.admin.post<KeyRotation>("/api/v1/keys/rotate", { dataKeys: true });
	const status = await waitFor("nothing is left", async () => {
		const { body } = await control.admin.get<KeyStatus>("/api/v1/keys");
		return body.done && body.rotation?.state === "ended" ? body : undefined;
	});
	expect(status).toMatchObject({ dataKeys: 1, unreadable: 0, rotation: { failures: [] } });
	const { body: fleet } = await control.admin.get<RuntimeFleet>("/api/v1/runtimes");
	expect(fleet.items).toMatchObject([{ id: "both", running: fleet.desired, faults: [] }]);
	await control.process.stop();

	// With the new key alone: a runtime that begins, and a control plane that has to open the secret.
	await spawnRuntime({ natsUrl: nats.url, id: "new", settings: { HOOKBUS_MASTER_KEY: NEW_KEY } });
	const last = await spawnControlPlane({ dataDir: first.dataDir, env: { ...env, HOOKBUS_MASTER_KEY: NEW_KEY } });
	await both.stop(30_000);
	const verdicts = await traffic.stop();
	expect(verdicts.length).toBeGreaterThan(50);
	const outcomes = verdicts.flatMap(({ trail }) => trail.map(({ plugin, outcome }) => `${plugin} ${outcome}`));
	expect(outcomes).toEqual(verdicts.map(() => "holder ok"));
	expect((await send()).trail).toMatchObject([{ plugin: "holder", outcome: "ok" }]);
	for (const change of ["disable", "enable"]) {
		expect((await last.admin.post(`/api/v1/plugins/holder/${change}`)).status).toBe(200);
	}
	await waitFor("the plugin runs again", isServed);
	const tables = await storedInTables((query) => database.unsafe(query));
	const everywhere = [...tables, ...(await storedInStreams(connection))];
	for (const id of [createMasterKeys(TEST_MASTER_KEY).current.id, dataKey?.id ?? ""]) {
		expect(whereFound(everywhere, protectedHeader(id))).toEqual([]);
	}
	expect(whereFound(everywhere, protectedHeader(createMasterKeys(NEW_KEY).current.id))).toContain("table tenant_keys");
});
