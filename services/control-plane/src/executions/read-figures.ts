// Reads figures: from those that are stored, or, for filters that these do not know, counted from the executions themselves.
import type { FigureBucket, Figures, FigureUnit, PluginFigures } from "@hookbus/schemas";
import { and, asc, eq, gt, gte, inArray, lt, ne, type SQL, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { executionFigures as stored } from "../database/tables/execution-figures.js";
import { executions } from "../database/tables/executions.js";
import { countedFrom } from "./count-figures.js";
import { conditions, type ExecutionFilter } from "./execution-filter.js";
import { LatencyHistogram } from "./latency-classes.js";

export interface FiguresWanted {
	readonly tenant: string;
	readonly filter: ExecutionFilter & { readonly since: Date; readonly until: Date };
	readonly unit: FigureUnit;
	/** With the figures of each bucket of the unit. */
	readonly series: boolean;
	/** Most plugins. */
	readonly limit: number;
	/** Only plugins behind this name. */
	readonly after: string | undefined;
}

export interface FiguresRead {
	readonly total: Figures;
	readonly items: PluginFigures[];
	/** There are more plugins. */
	readonly more: boolean;
}

/** A row of the stored figures, or one that was counted on demand. */
type Counted = Omit<typeof stored.$inferSelect, "tenant" | "unit" | "assistant">;

/** Name of the row of all plugins together. */
const ALL = "";

/** The stored figures; they know plugins and assistants, and `since` and `until` must lie on the unit. */
export async function readStoredFigures(queries: Queries, wanted: FiguresWanted): Promise<FiguresRead> {
	const { tenant, filter, unit, limit, after } = wanted;
	const scope = [
		eq(stored.tenant, tenant),
		eq(stored.unit, unit),
		eq(stored.assistant, filter.assistant ?? ALL),
		gte(stored.start, filter.since),
		lt(stored.start, filter.until),
		gt(stored.calls, 0),
	];
	const one = filter.plugin === undefined ? ne(stored.plugin, ALL) : eq(stored.plugin, filter.plugin);
	const names = await queries
		.selectDistinct({ plugin: stored.plugin })
		.from(stored)
		.where(and(...scope, one, after === undefined ? undefined : gt(stored.plugin, after)))
		.orderBy(asc(stored.plugin))
		.limit(limit + 1);
	const plugins = names.slice(0, limit).map(({ plugin }) => plugin);
	const total = filter.plugin ?? ALL;
	const rows = await queries
		.select()
		.from(stored)
		.where(and(...scope, inArray(stored.plugin, [...new Set([total, ...plugins])])));
	return gather(wanted, plugins, names.length > limit, rows, total);
}

/** Figures of the executions that the filter leaves, whatever it asks for. */
export async function countFigures(queries: Queries, wanted: FiguresWanted): Promise<FiguresRead> {
	const { tenant, filter, unit, limit, after } = wanted;
	const scope = conditions(tenant, filter);
	const names = await queries
		.selectDistinct({ plugin: executions.plugin })
		.from(executions)
		.where(and(...scope, ne(executions.outcome, "deferred"), after === undefined ? undefined : gt(executions.plugin, after)))
		.orderBy(asc(executions.plugin))
		.limit(limit + 1);
	const plugins = names.slice(0, limit).map(({ plugin }) => plugin);
	const read = (where: SQL | undefined, each: boolean) =>
		queries.select(countedColumns).from(sql`${countedFrom(where, unit, each)} AS counted`);
	const total = await read(and(...scope), false);
	const each = plugins.length === 0 ? [] : await read(and(...scope, inArray(executions.plugin, plugins)), true);
	return gather(wanted, plugins, names.length > limit, [...total, ...each], ALL);
}

const number = (name: string) => sql<number>`${sql.raw(name)}`.mapWith(Number);

const countedColumns = {
	plugin: sql<string>`plugin`,
	start: sql<Date>`start`.mapWith((value: string | Date) => new Date(value)),
	calls: number("calls"),
	ok: number("ok"),
	failed: number("failed"),
	configuration: number("configuration"),
	timeout: number("timeout"),
	denied: number("denied"),
	refused: number("refused"),
	cost: number("cost"),
	inputTokens: number("input_tokens"),
	outputTokens: number("output_tokens"),
	totalMs: number("total_ms"),
	latencies: sql<Record<string, number>>`latencies`,
} satisfies Record<keyof Counted, SQL | SQL.Aliased>;

/** @param total name under which the rows of the total stand */
function gather(
	{ series }: FiguresWanted,
	plugins: readonly string[],
	more: boolean,
	rows: readonly Counted[],
	total: string,
): FiguresRead {
	const byPlugin = new Map<string, Counted[]>();
	for (const row of rows) addTo(byPlugin, row.plugin, row);
	return {
		total: figuresOf(byPlugin.get(total) ?? [], series),
		items: plugins.map((plugin) => ({ plugin, ...figuresOf(byPlugin.get(plugin) ?? [], series) })),
		more,
	};
}

function addTo<Key>(groups: Map<Key, Counted[]>, key: Key, row: Counted): void {
	const group = groups.get(key);
	if (group === undefined) groups.set(key, [row]);
	else group.push(row);
}

function figuresOf(rows: readonly Counted[], series: boolean): Figures {
	if (!series) return sumUp(rows);
	const byStart = new Map<number, Counted[]>();
	for (const row of rows) addTo(byStart, row.start.getTime(), row);
	const buckets: FigureBucket[] = [...byStart]
		.sort(([a], [b]) => a - b)
		.map(([start, of]) => ({ start: new Date(start).toISOString(), ...sumUp(of) }));
	return { ...sumUp(rows), series: buckets };
}

function sumUp(rows: readonly Counted[]): Omit<Figures, "series"> {
	const sum = (name: Exclude<keyof Counted, "plugin" | "start" | "latencies">) =>
		rows.reduce((total, row) => total + row[name], 0);
	const histogram = new LatencyHistogram();
	for (const { latencies } of rows) histogram.add(latencies);
	const calls = sum("calls");
	const ok = sum("ok");
	const [p50, p95, p99] = histogram.percentiles([0.5, 0.95, 0.99] as const);
	return {
		calls,
		errors: calls - ok,
		successRate: calls === 0 ? 1 : ok / calls,
		outcomes: {
			ok,
			failed: sum("failed"),
			configuration: sum("configuration"),
			timeout: sum("timeout"),
			denied: sum("denied"),
			refused: sum("refused"),
		},
		p50Ms: rounded(p50),
		p95Ms: rounded(p95),
		p99Ms: rounded(p99),
		meanMs: calls === 0 ? 0 : rounded(Math.max(0, sum("totalMs")) / calls),
		cost: rounded(Math.max(0, sum("cost"))),
		inputTokens: sum("inputTokens"),
		outputTokens: sum("outputTokens"),
	};
}

/** Without what adding and taking out again leaves behind the last digit that means something. */
function rounded(value: number): number {
	return Number(value.toPrecision(12));
}
