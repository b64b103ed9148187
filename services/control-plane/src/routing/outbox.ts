// Queries on the outbox. The newest row of a tenant is never deleted: it says what the bus should hold.

import type { HookPolicy, RouteTable } from "@hookbus/schemas";
import { and, desc, eq, inArray, isNull, lt, or, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { outbox } from "../database/tables/outbox.js";

export interface Snapshot {
	readonly tenant: string;
	readonly revision: number;
	readonly table: RouteTable;
	readonly policy: HookPolicy;
}

const snapshot = { tenant: outbox.tenant, revision: outbox.revision, table: outbox.table, policy: outbox.policy };

export async function addSnapshot(queries: Queries, added: Snapshot): Promise<void> {
	await queries.insert(outbox).values(added);
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
	return await queries.select(snapshot).from(outbox).where(inArray(outbox.id, ids)).orderBy(outbox.id);
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
		.select(snapshot)
		.from(outbox)
		.where(eq(outbox.tenant, tenant))
		.orderBy(desc(outbox.revision))
		.limit(1);
	return row;
}

/** Which of these modules stand in a stored route table. */
export async function digestsInTables(queries: Queries, digests: readonly string[]): Promise<Set<string>> {
	const found = new Set<string>();
	for (const digest of digests) {
		const [row] = await queries
			.select({ tenant: outbox.tenant })
			.from(outbox)
			.where(
				sql`EXISTS (SELECT 1 FROM jsonb_each(${outbox.table} -> 'plugins') AS plugin WHERE plugin.value ->> 'digest' = ${digest})`,
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
