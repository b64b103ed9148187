// Counts executions up into figures: the one query that says what figures are, whether they are stored or made on demand.
import { type FigureUnit, outcomesOf } from "@hookbus/schemas";
import { and, type SQL, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { executionFigures } from "../database/tables/execution-figures.js";
import { executions } from "../database/tables/executions.js";
import { latencyClass } from "./latency-classes.js";

const KINDS = ["ok", "failed", "configuration", "timeout", "denied", "refused"] as const;

const COUNTED = [...KINDS, "cost", "input_tokens", "output_tokens", "total_ms"] as const;

const list = (parts: readonly SQL[]) => sql.join([...parts], sql`, `);

const ofKind = (kind: (typeof KINDS)[number]) => {
	const outcomes = list(outcomesOf(kind).map((outcome) => sql.raw(`'${outcome}'`)));
	return sql`count(*) FILTER (WHERE ${executions.outcome} IN (${outcomes})) AS ${sql.raw(kind)}`;
};

/**
 * Most of anything that one execution adds. Plugins report what they like, and a number that overflows a sum would make the
 * database refuse the executions of others with it.
 */
const MOST = "1e9";

const usage = (field: string, name: string) =>
	sql.raw(`sum(least(coalesce((executions.usage->>'${field}')::double precision, 0), ${MOST})) AS ${name}`);

/** Executions by start (cut to the unit), class of latency, and these columns. */
function byLatency(where: SQL | undefined, unit: string, columns: readonly string[]): SQL {
	return sql`SELECT date_trunc(${sql.raw(`'${unit}'`)}, ${executions.startedAt}, 'UTC') AS start,
			${latencyClass(sql`${executions.durationMs}`)} AS latency,
			${list(columns.map((column) => sql.raw(column)))}, count(*) AS calls,
			${list(KINDS.map(ofKind))}, ${usage("cost", "cost")}, ${usage("inputTokens", "input_tokens")},
			${usage("outputTokens", "output_tokens")}, sum(least(${executions.durationMs}, ${sql.raw(MOST)})) AS total_ms
		FROM executions
		WHERE ${and(where, sql`${executions.outcome} <> 'deferred'`)}
		GROUP BY ${list([1, 2, ...columns.map((_, index) => index + 3)].map((position) => sql.raw(String(position))))}`;
}

const sums = (sign: 1 | -1) =>
	list([
		sql.raw(`${sign} * sum(calls)::bigint AS calls`),
		...COUNTED.map((name) =>
			sql.raw(`${sign} * sum(${name})::${name === "cost" || name === "total_ms" ? "double precision" : "bigint"} AS ${name}`),
		),
		sql.raw(`jsonb_object_agg(latency, ${sign} * calls) AS latencies`),
	]);

/**
 * Adds these executions to the stored figures, or takes them out again.
 *
 * @param sign 1 after they were stored, -1 before they are replaced
 */
export async function countInto(queries: Queries, where: SQL, sign: 1 | -1): Promise<void> {
	const added = COUNTED.map((name) => sql.raw(`${name} = execution_figures.${name} + excluded.${name}`));
	await queries.execute(sql`INSERT INTO ${executionFigures}
			(tenant, unit, assistant, plugin, start, calls, ${sql.raw(COUNTED.join(", "))}, latencies)
		SELECT tenant, unit, assistant, plugin, start, ${sums(sign)}
		FROM (
			SELECT tenant, unit, all_or.assistant, one_or.plugin, date_trunc(unit, start, 'UTC') AS start, latency,
				sum(calls)::bigint AS calls, ${list(COUNTED.map((name) => sql.raw(`sum(${name}) AS ${name}`)))}
			FROM (${byLatency(where, "minute", ["executions.tenant", "executions.plugin", "executions.assistant"])}) AS counted
			CROSS JOIN LATERAL (VALUES (counted.plugin), ('')) AS one_or (plugin)
			CROSS JOIN LATERAL (VALUES (counted.assistant), ('')) AS all_or (assistant)
			CROSS JOIN (VALUES ('minute'), ('hour'), ('day')) AS units (unit)
			GROUP BY 1, 2, 3, 4, 5, 6
		) AS spread
		GROUP BY 1, 2, 3, 4, 5
		ON CONFLICT (tenant, unit, assistant, plugin, start) DO UPDATE SET
			calls = execution_figures.calls + excluded.calls, ${list(added)}, latencies = (
				SELECT coalesce(jsonb_object_agg(latency, calls), '{}') FROM (
					SELECT key AS latency, sum(value::bigint) AS calls FROM (
						SELECT * FROM jsonb_each_text(execution_figures.latencies)
						UNION ALL SELECT * FROM jsonb_each_text(excluded.latencies)
					) AS both_rows GROUP BY key HAVING sum(value::bigint) <> 0
				) AS merged
			)`);
}

/**
 * Figures of these executions, by start, as a table to select from.
 *
 * @param each by plugin too; else all plugins together, under an empty name
 */
export function countedFrom(where: SQL | undefined, unit: FigureUnit, each: boolean): SQL {
	const counted = byLatency(where, unit, [each ? "executions.plugin" : "''::text AS plugin"]);
	return sql`(SELECT plugin, start, ${sums(1)} FROM (${counted}) AS counted GROUP BY 1, 2)`;
}
