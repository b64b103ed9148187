// Every column that holds sealed secrets, and what those are bound to. Rotation walks this list; a table that is missing here would
// keep its secrets under the old keys, and lose them when those go. A test compares it with the columns of the database.
import type { SecretPlace } from "@hookbus/foundation";
import type { SealedSecret } from "@hookbus/schemas";
import { and, eq, type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Queries } from "../database/database.js";
import { outbox } from "../database/tables/outbox.js";
import { pluginConfigs } from "../database/tables/plugin-configs.js";
import { pluginSnapshots } from "../database/tables/plugin-snapshots.js";
import { userConfigs } from "../database/tables/user-configs.js";

export interface SealedColumn {
	readonly table: PgTable;
	readonly tenant: PgColumn;
	readonly plugin: PgColumn;
	/** Whose secrets they are; absent: everybody's. */
	readonly user?: PgColumn;
	/** Sealed secrets by their field. */
	readonly secrets: PgColumn;
	/** The primary key besides the tenant, in order. */
	readonly key: readonly PgColumn[];
}

export const SEALED_COLUMNS: readonly SealedColumn[] = [
	// Copies of configurations first: what is rolled back meanwhile is then sealed anew already.
	{ ...columnsOf(pluginSnapshots), table: pluginSnapshots, key: [pluginSnapshots.plugin, pluginSnapshots.revision] },
	{ ...columnsOf(pluginConfigs), table: pluginConfigs, key: [pluginConfigs.plugin] },
	{ ...columnsOf(userConfigs), table: userConfigs, user: userConfigs.user, key: [userConfigs.plugin, userConfigs.user] },
];

export interface SealedRow {
	/** Values of the key, as text. */
	readonly at: readonly string[];
	readonly plugin: string;
	/** null: everybody's. */
	readonly user: string | null;
	readonly secrets: Readonly<Record<string, SealedSecret>>;
}

export interface Page {
	/** The page begins behind it; undefined: at the first row. */
	readonly after: SealedRow | undefined;
	readonly limit: number;
}

/**
 * Rows of a tenant that hold something that another key sealed.
 *
 * @param header of what the key seals, see protectedHeader
 */
export async function rowsNotSealedWith(
	queries: Queries,
	column: SealedColumn,
	tenant: string,
	header: string,
	{ after, limit }: Page,
): Promise<SealedRow[]> {
	const texts = column.key.map((part) => sql`${part}::text`);
	const isOther = sql`EXISTS (SELECT 1 FROM jsonb_each(${column.secrets}) AS s(field, sealed) WHERE coalesce(s.sealed->'jwe'->>'protected', '') <> ${header})`;
	return await queries
		.select({
			at: sql<string[]>`json_build_array(${list(texts)})`,
			plugin: sql<string>`${column.plugin}`,
			user: sql<string | null>`${column.user ?? sql`NULL::text`}`,
			secrets: sql<Record<string, SealedSecret>>`${column.secrets}`,
		})
		.from(column.table)
		.where(
			and(
				eq(column.tenant, tenant),
				isOther,
				after === undefined ? undefined : sql`(${list(column.key)}) > (${list(keyOf(column, after))})`,
			),
		)
		.orderBy(...column.key)
		.limit(limit);
}

export async function saveSecrets(
	queries: Queries,
	column: SealedColumn,
	tenant: string,
	row: SealedRow,
	secrets: Readonly<Record<string, SealedSecret>>,
): Promise<void> {
	await queries.execute(
		sql`UPDATE ${column.table} SET ${sql.identifier(column.secrets.name)} = ${JSON.stringify(secrets)}::jsonb
			WHERE ${column.tenant} = ${tenant} AND (${list(column.key)}) = (${list(keyOf(column, row))})`,
	);
}

/** So many values of a tenant say that they were sealed with this key; null: they do not say with which. */
export interface SealedCount {
	readonly tenant: string;
	/** See protectedHeader. */
	readonly header: string | null;
	readonly count: number;
}

/** Counts the sealed values of all columns, of one tenant or of all. */
export function countSealed(queries: Queries, tenant?: string): Promise<SealedCount[]> {
	const parts = SEALED_COLUMNS.map(
		(column) => sql`SELECT ${column.tenant} AS tenant, s.sealed->'jwe'->>'protected' AS header, 1 AS count
			FROM ${column.table}, jsonb_each(${column.secrets}) AS s(field, sealed) WHERE ${isOf(column.tenant, tenant)}`,
	);
	return countHeaders(queries, sql.join(parts, sql` UNION ALL `));
}

/** Counts the sealed values of the newest route tables; of those that are packed it is written beside them. */
export function countSealedInTables(queries: Queries, tenant?: string): Promise<SealedCount[]> {
	const whose = sql`${isNewest} AND ${isOf(outbox.tenant, tenant)}`;
	return countHeaders(
		queries,
		sql`SELECT ${outbox.tenant} AS tenant, s.sealed->'jwe'->>'protected' AS header, 1 AS count
			FROM ${outbox}, jsonb_each(${outbox.table}->'plugins') AS p(key, plugin), jsonb_each(p.plugin->'secrets') AS s(field, sealed)
			WHERE ${whose}
			UNION ALL SELECT ${outbox.tenant}, s.sealed->'jwe'->>'protected', 1
			FROM ${outbox}, jsonb_each(${outbox.table}->'userConfigs') AS c(key, users), jsonb_array_elements(c.users) AS u(own), jsonb_each(u.own->'secrets') AS s(field, sealed)
			WHERE ${whose}
			UNION ALL SELECT ${outbox.tenant}, p.header, p.count::int
			FROM ${outbox}, jsonb_each_text(${outbox.packedContents}->'sealed') AS p(header, count) WHERE ${whose}`,
	);
}

/** Counts the wrapped data keys of the newest route tables. */
export function countWrappedInTables(queries: Queries, tenant?: string): Promise<SealedCount[]> {
	const whose = sql`${isNewest} AND ${isOf(outbox.tenant, tenant)}`;
	return countHeaders(
		queries,
		sql`SELECT ${outbox.tenant} AS tenant, k.wrapped->'jwe'->>'protected' AS header, 1 AS count
			FROM ${outbox}, jsonb_each(${outbox.table}->'dataKeys') AS k(id, wrapped) WHERE ${whose}
			UNION ALL SELECT ${outbox.tenant}, p.header, p.count::int
			FROM ${outbox}, jsonb_each_text(${outbox.packedContents}->'wrapped') AS p(header, count) WHERE ${whose}`,
	);
}

export function placeOf(tenant: string, { plugin, user }: SealedRow, field: string): SecretPlace {
	return { tenant, plugin, field, ...(user === null ? {} : { user }) };
}

const isNewest = sql`${outbox.revision} = (SELECT max(o.revision) FROM ${outbox} o WHERE o.tenant = ${outbox.tenant})`;

async function countHeaders(queries: Queries, found: SQL): Promise<SealedCount[]> {
	const rows = await queries
		.select({ tenant: sql<string>`f.tenant`, header: sql<string | null>`f.header`, count: sql<string>`sum(f.count)` })
		.from(sql`(${found}) AS f`)
		.groupBy(sql`f.tenant`, sql`f.header`);
	return rows.map(({ count, ...row }) => ({ ...row, count: Number(count) }));
}

function isOf(column: PgColumn, tenant: string | undefined): SQL {
	return tenant === undefined ? sql`true` : eq(column, tenant);
}

function keyOf({ key }: SealedColumn, { at }: SealedRow): SQL[] {
	return key.map((part, index) => sql`${at[index]}::${sql.raw(part.getSQLType())}`);
}

function list(parts: readonly (SQL | PgColumn)[]): SQL {
	return sql.join([...parts], sql`, `);
}

function columnsOf({ tenant, plugin, secrets }: typeof pluginConfigs | typeof pluginSnapshots | typeof userConfigs) {
	return { tenant, plugin, secrets };
}
