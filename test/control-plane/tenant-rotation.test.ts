// The rotation of one tenant's keys by itself: what cannot be opened, what happens at the same time, what is left out.
import { createMasterKeys } from "@hookbus/foundation";
import { getTableName } from "drizzle-orm";
import pino from "pino";
import { beforeAll, expect, test } from "vitest";
import { systemActor } from "../../services/control-plane/src/audit/actor.js";
import { readKeyUsage } from "../../services/control-plane/src/keys/key-usage.js";
import { deleteUnusedKeys, rotateTenant } from "../../services/control-plane/src/keys/rotate-tenant.js";
import { SEALED_COLUMNS } from "../../services/control-plane/src/keys/sealed-columns.js";
import { buildPackage } from "../support/build-package.js";
import { createDatabase } from "../support/create-database.js";
import { TEST_MASTER_KEY } from "../support/route-tables.js";
import { SECRET_MANIFEST } from "../support/secret-plugin.js";
import { randomMasterKey, type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { sealDirectly } from "../support/tenant-box.js";
import { rows } from "./stored-names.js";

const NEW_KEY = randomMasterKey();
const both = createMasterKeys(NEW_KEY, TEST_MASTER_KEY);
const BOTH = { HOOKBUS_MASTER_KEY: NEW_KEY, HOOKBUS_MASTER_KEY_PREVIOUS: TEST_MASTER_KEY };
const SECRET = "not-in-any-log-line";

let control: StartedControlPlane;

beforeAll(async () => {
	control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await createDatabase(), env: BOTH });
});

async function withPlugins(...names: string[]): Promise<void> {
	for (const name of names) {
		const { zip } = await buildPackage({ name, manifest: SECRET_MANIFEST });
		await control.admin.install({ file: zip, fields: { grants: "all" } });
		await control.admin.put(`/api/v1/plugins/${name}/config`, { config: { key: SECRET } });
	}
}

function rotation() {
	const lines: string[] = [];
	const logger = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
	const parts = { database: control.plane.database, masterKeys: both, logger };
	return {
		rotate: (dataKeys = false) => rotateTenant(parts, systemActor("default"), { dataKeys }),
		/** As if the whole fleet had taken the newest table, or one so many revisions before it. */
		clear: async (behind = 0) => {
			const [tenant] = await rows(parts.database, "SELECT revision FROM tenants WHERE id = 'default'");
			await rows(parts.database, "UPDATE outbox SET sent_at = now()");
			await deleteUnusedKeys(parts, systemActor("default"), Number(tenant?.["revision"]) - behind);
		},
		usage: async () => (await parts.database.of("default").query((queries) => readKeyUsage(queries, both, "default")))[0],
		logged: () => lines.join(""),
	};
}

test("every column with sealed secrets is rotated", async () => {
	const found = await rows(
		control.plane.database,
		"SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'secrets' ORDER BY 1",
	);
	expect(SEALED_COLUMNS.map(({ table }) => getTableName(table)).sort()).toEqual(found.map(({ name }) => name));
});

test("SE-04 a secret that cannot be opened stays as it is, is counted and named, and holds up no other", async () => {
	await withPlugins("damaged", "strange", "well");
	const { database } = control.plane;
	await rows(database, "DELETE FROM plugin_snapshots");
	const place = { tenant: "default", plugin: "strange", field: "key" };
	const strange = JSON.stringify({ key: await sealDirectly(randomMasterKey(), SECRET, place) });
	await rows(database, `UPDATE plugin_configs SET secrets = '${strange}' WHERE plugin = 'strange'`);
	await rows(
		database,
		`UPDATE plugin_configs SET secrets = jsonb_set(secrets, '{key,jwe,tag}', '"AAAAAAAAAAAAAAAAAAAAAA"') WHERE plugin = 'damaged'`,
	);
	const { rotate, clear, usage, logged } = rotation();
	await rotate(true);
	await clear();
	expect(await usage()).toMatchObject({ wrappedBefore: 0, sealedBefore: 1, unreadable: 1, unused: [] });
	// The key of before stays for the one that it has still to open, and no further one is made meanwhile.
	await rotate(true);
	expect((await usage())?.keys.map(({ state }) => state)).toEqual(["retired", "current"]);
	for (const name of ["damaged", "strange"])
		expect(logged()).toContain(`secret key of plugin ${name} in tenant default cannot be opened`);
	expect(logged()).not.toContain(SECRET);
	// Set again, they are well.
	for (const name of ["damaged", "strange"]) {
		expect((await control.admin.put(`/api/v1/plugins/${name}/config`, { config: { key: SECRET } })).status).toBe(200);
	}
	await clear();
	expect(await usage()).toMatchObject({ keys: [{ state: "current" }], sealedBefore: 0, unreadable: 0 });
});

test("SE-04 two rotations and changes of secrets at once leave everything under one key, and readable", async () => {
	const names = Array.from({ length: 6 }, (_, index) => `plugin-${index}`);
	await withPlugins(...names);
	const { rotate, clear, usage } = rotation();
	const change = async (name: string) => {
		const path = `/api/v1/plugins/${name}/config`;
		const answers = [
			await control.admin.put(path, { config: { key: SECRET, colour: "blue" } }),
			await control.admin.put(path, { config: { colour: "red" } }),
		];
		expect(answers.map(({ status }) => status)).toEqual([200, 200]);
	};
	await Promise.all([rotate(true), ...names.map(change), rotate(true)]);
	await clear(1);
	expect((await usage())?.keys.map(({ state }) => state)).toEqual(["retired", "current"]);
	await clear();
	expect(await usage()).toMatchObject({ keys: [{ state: "current" }], sealedBefore: 0, unreadable: 0, isTableOutdated: false });
	for (const name of names) expect((await control.admin.post(`/api/v1/plugins/${name}/enable`)).status).toBe(200);
});
