// Queries on the outbox. The newest row of a tenant is never deleted: it says what the bus should hold.

import type { HookPolicy } from "@hookbus/schemas";
import { and, desc, eq, inArray, isNull, lt, or, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { outbox } from "../database/tables/outbox.js";
import type { StoredTable } from "./stored-table.js";

export interface Snapshot {
	readonly tenant: string;
	readonly revision: number;
	readonly stored: StoredTable;
	readonly policy: HookPolicy;
}

const columns = {
	tenant: outbox.tenant,
	revision: outbox.revision,
	table: outbox.table,
	packedEntry: outbox.packedEntry,
	packedContent: outbox.packedContent,
	packedContents: outbox.packedContents,
	policy: outbox.policy,
};

type SnapshotRow = { [K in keyof typeof columns]: (typeof outbox.$inferSelect)[K] };

function snapshotOf({ tenant, revision, policy, table, ...packed }: SnapshotRow): Snapshot {
	if (table !== null) return { tenant, revision, policy, stored: { table } };
	const { packedEntry: entry, packedContent: content, packedContents: contents } = packed;
	if (entry === null || content === null || contents === null) {
		throw new Error(`row ${revision} of tenant ${tenant} in the outbox has no table`);
	}
	return { tenant, revision, policy, stored: { packed: { entry, content }, contents } };
}

export async function addSnapshot(queries: Queries, { stored, ...added }: Snapshot): Promise<void> {
	const table =
		stored.packed === undefined
			? { table: stored.table }
			: {
					packedEntry: stored.packed.entry,
					packedContent: stored.packed.content,
					packedContents: stored.contents,
				};
	await queries.insert(outbox).values({ ...added, ...table });
}

/**
 * Takes what is unsent and unclaimed, newest revision of each tenant only, and claims it for `claimMs`. Rows that another
 * relay holds are passed over, not waited for.
 */
export async function claimUnsent(queries: Queries, claimMs: number): Promise<Snapshot[]> {
	const free = await queries
		.select({ id: outbox.id, tenant: outbox.tenant, revision: outbox.revision })
		.from(outbox)
		.where(and(isNull(outbox.sentAt), or(isNull(outbox.claimedUntil), lt(outbox.claimedUntil, sql`now()`))))
		.orderBy(outbox.id)
		.for("update", { skipLocked: true });
	const newest = new Map<string, { id: number; revision: number }>();
	for (const row of free) {
		if (row.revision > (newest.get(row.tenant)?.revision ?? 0)) newest.set(row.tenant, row);
	}
	const ids = [...newest.values()].map(({ id }) => id);
	if (ids.length === 0) return [];
	await queries
		.update(outbox)
		.set({ claimedUntil: sql`now() + ${claimMs} * interval '1 millisecond'` })
		.where(inArray(outbox.id, ids));
	const rows = await queries.select(columns).from(outbox).where(inArray(outbox.id, ids)).orderBy(outbox.id);
	return rows.map(snapshotOf);
}

/** Gives a claimed row back, so that the next run takes it at once. */
export async function releaseClaim(queries: Queries, { tenant, revision }: Pick<Snapshot, "tenant" | "revision">): Promise<void> {
	await queries
		.update(outbox)
		.set({ claimedUntil: null })
		.where(and(eq(outbox.tenant, tenant), eq(outbox.revision, revision)));
}

/** Marks a revision as sent and removes the older ones of the tenant: whatever they held, this one holds. */
export async function markSent(queries: Queries, { tenant, revision }: Pick<Snapshot, "tenant" | "revision">): Promise<void> {
	await queries
		.update(outbox)
		.set({ sentAt: sql`now()`, claimedUntil: null })
		.where(and(eq(outbox.tenant, tenant), eq(outbox.revision, revision), isNull(outbox.sentAt)));
	await queries.delete(outbox).where(and(eq(outbox.tenant, tenant), lt(outbox.revision, revision)));
}

/** What the bus should hold for a tenant; `undefined` before its first change. */
export async function newestSnapshot(queries: Queries, tenant: string): Promise<Snapshot | undefined> {
	const [row] = await queries
		.select(columns)
		.from(outbox)
		.where(eq(outbox.tenant, tenant))
		.orderBy(desc(outbox.revision))
		.limit(1);
	return row && snapshotOf(row);
}

/** Revision of the newest table and whether a plugin is in it, without reading the table; 0 and false before the first change. */
export async function newestRouting(
	queries: Queries,
	tenant: string,
	plugin: string,
): Promise<{ revision: number; routed: boolean }> {
	const inTable = sql`EXISTS (SELECT 1 FROM jsonb_each(${outbox.table} -> 'plugins') AS routed WHERE routed.value ->> 'name' = ${plugin})`;
	const routed = sql<boolean>`CASE WHEN ${outbox.table} IS NULL THEN ${outbox.packedContents} -> 'plugins' ? ${plugin} ELSE ${inTable} END`;
	const [row] = await queries
		.select({ revision: outbox.revision, routed })
		.from(outbox)
		.where(eq(outbox.tenant, tenant))
		.orderBy(desc(outbox.revision))
		.limit(1);
	return { revision: row?.revision ?? 0, routed: row?.routed ?? false };
}

/** Which of these modules stand in a stored route table. */
export async function digestsInTables(queries: Queries, digests: readonly string[]): Promise<Set<string>> {
	const found = new Set<string>();
	for (const digest of digests) {
		const [row] = await queries
			.select({ tenant: outbox.tenant })
			.from(outbox)
			.where(
				sql`EXISTS (SELECT 1 FROM jsonb_each(${outbox.table} -> 'plugins') AS plugin WHERE plugin.value ->> 'digest' = ${digest})
					OR jsonb_exists(${outbox.packedContents} -> 'modules', ${digest})`,
			)
			.limit(1);
		if (row !== undefined) found.add(digest);
	}
	return found;
}

/** Number of tenants with something unsent. */
export async function countUnsent(queries: Queries): Promise<number> {
	const [row] = await queries
		.select({ count: sql<string>`count(DISTINCT ${outbox.tenant})` })
		.from(outbox)
		.where(isNull(outbox.sentAt));
	return Number(row?.count ?? 0);
}
