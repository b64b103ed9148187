// Everything that an install could have left in the database.
import type { ControlPlane } from "@hookbus/control-plane";
import { sql } from "drizzle-orm";

/** `table/name` of every row of plugins, versions, grants, configurations and bindings. */
export async function storedNames(database: ControlPlane["database"]): Promise<string[]> {
	const names: string[] = [];
	for (const [table, column] of [
		["plugins", "name"],
		["plugin_versions", "plugin"],
		["plugin_grants", "plugin"],
		["plugin_configs", "plugin"],
		["bindings", "plugin"],
	] as const) {
		const found = await rows(database, `SELECT ${column} AS name FROM ${table}`);
		names.push(...found.map(({ name }) => `${table}/${String(name)}`));
	}
	return names;
}

/** Runs a query that a test needs and the service does not offer. */
export async function rows(database: ControlPlane["database"], query: string): Promise<Record<string, unknown>[]> {
	const result = await database.acrossTenants.query((queries) => queries.execute(sql.raw(query)));
	// postgres.js answers with the rows, PGlite with an object that has them.
	return (Array.isArray(result) ? result : (result as { rows: unknown }).rows) as Record<string, unknown>[];
}
