// Queries on replays and their results.
import type { ReplaySums, ReplayTimes } from "@hookbus/schemas";
import { and, desc, eq, gt, inArray, lt, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { storableJson } from "../checks/unstorable-text.js";
import type { Queries } from "../database/database.js";
import { pluginVersions } from "../database/tables/plugin-versions.js";
import { replayResults, replays } from "../database/tables/replays.js";

export type ReplayRow = typeof replays.$inferSelect;
export type ResultRow = typeof replayResults.$inferSelect;
export type NewResult = typeof replayResults.$inferInsert;

/** Replays of a plugin that are kept. */
export const KEPT_REPLAYS = 20;

export async function insertReplay(
	queries: Queries,
	values: Pick<ReplayRow, "tenant" | "plugin" | "recording" | "version" | "against" | "total" | "startedBy">,
): Promise<ReplayRow> {
	const [row] = await queries
		.insert(replays)
		.values({ ...values, state: "running" })
		.returning();
	if (row === undefined) throw new Error("a replay that was just stored is not there");
	const old = queries
		.select({ id: replays.id })
		.from(replays)
		.where(and(eq(replays.tenant, values.tenant), eq(replays.plugin, values.plugin)))
		.orderBy(desc(replays.startedAt), desc(replays.id))
		.offset(KEPT_REPLAYS);
	await queries.delete(replays).where(inArray(replays.id, old));
	return row;
}

/** Newest first. */
export async function listReplays(queries: Queries, tenant: string, plugin: string): Promise<ReplayRow[]> {
	return await queries
		.select()
		.from(replays)
		.where(and(eq(replays.tenant, tenant), eq(replays.plugin, plugin)))
		.orderBy(desc(replays.startedAt), desc(replays.id));
}

export async function findReplay(queries: Queries, tenant: string, plugin: string, id: string): Promise<ReplayRow | undefined> {
	const [row] = await queries
		.select()
		.from(replays)
		.where(and(eq(replays.tenant, tenant), eq(replays.plugin, plugin), eq(replays.id, id)));
	return row;
}

export async function findRunningReplay(queries: Queries, tenant: string): Promise<ReplayRow | undefined> {
	const [row] = await queries
		.select()
		.from(replays)
		.where(and(eq(replays.tenant, tenant), eq(replays.state, "running")))
		.limit(1);
	return row;
}

const isRunning = (id: string) => and(eq(replays.id, id), eq(replays.state, "running"));

/** Stores what came of an event. False: the replay does not run any more, and nothing is stored. */
export async function addResult(queries: Queries, result: NewResult): Promise<boolean> {
	const { replay, place } = result;
	const [row] = await queries
		.update(replays)
		.set({ done: place, seenAt: sql`now()` })
		.where(isRunning(replay))
		.returning({ id: replays.id });
	if (row === undefined) return false;
	await queries.insert(replayResults).values(storableJson(result) as NewResult);
	return true;
}

/** Says that somebody works on it. False: it does not run any more. */
export async function touchReplay(queries: Queries, id: string): Promise<boolean> {
	const rows = await queries.update(replays).set({ seenAt: sql`now()` }).where(isRunning(id)).returning({ id: replays.id });
	return rows.length > 0;
}

/** The ended replay; `undefined` when it does not run. */
export async function endReplay(
	queries: Queries,
	id: string,
	state: Exclude<ReplayRow["state"], "running">,
	error?: string,
): Promise<ReplayRow | undefined> {
	const [row] = await queries
		.update(replays)
		.set({ state, error: error?.slice(0, 500) ?? null, endedAt: sql`now()` })
		.where(isRunning(id))
		.returning();
	return row;
}

/** Marks those that nobody has worked on for so many milliseconds, of all tenants, and returns them. */
export async function interruptStale(queries: Queries, staleMs: number): Promise<ReplayRow[]> {
	return await queries
		.update(replays)
		.set({ state: "interrupted", error: "the control plane that worked on it ended; start it again", endedAt: sql`now()` })
		.where(and(eq(replays.state, "running"), lt(replays.seenAt, sql`now() - ${staleMs} * interval '1 millisecond'`)))
		.returning();
}

/** Behind the place `after`, in order. */
export async function pageResults(
	queries: Queries,
	replay: string,
	only: ResultRow["result"] | undefined,
	limit: number,
	after: number,
): Promise<ResultRow[]> {
	const wanted = only === undefined ? undefined : eq(replayResults.result, only);
	return await queries
		.select()
		.from(replayResults)
		.where(and(eq(replayResults.replay, replay), gt(replayResults.place, after), wanted))
		.orderBy(replayResults.place)
		.limit(limit);
}

export interface ReplayFigures {
	readonly sums: ReplaySums;
	readonly times: { readonly version: ReplayTimes; readonly against: ReplayTimes };
}

export async function replayFigures(queries: Queries, replay: string): Promise<ReplayFigures> {
	const { result, versionOk, againstOk, versionMs, againstMs } = replayResults;
	const where = (condition: ReturnType<typeof sql>) => sql<string>`count(*) FILTER (WHERE ${condition})`;
	const percentile = (share: number, column: AnyPgColumn) =>
		sql<number | null>`percentile_cont(${share}::double precision) WITHIN GROUP (ORDER BY ${column})`;
	const [row] = await queries
		.select({
			same: where(sql`${result} = 'same'`),
			different: where(sql`${result} = 'different'`),
			failedOnlyInVersion: where(sql`${versionOk} = 0 AND ${againstOk} = 1`),
			failedOnlyInAgainst: where(sql`${versionOk} = 1 AND ${againstOk} = 0`),
			skipped: where(sql`${result} = 'skipped'`),
			refused: where(sql`${result} = 'refused'`),
			versionP50: percentile(0.5, versionMs),
			versionP95: percentile(0.95, versionMs),
			againstP50: percentile(0.5, againstMs),
			againstP95: percentile(0.95, againstMs),
		})
		.from(replayResults)
		.where(eq(replayResults.replay, replay));
	if (row === undefined) throw new Error("an aggregate without a row");
	const { versionP50, versionP95, againstP50, againstP95, ...counts } = row;
	const sums = Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Number(value)])) as unknown as ReplaySums;
	return { sums, times: { version: timesOf(versionP50, versionP95), against: timesOf(againstP50, againstP95) } };
}

function timesOf(p50: number | null, p95: number | null): ReplayTimes {
	return { ...(p50 === null ? {} : { p50Ms: round(p50) }), ...(p95 === null ? {} : { p95Ms: round(p95) }) };
}

function round(ms: number): number {
	return Math.round(ms * 1_000) / 1_000;
}

/** Which of these modules a running replay needs. */
export async function digestsInReplay(queries: Queries, digests: readonly string[]): Promise<Set<string>> {
	if (digests.length === 0) return new Set();
	const rows = await queries
		.selectDistinct({ digest: pluginVersions.digest })
		.from(replays)
		.innerJoin(
			pluginVersions,
			and(
				eq(pluginVersions.tenant, replays.tenant),
				eq(pluginVersions.plugin, replays.plugin),
				sql`${pluginVersions.version} IN (${replays.version}, ${replays.against})`,
			),
		)
		.where(and(eq(replays.state, "running"), inArray(pluginVersions.digest, [...digests])));
	return new Set(rows.map(({ digest }) => digest));
}
