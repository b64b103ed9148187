// Queries on rollouts and on what their two versions did.
import type { ArmFigures, RolloutArms, RolloutMode, RolloutState } from "@hookbus/schemas";
import { and, desc, eq, gt, max, notInArray, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { executions, pluginVersions, rollouts } from "../database/tables/index.js";
import type { RoutingCandidate } from "../routing/routing-input.js";

export interface RolloutRow {
	readonly id: string;
	readonly tenant: string;
	readonly plugin: string;
	readonly version: string;
	readonly fromVersion: string;
	readonly mode: RolloutMode;
	readonly percentage: number;
	readonly maxErrorRate: number | null;
	readonly maxP95Ms: number | null;
	readonly minEvents: number;
	readonly state: RolloutState;
	readonly revision: number;
	readonly afterExecution: number;
	readonly startedAt: Date;
	readonly startedBy: string;
	readonly endedAt: Date | null;
	readonly endedBy: string | null;
	readonly reason: string | null;
	/** null while it runs. */
	readonly arms: RolloutArms | null;
}

export type NewRolloutRow = Pick<
	RolloutRow,
	"tenant" | "plugin" | "version" | "fromVersion" | "mode" | "percentage" | "maxErrorRate" | "maxP95Ms" | "minEvents" | "revision"
> &
	Pick<RolloutRow, "startedBy">;

/** Most rollouts that are listed. */
const LISTED = 50;

export async function insertRollout(queries: Queries, added: NewRolloutRow): Promise<RolloutRow> {
	const [newest] = await queries
		.select({ id: max(executions.id) })
		.from(executions)
		.where(eq(executions.tenant, added.tenant));
	const [row] = await queries
		.insert(rollouts)
		.values({ ...added, state: "running", afterExecution: newest?.id ?? 0 })
		.returning();
	if (row === undefined) throw new Error("the rollout that was just stored is not there");
	return row;
}

export async function findRollout(queries: Queries, tenant: string, plugin: string, id: string): Promise<RolloutRow | undefined> {
	const [row] = await queries
		.select()
		.from(rollouts)
		.where(and(eq(rollouts.tenant, tenant), eq(rollouts.plugin, plugin), eq(rollouts.id, id)));
	return row;
}

export async function findRunningRollout(queries: Queries, tenant: string, plugin: string): Promise<RolloutRow | undefined> {
	const [row] = await queries
		.select()
		.from(rollouts)
		.where(and(eq(rollouts.tenant, tenant), eq(rollouts.plugin, plugin), eq(rollouts.state, "running")));
	return row;
}

/** Newest first. */
export async function listRollouts(queries: Queries, tenant: string, plugin: string): Promise<RolloutRow[]> {
	return await queries
		.select()
		.from(rollouts)
		.where(and(eq(rollouts.tenant, tenant), eq(rollouts.plugin, plugin)))
		.orderBy(desc(rollouts.startedAt))
		.limit(LISTED);
}

/** Of all tenants. */
export async function allRunningRollouts(queries: Queries): Promise<RolloutRow[]> {
	return await queries.select().from(rollouts).where(eq(rollouts.state, "running"));
}

export interface RolloutEnd {
	readonly state: Exclude<RolloutState, "running">;
	readonly endedBy: string;
	readonly reason: string | null;
	readonly arms: RolloutArms;
}

export async function saveEnd(queries: Queries, id: string, end: RolloutEnd): Promise<void> {
	await queries
		.update(rollouts)
		.set({ ...end, endedAt: sql`now()` })
		.where(eq(rollouts.id, id));
}

/** Candidates of the rollouts that run, by plugin. */
export async function candidates(queries: Queries, tenant: string): Promise<Map<string, RoutingCandidate>> {
	const rows = await selectCandidates(queries, tenant, undefined);
	return new Map(rows.map(({ plugin, ...candidate }) => [plugin, candidate]));
}

/** `undefined` when no rollout of the plugin runs. */
export async function findCandidate(queries: Queries, tenant: string, plugin: string): Promise<RoutingCandidate | undefined> {
	const [candidate] = await selectCandidates(queries, tenant, plugin);
	return candidate;
}

/** @param plugin undefined: of all plugins */
function selectCandidates(queries: Queries, tenant: string, plugin: string | undefined) {
	return queries
		.select({
			plugin: rollouts.plugin,
			mode: rollouts.mode,
			percentage: rollouts.percentage,
			version: pluginVersions.version,
			digest: pluginVersions.digest,
			size: pluginVersions.size,
			manifest: pluginVersions.manifest,
		})
		.from(rollouts)
		.innerJoin(
			pluginVersions,
			and(
				eq(pluginVersions.tenant, rollouts.tenant),
				eq(pluginVersions.plugin, rollouts.plugin),
				eq(pluginVersions.version, rollouts.version),
			),
		)
		.where(
			and(
				eq(rollouts.tenant, tenant),
				eq(rollouts.state, "running"),
				plugin === undefined ? undefined : eq(rollouts.plugin, plugin),
			),
		);
}

/** Outcomes of executions that never began, for reasons that say nothing about the version. */
const NOT_BEGUN = ["overloaded", "rate_limited", "over_budget"] as const;

/** What both versions did since the rollout began. */
export async function armFigures(
	queries: Queries,
	{ tenant, plugin, version, fromVersion, afterExecution }: RolloutRow,
): Promise<RolloutArms> {
	const percentile = (share: number) =>
		sql<number>`percentile_cont(${share}::double precision) WITHIN GROUP (ORDER BY ${executions.durationMs})`;
	const rows = await queries
		.select({
			arm: executions.arm,
			version: executions.version,
			calls: sql<string>`count(*)`,
			errors: sql<string>`count(*) FILTER (WHERE ${executions.outcome} <> 'ok')`,
			p50Ms: percentile(0.5),
			p95Ms: percentile(0.95),
			p99Ms: percentile(0.99),
			cost: sql<string | null>`sum((${executions.usage} ->> 'cost')::double precision)`,
		})
		.from(executions)
		.where(
			and(
				eq(executions.tenant, tenant),
				eq(executions.plugin, plugin),
				gt(executions.id, afterExecution),
				notInArray(executions.outcome, [...NOT_BEGUN]),
			),
		)
		.groupBy(executions.arm, executions.version);
	const figuresOf = (arm: string, wanted: string): ArmFigures => {
		const row = rows.find((candidate) => candidate.arm === arm && candidate.version === wanted);
		if (row === undefined) return { version: wanted, calls: 0, errors: 0, errorRate: 0, cost: 0 };
		const { p50Ms, p95Ms, p99Ms } = row;
		const [calls, errors] = [Number(row.calls), Number(row.errors)];
		return { version: wanted, calls, errors, errorRate: errors / calls, p50Ms, p95Ms, p99Ms, cost: Number(row.cost ?? 0) };
	};
	return { current: figuresOf("", fromVersion), candidate: figuresOf("candidate", version) };
}
