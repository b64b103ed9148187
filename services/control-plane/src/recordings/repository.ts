// Queries on recordings.
import { RECORDING_KEPT_DAYS, type RecordingEndReason, type RoutedRecording, SHARE_BUCKETS } from "@hookbus/schemas";
import { and, count, desc, eq, isNotNull, isNull, lt, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { recordings } from "../database/tables/recordings.js";

export type RecordingRow = typeof recordings.$inferSelect;
export type RecordingValues = Pick<
	typeof recordings.$inferInsert,
	"tenant" | "hook" | "assistant" | "percentage" | "maxEvents" | "until" | "startedBy"
>;

export async function insertRecording(queries: Queries, values: RecordingValues): Promise<RecordingRow> {
	const [row] = await queries.insert(recordings).values(values).returning();
	if (row === undefined) throw new Error("a recording that was just stored is not there");
	return row;
}

/** Newest first. */
export async function listRecordings(queries: Queries, tenant: string): Promise<RecordingRow[]> {
	return await queries.select().from(recordings).where(eq(recordings.tenant, tenant)).orderBy(desc(recordings.startedAt));
}

export async function findRecording(queries: Queries, tenant: string, id: string): Promise<RecordingRow | undefined> {
	const [row] = await queries
		.select()
		.from(recordings)
		.where(and(eq(recordings.tenant, tenant), eq(recordings.id, id)));
	return row;
}

export async function countRecordings(queries: Queries, tenant: string): Promise<{ all: number; running: number }> {
	const [row] = await queries
		.select({ all: count(), running: sql<string>`count(*) FILTER (WHERE ${recordings.endedAt} IS NULL)` })
		.from(recordings)
		.where(eq(recordings.tenant, tenant));
	return { all: row?.all ?? 0, running: Number(row?.running ?? 0) };
}

/** Those that run, as they stand in the tenant's route table. */
export async function routedRecordings(queries: Queries, tenant: string): Promise<RoutedRecording[]> {
	const rows = await queries
		.select()
		.from(recordings)
		.where(and(eq(recordings.tenant, tenant), isNull(recordings.endedAt)))
		.orderBy(recordings.id);
	return rows.map(({ id, hook, assistant, percentage, maxEvents, until }) => ({
		id,
		...(hook === null ? {} : { hook }),
		...(assistant === null ? {} : { assistant }),
		...(percentage === 100 ? {} : { below: Math.round((percentage * SHARE_BUCKETS) / 100) }),
		maxEvents,
		until: until.toISOString(),
	}));
}

/** Of all tenants. */
export async function allRunningRecordings(queries: Queries): Promise<RecordingRow[]> {
	return await queries.select().from(recordings).where(isNull(recordings.endedAt));
}

/** Of all tenants: those that ended so long ago that they are not kept any more. */
export async function expiredRecordings(queries: Queries): Promise<RecordingRow[]> {
	return await queries
		.select()
		.from(recordings)
		.where(and(isNotNull(recordings.endedAt), lt(recordings.endedAt, sql`now() - ${RECORDING_KEPT_DAYS} * interval '1 day'`)));
}

export async function allRecordingIds(queries: Queries): Promise<Set<string>> {
	const rows = await queries.select({ id: recordings.id }).from(recordings);
	return new Set(rows.map(({ id }) => id));
}

/** The ended recording; `undefined` when it does not run. */
export async function saveRecordingEnd(
	queries: Queries,
	id: string,
	endedBy: string,
	endReason: RecordingEndReason,
): Promise<RecordingRow | undefined> {
	const [row] = await queries
		.update(recordings)
		.set({ endedAt: sql`now()`, endedBy, endReason })
		.where(and(eq(recordings.id, id), isNull(recordings.endedAt)))
		.returning();
	return row;
}

/** With the replays of its events. */
export async function deleteRecording(queries: Queries, id: string): Promise<void> {
	await queries.delete(recordings).where(eq(recordings.id, id));
}
