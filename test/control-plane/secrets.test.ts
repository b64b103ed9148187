// A secret that an admin sets is in clear text nowhere but in the request: not in the database, not on the bus, not in a log,
// not in an answer.
import { createMasterKeys, createSecretOpener } from "@hookbus/foundation";
import { type PluginConfig, type PluginDetail, ROUTE_BUCKET, type RouteTable, type SealedSecret } from "@hookbus/schemas";
import { expect, test } from "vitest";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { connectTo } from "../support/connect.js";
import { createDatabase } from "../support/create-database.js";
import { TEST_MASTER_KEY } from "../support/route-tables.js";
import { randomMasterKey, type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { storedInFiles, storedInTables, whereFound } from "../support/stored-everywhere.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const PLANTED = "planted-secret-4f1c9a";
const MANIFEST = {
	permissions: ["read_messages", "read_secrets"],
	config: {
		type: "object",
		properties: { key: { type: "string", secret: true }, other: { type: "string", secret: true, minLength: 50 } },
	},
};

async function plant(control: StartedControlPlane): Promise<number> {
	const { zip } = await buildPackage({ manifest: MANIFEST });
	await control.admin.install({ file: zip, fields: { grants: "all" } });
	expect((await control.admin.put("/api/v1/plugins/tester/config", { config: { key: PLANTED } })).status).toBe(200);
	const enabled = await control.admin.post<{ revision: number }>("/api/v1/plugins/tester/enable");
	return enabled.body.revision;
}

test.each(EACH_DATABASE)("SE-01 SE-03 a planted secret is found nowhere in clear text, on $kind", async ({ create }) => {
	const nats = await startNats();
	const control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await create() });
	await control.admin.ready();
	const revision = await plant(control);
	// Also by ways that fail: a refused configuration, a binding with it, a broken body.
	await control.admin.put("/api/v1/plugins/tester/config", { config: { other: PLANTED } });
	await control.admin.put("/api/v1/assistants/bot/plugins/tester", { config: { key: PLANTED } });
	await control.admin.call("PUT", "/api/v1/plugins/tester/config", `{"config":{"key":"${PLANTED}"`, {
		"content-type": "application/json",
	});
	const connection = await connectTo(nats.url);
	const bucket = await connection.jetstream().views.kv(ROUTE_BUCKET);
	await waitFor("it is published", async () => (await bucket.get("default"))?.json<RouteTable>().revision === revision);

	for (const path of ["/config", ""]) {
		const answer = await control.admin.get<PluginConfig | PluginDetail>(`/api/v1/plugins/tester${path}`);
		expect(JSON.stringify(answer.body)).not.toContain(PLANTED);
	}
	expect((await control.admin.get<PluginConfig>("/api/v1/plugins/tester/config")).body.config).toEqual({
		key: { set: true },
		other: { set: false },
	});
	const tables = await storedInTables((query) => rows(control.plane.database, query));
	expect(tables.length).toBeGreaterThan(9);
	expect(whereFound(tables, PLANTED)).toEqual([]);
	expect(control.logs().length).toBeGreaterThan(100);
	expect(control.logs()).not.toContain(PLANTED);
	await control.stop();
	const files = storedInFiles(control.dataDir, nats.storeDir);
	expect(files.length).toBeGreaterThan(3);
	expect(whereFound(files, PLANTED)).toEqual([]);
});

test("SE-02 the sealed secret opens for its own place with the master key, and for no other", async () => {
	const control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	await plant(control);
	const [row] = await rows(control.plane.database, "SELECT secrets FROM plugin_configs");
	const sealed = (row as { secrets: Record<string, SealedSecret> }).secrets["key"] as SealedSecret;
	const keys = (await rows(control.plane.database, "SELECT * FROM tenant_keys")) as { id: string; wrapped: SealedSecret }[];
	expect(keys).toMatchObject([{ tenant: "default", state: "current" }]);
	const dataKeys = Object.fromEntries(keys.map(({ id, wrapped }) => [id, wrapped]));
	const opener = createSecretOpener(createMasterKeys(TEST_MASTER_KEY), dataKeys);
	const place = { tenant: "default", plugin: "tester", field: "key" };
	expect(await opener.open(sealed, place)).toBe(PLANTED);
	for (const elsewhere of [
		{ ...place, tenant: "other" },
		{ ...place, plugin: "other" },
		{ ...place, field: "other" },
		{ ...place, user: "ada" },
	]) {
		await expect(opener.open(sealed, elsewhere)).rejects.toThrow("cannot be opened");
	}
	const strange = createSecretOpener(createMasterKeys(randomMasterKey()), dataKeys);
	await expect(strange.open(sealed, place)).rejects.toThrow("cannot be opened");
});

test("the first secrets of a tenant, set in two control planes at once, make one data key", async () => {
	const databaseUrl = await createDatabase();
	const first = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl });
	const second = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl });
	const names = Array.from({ length: 6 }, (_, index) => `tester-${index}`);
	for (const name of names) {
		const { zip } = await buildPackage({ name, manifest: MANIFEST });
		await first.admin.install({ file: zip, fields: { grants: "all" } });
	}
	const clients = [first.admin, second.admin.as(first.plane.firstKey)];
	const set = await Promise.all(
		names.map((name, index) =>
			clients[index % 2]?.put(`/api/v1/plugins/${name}/config`, { config: { key: `${PLANTED}-${index}` } }),
		),
	);
	expect(set.map((answer) => answer?.status)).toEqual(names.map(() => 200));
	expect(await rows(first.plane.database, "SELECT state FROM tenant_keys")).toEqual([{ state: "current" }]);
	for (const name of names) expect((await clients[0]?.post(`/api/v1/plugins/${name}/enable`))?.status).toBe(200);
});

test("with another master key a change that needs the old secret names the way out, and setting it again works", async () => {
	const first = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	await plant(first);
	await first.stop();
	const second = await startTestControlPlane({
		natsUrl: "nats://127.0.0.1:9",
		dataDir: first.dataDir,
		masterKey: randomMasterKey(),
	});
	const api = second.admin.as(first.plane.firstKey);
	await api.post("/api/v1/plugins/tester/disable");
	const refused = await api.post<ProblemBody>("/api/v1/plugins/tester/enable");
	expect(refused).toMatchObject({ status: 409, body: { code: "secret_unreadable" } });
	expect(refused.body.detail).toContain("PUT /api/v1/plugins/tester/config");
	expect((await api.put("/api/v1/plugins/tester/config", { config: { key: "a new one" } })).status).toBe(200);
	expect((await api.post("/api/v1/plugins/tester/enable")).status).toBe(200);
});

test("with another master key everybody's secret and that of a user are set again in any order, or the user's is removed", async () => {
	const first = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	const key = { type: "string", secret: true, minLength: 4 };
	const config = { type: "object", required: ["key"], properties: { key, mode: { type: "string", maxLength: 5 } } };
	const names = ["globally", "by-user", "removed"];
	const path = (name: string, user?: string) => `/api/v1/plugins/${name}/config${user === undefined ? "" : `?user=${user}`}`;
	for (const name of names) {
		const { zip } = await buildPackage({ name, manifest: { ...MANIFEST, config } });
		await first.admin.install({ file: zip, fields: { grants: "all" } });
		for (const user of [undefined, "ann"])
			expect((await first.admin.put(path(name, user), { config: { key: PLANTED } })).status).toBe(200);
	}
	await first.stop();
	const masterKey = randomMasterKey();
	const second = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", dataDir: first.dataDir, masterKey });
	const api = second.admin.as(first.plane.firstKey);
	const set = async (name: string, user: string | undefined, wanted: unknown) =>
		(await api.put<ProblemBody>(path(name, user), { config: wanted })).body;

	expect(await set("by-user", "ann", { key: "new", mode: "short" })).toMatchObject({ errors: [{ path: "/users/ann/key" }] });
	expect(await set("by-user", "bob", { mode: "too long" })).toMatchObject({ errors: [{ path: "/users/bob/mode" }] });
	expect((await api.put(path("by-user", "bob"), { config: { mode: "short" } })).status).toBe(200);
	expect((await api.put(path("by-user", "ann"), { config: { key: "a new one" } })).status).toBe(200);
	for (const name of names) expect((await api.put(path(name), { config: { key: "a new one" } })).status).toBe(200);
	expect((await api.post("/api/v1/plugins/by-user/enable")).status).toBe(200);

	const refused = await api.post<ProblemBody>("/api/v1/plugins/globally/enable");
	expect(refused).toMatchObject({ status: 409, body: { code: "secret_unreadable" } });
	expect(refused.body.detail).toMatch(/of user ann .*PUT \S+config\?user=ann, .*DELETE \S+config\?user=ann$/);
	expect((await api.put(path("globally", "ann"), { config: { key: "a new one" } })).status).toBe(200);
	expect((await api.delete(path("removed", "ann"))).status).toBe(200);
	for (const name of ["globally", "removed"]) expect((await api.post(`/api/v1/plugins/${name}/enable`)).status).toBe(200);
});

test("the same secret sealed twice is different each time", async () => {
	const control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	await plant(control);
	const [before] = await rows(control.plane.database, "SELECT secrets FROM plugin_configs");
	await control.admin.put("/api/v1/plugins/tester/config", { config: { key: PLANTED } });
	const [after] = await rows(control.plane.database, "SELECT secrets FROM plugin_configs");
	expect(after).not.toEqual(before);
});
