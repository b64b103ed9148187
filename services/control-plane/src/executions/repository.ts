// Queries on executions: batches in, pages out.
import { type Execution, type ExecutionDetail, type ExecutionRecord, statusOfOutcome } from "@hookbus/schemas";
import { and, count, desc, eq, getTableColumns, gt, gte, inArray, lt, lte, max, type SQL, sql } from "drizzle-orm";
import { storableJson } from "../checks/unstorable-text.js";
import type { Queries } from "../database/database.js";
import { executionFigures } from "../database/tables/execution-figures.js";
import { executions } from "../database/tables/executions.js";
import { countInto } from "./count-figures.js";
import { conditions, type ExecutionFilter } from "./execution-filter.js";
import { MINUTE_DAYS } from "./figure-range.js";

/** Rows for one statement; PostgreSQL takes 65,535 parameters and a row has 32. */
const ROWS_PER_INSERT = 500;

/** Number of the advisory lock of {@link insertExecutions}. */
const EXECUTIONS_LOCK = 0x686f_6f6c;

/**
 * Stores executions and counts them up into figures; needs a transaction. One that is there already stays, unless the new one
 * is of a later delivery of the same durable event. Texts lose what PostgreSQL cannot store.
 *
 * One transaction at a time, of all processes: so ids become visible in the order in which they were given out, which the live
 * feed relies on, and two transactions cannot wait for each other's figures.
 */
export async function insertExecutions(queries: Queries, batch: readonly Execution[]): Promise<void> {
	const rows = newestOfEach(batch).map(toRow);
	await queries.execute(sql`SELECT pg_advisory_xact_lock(${EXECUTIONS_LOCK})`);
	for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
		const chunk = rows.slice(start, start + ROWS_PER_INSERT);
		const replaced = await findReplaced(queries, chunk);
		if (replaced.length > 0) await countInto(queries, inArray(executions.id, replaced), -1);
		const stored = await queries
			.insert(executions)
			.values(chunk)
			.onConflictDoUpdate({
				target: [executions.tenant, executions.eventId, executions.hook, executions.phase, executions.plugin, executions.arm],
				set: REPLACED,
				setWhere: sql`excluded.attempt > ${executions.attempt}`,
			})
			.returning({ id: executions.id });
		const ids = stored.map(({ id }) => id);
		if (ids.length > 0) await countInto(queries, inArray(executions.id, ids), 1);
	}
}

/** Ids of the stored executions that these rows will replace. */
async function findReplaced(queries: Queries, rows: readonly (typeof executions.$inferInsert)[]): Promise<number[]> {
	const later = rows.filter(({ attempt }) => attempt > 1);
	if (later.length === 0) return [];
	const keys = later.map(
		({ tenant, eventId, hook, phase, plugin, attempt }) =>
			sql`(${tenant}, ${eventId}, ${hook}, ${phase}, ${plugin}, ${attempt}::integer)`,
	);
	const found = await queries
		.select({ id: executions.id })
		.from(executions)
		.innerJoin(
			sql`(VALUES ${sql.join(keys, sql`, `)}) AS later (tenant, event_id, hook, phase, plugin, attempt)`,
			sql`${executions.tenant} = later.tenant AND ${executions.eventId} = later.event_id AND ${executions.hook} = later.hook
				AND ${executions.phase} = later.phase AND ${executions.plugin} = later.plugin AND ${executions.attempt} < later.attempt`,
		);
	return found.map(({ id }) => id);
}

/** Every column but the key and the id, from the row that was to be inserted. */
const REPLACED = {
	version: sql`excluded.version`,
	digest: sql`excluded.digest`,
	assistant: sql`excluded.assistant`,
	conversation: sql`excluded.conversation`,
	user: sql`excluded."user"`,
	effect: sql`excluded.effect`,
	mode: sql`excluded.mode`,
	outcome: sql`excluded.outcome`,
	action: sql`excluded.action`,
	reason: sql`excluded.reason`,
	error: sql`excluded.error`,
	skipped: sql`excluded.skipped`,
	paths: sql`excluded.paths`,
	stripped: sql`excluded.stripped`,
	startedAt: sql`excluded.started_at`,
	durationMs: sql`excluded.duration_ms`,
	inputBytes: sql`excluded.input_bytes`,
	outputBytes: sql`excluded.output_bytes`,
	attempt: sql`excluded.attempt`,
	usage: sql`excluded.usage`,
	logs: sql`excluded.logs`,
	logsDropped: sql`excluded.logs_dropped`,
	patch: sql`excluded.patch`,
	patchOmitted: sql`excluded.patch_omitted`,
	runtime: sql`excluded.runtime`,
	revision: sql`excluded.revision`,
};

/** One statement must not meet the same row twice. */
function newestOfEach(batch: readonly Execution[]): Execution[] {
	const newest = new Map<string, Execution>();
	for (const execution of batch) {
		const { tenant, eventId, hook, phase, plugin, arm } = execution;
		const key = JSON.stringify([tenant, eventId, hook, phase, plugin, arm]);
		const known = newest.get(key);
		if (known === undefined || execution.attempt > known.attempt) newest.set(key, execution);
	}
	return [...newest.values()];
}

function toRow(execution: Execution): typeof executions.$inferInsert {
	const clean = storableJson(execution) as Execution;
	return { ...clean, phase: clean.phase ?? "", arm: clean.arm ?? "", startedAt: new Date(clean.startedAt) };
}

/** Everything but what is text of conversations, and may be large. */
const { patch: _patch, patchOmitted: _patchOmitted, ...listedColumns } = getTableColumns(executions);

/** Newest first; at most `limit`, only ids below `before`. */
export async function pageExecutions(
	queries: Queries,
	tenant: string,
	filter: ExecutionFilter,
	limit: number,
	before: number | undefined,
): Promise<ExecutionRecord[]> {
	const where = and(...conditions(tenant, filter), before === undefined ? undefined : lt(executions.id, before));
	const isPast = filter.until !== undefined && filter.until.getTime() < Date.now();
	const rows = await queries
		.select(listedColumns)
		.from(executions)
		.where(isPast ? inArray(executions.id, idsBySorting(queries, where, limit)) : where)
		.orderBy(desc(executions.id))
		.limit(limit);
	return rows.map(showExecution);
}

/**
 * Of a time that is over. The planner takes the newest ids for as likely to be in it as any other, and would walk through everything
 * that came since; by an order that no index has it is made to look the time up.
 */
function idsBySorting(queries: Queries, where: SQL | undefined, limit: number) {
	return queries.select({ id: executions.id }).from(executions).where(where).orderBy(sql`${executions.id} + 0 DESC`).limit(limit);
}

/** Oldest first; at most `limit`, only ids above `after`. */
export async function pageExecutionsBehind(
	queries: Queries,
	tenant: string,
	filter: ExecutionFilter,
	limit: number,
	after: number,
): Promise<ExecutionRecord[]> {
	const rows = await queries
		.select(listedColumns)
		.from(executions)
		.where(and(...conditions(tenant, filter), gt(executions.id, after)))
		.orderBy(executions.id)
		.limit(limit);
	return rows.map(showExecution);
}

/** The highest id of the tenant; 0 when it has none. */
export async function newestId(queries: Queries, tenant: string): Promise<number> {
	const [row] = await queries
		.select({ id: max(executions.id) })
		.from(executions)
		.where(eq(executions.tenant, tenant));
	return row?.id ?? 0;
}

/**
 * When more than `most` executions stand above `after`: how many have to be skipped to leave the newest `kept`, and the id of
 * the last of them. Else undefined.
 */
export async function countBehind(
	queries: Queries,
	tenant: string,
	filter: ExecutionFilter,
	after: number,
	most: number,
	kept: number,
): Promise<{ skipped: number; keptFrom: number } | undefined> {
	const where = and(...conditions(tenant, filter), gt(executions.id, after));
	const [beyond] = await queries
		.select({ id: executions.id })
		.from(executions)
		.where(where)
		.orderBy(executions.id)
		.offset(most)
		.limit(1);
	if (beyond === undefined) return undefined;
	const [last] = await queries
		.select({ id: executions.id })
		.from(executions)
		.where(where)
		.orderBy(desc(executions.id))
		.offset(kept)
		.limit(1);
	if (last === undefined) return undefined;
	const [row] = await queries
		.select({ calls: count() })
		.from(executions)
		.where(and(where, lte(executions.id, last.id)));
	return { skipped: row?.calls ?? 0, keptFrom: last.id };
}

export async function findExecution(queries: Queries, tenant: string, id: number): Promise<ExecutionDetail | undefined> {
	const [row] = await queries
		.select()
		.from(executions)
		.where(and(eq(executions.tenant, tenant), eq(executions.id, id)));
	return row === undefined ? undefined : showExecution(row);
}

/** Columns that are null are absent, as they were in the execution. */
function showExecution(row: Pick<typeof executions.$inferSelect, keyof typeof listedColumns>): ExecutionRecord {
	const { id, phase, arm, startedAt, ...rest } = row;
	const present = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
	return {
		...present,
		id: String(id),
		status: statusOfOutcome(row.outcome),
		startedAt: startedAt.toISOString(),
		...(phase === "" ? {} : { phase }),
		...(arm === "" ? {} : { arm }),
	} as ExecutionRecord;
}

/** Calls and errors of one plugin in the last so many minutes. */
export async function countRecent(
	queries: Queries,
	tenant: string,
	plugin: string,
	minutes: number,
): Promise<{ calls: number; errors: number }> {
	const [row] = await queries
		.select({ calls: sql<string>`count(*)`, errors: sql<string>`count(*) FILTER (WHERE ${executions.outcome} <> 'ok')` })
		.from(executions)
		.where(
			and(
				eq(executions.tenant, tenant),
				eq(executions.plugin, plugin),
				gte(executions.startedAt, sql`now() - ${minutes} * interval '1 minute'`),
			),
		);
	return { calls: Number(row?.calls ?? 0), errors: Number(row?.errors ?? 0) };
}

/** Deletes up to `limit` executions that started more than so many days ago; returns how many it were. */
export async function deleteOlderThan(queries: Queries, days: number, limit: number): Promise<number> {
	const old = queries
		.select({ id: executions.id })
		.from(executions)
		.where(lt(executions.startedAt, sql`now() - ${days} * interval '1 day'`))
		.limit(limit);
	const deleted = await queries.delete(executions).where(inArray(executions.id, old)).returning({ id: executions.id });
	return deleted.length;
}

/** Deletes figures as old as that, and those by the minute that are older than is ever asked for. */
export async function deleteOldFigures(queries: Queries, days: number): Promise<void> {
	const before = (age: number) => sql`now() - ${age} * interval '1 day'`;
	await queries
		.delete(executionFigures)
		.where(and(eq(executionFigures.unit, "minute"), lt(executionFigures.start, before(MINUTE_DAYS))));
	await queries
		.delete(executionFigures)
		.where(and(inArray(executionFigures.unit, ["hour", "day"]), lt(executionFigures.start, before(days))));
}
