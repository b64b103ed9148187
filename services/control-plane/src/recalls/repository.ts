// Queries on recalls.
import { and, desc, eq, isNull, or, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { recalls } from "../database/tables/index.js";

export interface RecallRow {
	readonly id: string;
	/** Whose admin declared it. */
	readonly tenant: string;
	readonly everywhere: boolean;
	readonly digest: string | null;
	readonly plugin: string | null;
	readonly versions: string | null;
	readonly reason: string;
	/** Key of the marketplace whose index declared it; null: an admin did. */
	readonly signer: string | null;
	readonly declaredAt: Date;
	readonly declaredBy: string;
	readonly liftedAt: Date | null;
	readonly liftedBy: string | null;
}

export type NewRecallRow = Pick<RecallRow, "tenant" | "everywhere" | "digest" | "plugin" | "versions" | "reason" | "declaredBy">;

/** Declared in this tenant, or everywhere. */
function countsIn(tenant: string) {
	return or(eq(recalls.tenant, tenant), eq(recalls.everywhere, true));
}

export async function insertRecall(queries: Queries, added: NewRecallRow): Promise<RecallRow> {
	const [row] = await queries.insert(recalls).values(added).returning();
	if (row === undefined) throw new Error("the inserted recall did not come back");
	return row;
}

/** Those that this signer did not declare before; returns how many they were. */
export async function insertSignedRecalls(
	queries: Queries,
	added: readonly (NewRecallRow & { signer: string })[],
): Promise<number> {
	if (added.length === 0) return 0;
	const rows = await queries
		.insert(recalls)
		.values([...added])
		.onConflictDoNothing()
		.returning({ id: recalls.id });
	return rows.length;
}

/** Newest first, lifted ones too. */
export async function listRecalls(queries: Queries, tenant: string): Promise<RecallRow[]> {
	return await queries.select().from(recalls).where(countsIn(tenant)).orderBy(desc(recalls.declaredAt), desc(recalls.id));
}

/** Those that count now, oldest first. */
export async function activeRecalls(queries: Queries, tenant: string): Promise<RecallRow[]> {
	return await queries
		.select()
		.from(recalls)
		.where(and(countsIn(tenant), isNull(recalls.liftedAt)))
		.orderBy(recalls.declaredAt, recalls.id);
}

/** One that this tenant declared. */
export async function findRecall(queries: Queries, tenant: string, id: string): Promise<RecallRow | undefined> {
	const [row] = await queries
		.select()
		.from(recalls)
		.where(and(eq(recalls.tenant, tenant), eq(recalls.id, id)));
	return row;
}

export async function liftRecall(queries: Queries, id: string, liftedBy: string): Promise<RecallRow> {
	const [row] = await queries.update(recalls).set({ liftedAt: sql`now()`, liftedBy }).where(eq(recalls.id, id)).returning();
	if (row === undefined) throw new Error(`recall ${id} went away while it was lifted`);
	return row;
}
