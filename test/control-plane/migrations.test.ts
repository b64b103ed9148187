// An upgrade: a database that holds data of an older schema is migrated at the start, and what was stored goes on.
import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { createMasterKeys, createSecretOpener } from "@hookbus/foundation";
import {
	type AssistantMetrics,
	isRouteTable,
	type KeyStatus,
	type PluginChange,
	type PluginDetail,
	type PluginHistory,
	ROUTE_BUCKET,
	type RouteTable,
	type SealedSecret,
} from "@hookbus/schemas";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { migrate as migratePglite } from "drizzle-orm/pglite/migrator";
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js";
import { migrate as migratePostgres } from "drizzle-orm/postgres-js/migrator";
import connect from "postgres";
import { describe, expect, test } from "vitest";
import { buildPackage } from "../support/build-package.js";
import { connectTo } from "../support/connect.js";
import { seedPglite } from "../support/pglite-template.js";
import { TEST_MASTER_KEY } from "../support/route-tables.js";
import { SECRET_MANIFEST } from "../support/secret-plugin.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { tempDir } from "../support/temp-dir.js";
import { sealDirectly } from "../support/tenant-box.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const MIGRATIONS = resolve(import.meta.dirname, "../../services/control-plane/migrations");

/** The migrations of the first release, without those that came later. */
function firstMigrations(): string {
	const folder = join(tempDir("first-migrations"), "migrations");
	cpSync(MIGRATIONS, folder, { recursive: true });
	const path = join(folder, "meta/_journal.json");
	const journal = JSON.parse(readFileSync(path, "utf8")) as { entries: { idx: number }[] };
	writeFileSync(path, JSON.stringify({ ...journal, entries: journal.entries.filter(({ idx }) => idx < 2) }));
	return folder;
}

/** Brings a database to the first release's schema and runs these statements on it. */
async function prepare(dataDir: string, databaseUrl: string | undefined, statements: readonly string[]): Promise<void> {
	const migrationsFolder = firstMigrations();
	if (databaseUrl === undefined) {
		await seedPglite(dataDir);
		const client = await PGlite.create(join(dataDir, "database"));
		await migratePglite(drizzlePglite({ client }), { migrationsFolder });
		for (const statement of statements) await client.exec(statement);
		await client.close();
		return;
	}
	const client = connect(databaseUrl, { max: 1, onnotice: () => undefined });
	await migratePostgres(drizzlePostgres({ client }), { migrationsFolder });
	for (const statement of statements) await client.unsafe(statement);
	await client.end();
}

/** An enabled plugin with a table in the outbox, as the first release stored them. */
async function firstReleaseRows(): Promise<string[]> {
	const { manifest, module } = await buildPackage({ name: "veteran", manifest: { config: SECRET_MANIFEST.config } });
	const secret = await sealDirectly(TEST_MASTER_KEY, "sealed before", { tenant: "default", plugin: "veteran", field: "key" });
	const digest = createHash("sha256").update(module).digest("hex");
	const routed = {
		name: "veteran",
		version: "1.0.0",
		digest,
		size: module.length,
		configRevision: "a",
		config: {},
		secrets: {},
		grants: ["read_messages"],
		limits: { timeoutMs: 250, memoryPages: 256, outputBytes: 262_144 },
		tools: [],
	};
	const table = {
		spec: "1",
		tenant: "default",
		revision: 3,
		compiledAt: "2026-01-01T00:00:00.000Z",
		plugins: { veteran: routed },
		hooks: {},
	};
	expect(isRouteTable(table)).toBe(false);
	const json = (value: unknown) => `'${JSON.stringify(value)}'::jsonb`;
	return [
		"INSERT INTO tenants (id, revision) VALUES ('default', 3)",
		"INSERT INTO plugins (tenant, name, version, enabled) VALUES ('default', 'veteran', '1.0.0', true)",
		`INSERT INTO plugin_versions (tenant, plugin, version, digest, size, manifest, module, created_by)
			VALUES ('default', 'veteran', '1.0.0', '${digest}', ${module.length}, ${json(manifest)}, '\\x${Buffer.from(module).toString("hex")}', 'somebody')`,
		"INSERT INTO plugin_grants (tenant, plugin, permission, granted_by) VALUES ('default', 'veteran', 'read_messages', 'somebody')",
		`INSERT INTO plugin_configs (tenant, plugin, config, secrets) VALUES ('default', 'veteran', '{}', ${json({ key: secret })})`,
		"INSERT INTO bindings (tenant, plugin) VALUES ('default', 'veteran')",
		`INSERT INTO outbox (tenant, revision, route_table, hook_policy, sent_at)
			VALUES ('default', 3, ${json(table)}, ${json({ spec: "1", tenant: "default", revision: 3, hooks: {} })}, now())`,
		...["ok", "trap"].map(
			(
				outcome,
			) => `INSERT INTO executions (tenant, event_id, hook, phase, plugin, version, digest, assistant, effect, mode, outcome,
				started_at, duration_ms, input_bytes, output_bytes, attempt, runtime, revision, usage)
			VALUES ('default', 'e-${outcome}', 'on_chat_message', '', 'veteran', '1.0.0', '${digest}', 'bot', 'gate', 'enforce', '${outcome}',
				now(), 12, 1, 1, 1, 'r', 1, ${json({ cost: 0.25, inputTokens: 3 })})`,
		),
	];
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	test("plugins of the first release go on: their table is compiled anew, their grants count, and they can be changed", async () => {
		const nats = await startNats();
		const dataDir = tempDir("upgraded");
		const databaseUrl = await create();
		await prepare(dataDir, databaseUrl, await firstReleaseRows());
		const { admin, plane } = await startTestControlPlane({ natsUrl: nats.url, dataDir, databaseUrl });
		await admin.ready();
		const bucket = await (await connectTo(nats.url)).jetstream().views.kv(ROUTE_BUCKET);
		const table = await waitFor("a table of this release is on the bus", async () => {
			const value = (await bucket.get("default"))?.json();
			return isRouteTable(value) ? value : undefined;
		});
		expect(table).toMatchObject({ revision: 4, plugins: { veteran: { grants: ["read_messages"], network: [] } } });
		expect(table.hooks.on_chat_message?.all).toMatchObject([{ plugin: "veteran" }]);
		expect((await admin.get<PluginDetail>("/api/v1/plugins/veteran")).body).toMatchObject({
			status: "enabled",
			permissions: { granted: ["read_messages"], missing: [] },
		});
		const { items } = (await admin.get<PluginHistory>("/api/v1/plugins/veteran/history")).body;
		expect(items).toMatchObject([{ revision: 0, version: "1.0.0", enabled: true, grants: ["read_messages"], by: "system" }]);
		// Figures of what was stored before there were any say the same as the executions do.
		const figures = async (query: string) =>
			(await admin.get<AssistantMetrics>(`/api/v1/assistants/bot/metrics?plugin=veteran${query}`)).body.items;
		expect(await figures("")).toMatchObject([{ plugin: "veteran", calls: 2, errors: 1, cost: 0.5, inputTokens: 6 }]);
		expect(await figures("")).toEqual(await figures("&hook=on_chat_message"));
		const disabled = await admin.post<PluginChange>("/api/v1/plugins/veteran/disable");
		expect(disabled.body.revision).toBe(5);
		// Its secret opens, and a rotation moves it to a data key.
		expect((await admin.post("/api/v1/plugins/veteran/enable")).status).toBe(200);
		expect(table).not.toHaveProperty("dataKeys");
		await admin.post("/api/v1/keys/rotate", {});
		const status = await waitFor("its secret is sealed anew", async () => {
			const { body } = await admin.get<KeyStatus>("/api/v1/keys");
			return body.left.values + body.left.tables === 0 ? body : undefined;
		});
		expect(status).toMatchObject({ dataKeys: 1, unreadable: 0 });
		const rotated = await waitFor("its table brings the key", async () => {
			const value = (await bucket.get("default"))?.json<RouteTable>();
			return value?.dataKeys === undefined ? undefined : value;
		});
		const sealed = rotated.plugins["veteran"]?.secrets["key"] as SealedSecret;
		const place = { tenant: "default", plugin: "veteran", field: "key" };
		const opener = createSecretOpener(createMasterKeys(TEST_MASTER_KEY), rotated.dataKeys ?? {});
		expect(await opener.open(sealed, place)).toBe("sealed before");
		expect((await admin.post("/api/v1/plugins/veteran/disable")).status).toBe(200);
		const trail = await rows(plane.database, "SELECT actor, action FROM audit_log WHERE target = 'default'");
		expect(trail).toEqual([{ actor: "system", action: "routes.recompile" }]);
	});
});
