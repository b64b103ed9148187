// Rows in every table that the migrations make, for each of several tenants: made from the catalogue of the database, so that a
// table which somebody adds is filled and tested without a line here.
import type { ControlPlane } from "@hookbus/control-plane";
import { rows } from "./stored-names.js";

type Database = ControlPlane["database"];

export interface FilledTable {
	readonly name: string;
	/** SQL: the row belongs to this tenant; asked with `$tenant` replaced. */
	readonly belongsTo: (tenant: string) => string;
	readonly columns: readonly string[];
}

interface Column {
	readonly name: string;
	readonly type: string;
	readonly generated: boolean;
	/** `table.column` that it refers to, when it does so by itself. */
	readonly refers: string | null;
}

/** Stands in every text of the rows that are made here, and in nothing else. */
export const FOREIGN = "foreign-row";

/** The tables of tenants: with a column `tenant`, or whose rows belong to a row that has one. */
export async function tenantTables(database: Database): Promise<FilledTable[]> {
	const columns = await columnsByTable(database);
	const hasTenant = (table: string) => columns.get(table)?.some(({ name }) => name === "tenant") === true;
	const tables: FilledTable[] = [];
	for (const [name, found] of columns) {
		const names = found.map((column) => column.name);
		const owner = found.find(({ refers }) => refers !== null && hasTenant(refers.split(".")[0] ?? ""));
		if (hasTenant(name)) tables.push({ name, columns: names, belongsTo: (tenant) => `tenant = '${tenant}'` });
		else if (name === "tenants") tables.push({ name, columns: names, belongsTo: (tenant) => `id = '${tenant}'` });
		else if (owner?.refers != null) {
			const [table = "", id = ""] = owner.refers.split(".");
			const belongsTo = (tenant: string) => `"${owner.name}" IN (SELECT "${id}" FROM "${table}" WHERE tenant = '${tenant}')`;
			tables.push({ name, columns: names, belongsTo });
		}
	}
	// Those that others refer to first.
	return tables.sort((a, b) => Number(hasTenant(b.name)) - Number(hasTenant(a.name)));
}

/** Puts `count` rows of the tenant into every table but `tenants`, where it must be already. */
export async function fillTables(database: Database, tenant: string, count: number): Promise<void> {
	const columns = await columnsByTable(database);
	const statements: string[] = [];
	for (const { name } of await tenantTables(database)) {
		if (name === "tenants") continue;
		const given = (columns.get(name) ?? []).filter(({ generated }) => !generated);
		const names = given.map((column) => `"${column.name}"`).join(", ");
		for (let index = 0; index < count; index += 1) {
			const values = given.map((column) => sampleOf(column, tenant, index)).join(", ");
			statements.push(`INSERT INTO "${name}" (${names}) VALUES (${values}) ON CONFLICT DO NOTHING`);
		}
	}
	// Without foreign keys: the rows need not make sense together, they must only be there.
	await rows(database, `DO $fill$ BEGIN SET LOCAL session_replication_role = replica; ${statements.join("; ")}; END $fill$`);
}

function sampleOf({ name, type, refers }: Column, tenant: string, index: number): string {
	if (name === "tenant") return `'${tenant}'`;
	if (type === "uuid" && refers !== null) {
		const [table = "", id = ""] = refers.split(".");
		return `(SELECT "${id}" FROM "${table}" WHERE tenant = '${tenant}' ORDER BY "${id}" OFFSET ${index} LIMIT 1)`;
	}
	// Both tenants know things of the same name: only the tenant tells them apart.
	if (index === 0 && (name === "plugin" || name === "name" || name === "assistant")) return "'shared'";
	switch (type) {
		case "uuid":
			return "gen_random_uuid()";
		case "jsonb":
			return `'{"${FOREIGN}": true}'`;
		case "boolean":
			return "false";
		case "bytea":
			return `'${FOREIGN}'`;
		case "timestamp with time zone":
			return "now()";
		case "integer":
		case "bigint":
		case "double precision":
			return String(index);
		default:
			return `'${FOREIGN}-${tenant}-${name}-${index}'`;
	}
}

async function columnsByTable(database: Database): Promise<Map<string, Column[]>> {
	const found = await rows(
		database,
		`SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, NULL) AS type, a.attidentity <> '' AS generated,
			(SELECT f.relname || '.' || fa.attname FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
				JOIN pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = k.confkey[1]
				WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] LIMIT 1) AS refers
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, a.attnum`,
	);
	const tables = new Map<string, Column[]>();
	for (const { table, ...column } of found) {
		tables.set(String(table), [...(tables.get(String(table)) ?? []), column as unknown as Column]);
	}
	return tables;
}
