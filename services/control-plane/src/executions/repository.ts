// Queries on executions: batches in, pages and figures out.
import { type Execution, type ExecutionRecord, type PluginFigures, statusOfOutcome } from "@hookbus/schemas";
import { and, desc, eq, gte, inArray, lt, sql } from "drizzle-orm";
import { storable } from "../checks/unstorable-text.js";
import type { Queries } from "../database/database.js";
import { executions } from "../database/tables/executions.js";
import { conditions, type ExecutionFilter } from "./execution-filter.js";

/** Rows for one statement; PostgreSQL takes 65,535 parameters and a row has 29. */
const ROWS_PER_INSERT = 500;

/**
 * Stores executions. One that is there already stays, unless the new one is of a later delivery of the same durable event.
 * Texts lose what PostgreSQL cannot store.
 */
export async function insertExecutions(queries: Queries, batch: readonly Execution[]): Promise<void> {
	const rows = newestOfEach(batch).map(toRow);
	for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
		await queries
			.insert(executions)
			.values(rows.slice(start, start + ROWS_PER_INSERT))
			.onConflictDoUpdate({
				target: [executions.tenant, executions.eventId, executions.hook, executions.phase, executions.plugin],
				set: REPLACED,
				setWhere: sql`excluded.attempt > ${executions.attempt}`,
			});
	}
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
	runtime: sql`excluded.runtime`,
	revision: sql`excluded.revision`,
};

/** One statement must not meet the same row twice. */
function newestOfEach(batch: readonly Execution[]): Execution[] {
	const newest = new Map<string, Execution>();
	for (const execution of batch) {
		const { tenant, eventId, hook, phase, plugin } = execution;
		const key = JSON.stringify([tenant, eventId, hook, phase, plugin]);
		const known = newest.get(key);
		if (known === undefined || execution.attempt > known.attempt) newest.set(key, execution);
	}
	return [...newest.values()];
}

function toRow(execution: Execution): typeof executions.$inferInsert {
	const clean = storableJson(execution) as Execution;
	return { ...clean, phase: clean.phase ?? "", startedAt: new Date(clean.startedAt) };
}

function storableJson(value: unknown): unknown {
	if (typeof value === "string") return storable(value);
	if (Array.isArray(value)) return value.map(storableJson);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storableJson(inner)]));
}

/** Newest first; at most `limit`, only ids below `before`. */
export async function pageExecutions(
	queries: Queries,
	tenant: string,
	filter: ExecutionFilter,
	limit: number,
	before: number | undefined,
): Promise<ExecutionRecord[]> {
	const rows = await queries
		.select()
		.from(executions)
		.where(and(...conditions(tenant, filter), before === undefined ? undefined : lt(executions.id, before)))
		.orderBy(desc(executions.id))
		.limit(limit);
	return rows.map(showExecution);
}

export async function findExecution(queries: Queries, tenant: string, id: number): Promise<ExecutionRecord | undefined> {
	const [row] = await queries
		.select()
		.from(executions)
		.where(and(eq(executions.tenant, tenant), eq(executions.id, id)));
	return row === undefined ? undefined : showExecution(row);
}

/** Columns that are null are absent, as they were in the execution. */
function showExecution(row: typeof executions.$inferSelect): ExecutionRecord {
	const { id, phase, startedAt, ...rest } = row;
	const present = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
	return {
		...present,
		id: String(id),
		status: statusOfOutcome(row.outcome),
		startedAt: startedAt.toISOString(),
		...(phase === "" ? {} : { phase }),
	} as ExecutionRecord;
}

const isError = sql`${executions.outcome} <> 'ok'`;

/** Calls, errors and latency of each plugin that the filter leaves, by name. */
export async function pluginFigures(queries: Queries, tenant: string, filter: ExecutionFilter): Promise<PluginFigures[]> {
	const percentile = (share: number) =>
		sql<number>`percentile_cont(${share}::double precision) WITHIN GROUP (ORDER BY ${executions.durationMs})`;
	const rows = await queries
		.select({
			plugin: executions.plugin,
			calls: sql<string>`count(*)`,
			errors: sql<string>`count(*) FILTER (WHERE ${isError})`,
			p50Ms: percentile(0.5),
			p95Ms: percentile(0.95),
			p99Ms: percentile(0.99),
		})
		.from(executions)
		.where(and(...conditions(tenant, filter)))
		.groupBy(executions.plugin)
		.orderBy(executions.plugin);
	return rows.map((row) => {
		const calls = Number(row.calls);
		const errors = Number(row.errors);
		return { ...row, calls, errors, successRate: calls === 0 ? 1 : (calls - errors) / calls };
	});
}

/** Calls and errors of one plugin in the last so many minutes. */
export async function countRecent(
	queries: Queries,
	tenant: string,
	plugin: string,
	minutes: number,
): Promise<{ calls: number; errors: number }> {
	const [row] = await queries
		.select({ calls: sql<string>`count(*)`, errors: sql<string>`count(*) FILTER (WHERE ${isError})` })
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
