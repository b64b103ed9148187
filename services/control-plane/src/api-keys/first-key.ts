// First start: the tenant `default` and one admin key. The key is handed over before it is committed, because a key that is
// stored and was never seen would lock everyone out for good.
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemActor } from "../audit/actor.js";
import { recordAudit } from "../audit/record-audit.js";
import type { Database } from "../database/database.js";
import { DEFAULT_TENANT, ensureTenant, lockTenant } from "../tenants/repository.js";
import { makeKey } from "./make-key.js";
import { insertKey, listKeys } from "./repository.js";

export interface FirstKeyOptions {
	/** Where the key goes, mode 0600; absent: it is printed. */
	readonly file?: string;
	/** Writes one line to standard output. Not a logger: the key must not be in a log. */
	readonly print: (line: string) => void;
}

/** Makes tenant and key when the tenant has no key at all, revoked ones included. Returns the key when it made one. */
export async function ensureFirstKey(database: Database, options: FirstKeyOptions): Promise<string | undefined> {
	return await database.acrossTenants.transaction(async (queries) => {
		await ensureTenant(queries, DEFAULT_TENANT);
		// Two processes that start at once make one key.
		await lockTenant(queries, DEFAULT_TENANT);
		if ((await listKeys(queries, DEFAULT_TENANT)).length > 0) return undefined;
		const made = makeKey();
		const row = await insertKey(queries, {
			tenant: DEFAULT_TENANT,
			name: "first admin key",
			role: "admin",
			expiresAt: null,
			made,
		});
		await recordAudit(
			queries,
			systemActor(DEFAULT_TENANT),
			{ action: "api_key.create", target: row.id, detail: { name: row.name, role: row.role } },
			null,
		);
		if (options.file === undefined) options.print(`admin key (shown once): ${made.key}`);
		else await writeKeyFile(options.file, made.key);
		return made.key;
	});
}

async function writeKeyFile(file: string, key: string): Promise<void> {
	await mkdir(dirname(file), { recursive: true });
	const beside = `${file}.new`;
	await writeFile(beside, `${key}\n`, { mode: 0o600 });
	// The mode above counts only for a new file.
	await chmod(beside, 0o600);
	await rename(beside, file);
}
