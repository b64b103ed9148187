// PGlite: PostgreSQL inside this process, for a start without any server. It takes no lock of its own, and two processes on
// one directory destroy each other's rows without an error; so the directory is locked here before it is opened.
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { dataDir as emptyDatabase } from "@electric-sql/pglite-prepopulatedfs";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/pglite";
import { migrate } from "drizzle-orm/pglite/migrator";
import type { Database, Queries, QueryRunner } from "./database.js";
import { lockDirectory } from "./lock-directory.js";
import { mapDatabaseError } from "./map-database-error.js";
import { MIGRATIONS } from "./migrations.js";
import { secureRows } from "./secure-rows.js";
import { becomeTenant } from "./tenant-role.js";

export interface PgliteOptions {
	/** The database lives in `<dataDir>/database`. */
	readonly dataDir: string;
	/** Called when another process took the lock, which can only happen when this one stood still for long. */
	onLockLost(thrown: Error): void;
}

/**
 * Locks the directory and opens the database in it; makes both when they are not there.
 *
 * @throws CodedError `database_locked` when another process has it open
 */
export async function openPglite(options: PgliteOptions): Promise<Database> {
	await mkdir(options.dataDir, { recursive: true });
	const directory = join(options.dataDir, "database");
	const lock = await lockDirectory(directory, options.onLockLost);
	let client: PGlite;
	try {
		if (!existsSync(directory)) await unpackEmptyDatabase(directory);
		client = await PGlite.create(directory);
	} catch (thrown) {
		await lock.release();
		throw thrown;
	}
	const database = drizzle({ client });
	const queries: Queries = database;
	let closing: Promise<void> | undefined;
	const mapped = async <T>(work: () => Promise<T>): Promise<T> => {
		try {
			return await work();
		} catch (thrown) {
			throw mapDatabaseError(thrown);
		}
	};
	const runAs = (tenant: string, access: "read" | "write"): QueryRunner["query"] => {
		const become = sql.raw(becomeTenant(tenant, access));
		return (work) =>
			mapped(() =>
				queries.transaction(async (bound) => {
					await bound.execute(become);
					return await work(bound);
				}),
			);
	};
	return {
		kind: "pglite",
		of: (tenant) => ({ tenant, query: runAs(tenant, "read"), transaction: runAs(tenant, "write") }),
		acrossTenants: {
			query: (work) => mapped(() => work(queries)),
			transaction: (work) => mapped(() => queries.transaction(work)),
		},
		async migrate() {
			await migrate(database, { migrationsFolder: MIGRATIONS });
			await secureRows(async (statement) => (await client.query<Record<string, unknown>>(statement)).rows);
		},
		close() {
			closing ??= client.close().finally(() => lock.release());
			return closing;
		},
	};
}

/**
 * Unpacks an empty database; PostgreSQL's own initdb, inside WebAssembly, takes several times longer. It gets its name when it
 * is whole: what a process that died on the way left behind is never taken for a database.
 */
async function unpackEmptyDatabase(directory: string): Promise<void> {
	const draft = `${directory}.draft`;
	await rm(draft, { recursive: true, force: true });
	const client = await PGlite.create(draft, { loadDataDir: await emptyDatabase() });
	await client.close();
	await rename(draft, directory);
}
