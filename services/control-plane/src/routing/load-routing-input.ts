// Reads what the route table of a tenant is compiled from, and what the chains of one scope are explained from. Never the modules' bytes,
// and no more plugins than are asked for: a tenant can have ten thousand.
import { and, asc, count, eq, getTableColumns, gt, inArray, isNull, notInArray, or, type SQL, sql } from "drizzle-orm";
import { optedInUsers } from "../bindings/opt-in-repository.js";
import type { Queries } from "../database/database.js";
import { bindings, pluginConfigs, plugins, pluginVersions } from "../database/tables/index.js";
import { dataKeysOf } from "../keys/repository.js";
import { grantedByPlugin } from "../plugins/repository.js";
import { matchRecall } from "../recalls/match-recall.js";
import { recalledDigests } from "../recalls/recalled-digests.js";
import { activeRecalls } from "../recalls/repository.js";
import { routedRecordings } from "../recordings/repository.js";
import { candidates } from "../rollouts/repository.js";
import { purgingPlugins } from "../stores/repository.js";
import { configUsersByPlugin, userConfigsByPlugin } from "../user-configs/repository.js";
import { NOTHING_GRANTED } from "./granted.js";
import type { RoutingBinding, RoutingInput, RoutingPlugin } from "./routing-input.js";

const isCurrent = and(
	eq(pluginVersions.tenant, plugins.tenant),
	eq(pluginVersions.plugin, plugins.name),
	eq(pluginVersions.version, plugins.version),
);

/** Plugins without a binding in the scope that an explanation names, by their name. */
const EXPLAINED_UNBOUND = 100;
/** So many plugins are asked for by name. */
const NAMED = 1_000;
/** Plugins or bindings that are read at a time. */
const PAGE = 1_000;

/**
 * For the route table: the plugins that a binding puts somewhere, and those that this revision changed. Inside the transaction of a
 * change it sees the change.
 */
export async function loadRoutingInput(queries: Queries, tenant: string, revision: number): Promise<RoutingInput> {
	const bound = sql`EXISTS (SELECT 1 FROM ${bindings} WHERE ${bindings.tenant} = ${plugins.tenant} AND ${bindings.plugin} = ${plugins.name})`;
	const recalls = await activeRecalls(queries, tenant);
	return {
		plugins: await loadPlugins(queries, tenant, or(and(eq(plugins.enabled, true), bound), eq(plugins.changedRevision, revision))),
		bindings: await loadBindings(queries, tenant, undefined),
		dataKeys: await dataKeysOf(queries, tenant),
		recalledDigests: await recalledDigests(queries, tenant, recalls),
		recordings: await routedRecordings(queries, tenant),
	};
}

/** For the chains of one plugin, whether it is enabled or not. */
export async function loadPluginInput(queries: Queries, tenant: string, name: string): Promise<RoutingInput> {
	return {
		plugins: await loadPlugins(queries, tenant, eq(plugins.name, name)),
		bindings: await loadBindings(queries, tenant, eq(bindings.plugin, name)),
		dataKeys: await dataKeysOf(queries, tenant),
	};
}

export interface ScopeInput extends RoutingInput {
	/** Further plugins that no binding puts here. */
	readonly unlisted: number;
}

/**
 * For the chains of one scope: the plugins that its bindings and the tenant's name, those that they need, and the first of the others.
 *
 * @param assistant null: the tenant scope
 */
export async function loadScopeInput(queries: Queries, tenant: string, assistant: string | null): Promise<ScopeInput> {
	const inScope =
		assistant === null ? isNull(bindings.assistant) : or(isNull(bindings.assistant), eq(bindings.assistant, assistant));
	const bound = await loadBindings(queries, tenant, inScope);
	const names = [...new Set(bound.map(({ plugin }) => plugin))];
	const needed = await neededBy(queries, tenant, names);
	const others = await queries
		.select({ name: plugins.name })
		.from(plugins)
		.where(and(eq(plugins.tenant, tenant), notInArray(plugins.name, names)))
		.orderBy(asc(plugins.name))
		.limit(EXPLAINED_UNBOUND);
	const named = [...new Set([...names, ...needed, ...others.map(({ name }) => name)])];
	// An explanation says who has a configuration of their own, not what is in it.
	const all = await loadPlugins(queries, tenant, inArray(plugins.name, named), configUsersByPlugin);
	const [installed] = await queries.select({ count: count() }).from(plugins).where(eq(plugins.tenant, tenant));
	return { plugins: all, bindings: bound, unlisted: (installed?.count ?? 0) - all.length };
}

/** Names of the plugins that the current versions of these depend on. */
async function neededBy(queries: Queries, tenant: string, names: readonly string[]): Promise<string[]> {
	const rows = await queries
		.select({ dependencies: sql<Record<string, string>>`${pluginVersions.manifest} -> 'dependencies'` })
		.from(plugins)
		.innerJoin(pluginVersions, isCurrent)
		.where(and(eq(plugins.tenant, tenant), inArray(plugins.name, [...names]), sql`${pluginVersions.manifest} ? 'dependencies'`));
	return rows.flatMap(({ dependencies }) => Object.keys(dependencies));
}

async function loadBindings(queries: Queries, tenant: string, which: SQL | undefined): Promise<RoutingBinding[]> {
	const { createdAt, updatedAt, ...columns } = getTableColumns(bindings);
	const pageBehind = (last: string | undefined) =>
		queries
			.select(columns)
			.from(bindings)
			.where(and(eq(bindings.tenant, tenant), which, last === undefined ? undefined : gt(bindings.id, last)))
			.orderBy(asc(bindings.id))
			.limit(PAGE);
	const rows = await pageBehind(undefined);
	for (let page = rows; page.length === PAGE; rows.push(...page)) page = await pageBehind(rows.at(-1)?.id);
	const users = rows.some(({ optIn }) => optIn) ? await optedInUsers(queries, tenant, which) : new Map<string, string[]>();
	return rows.map((row) => ({ ...row, users: users.get(row.id) ?? [] }));
}

type InstalledRow = Awaited<ReturnType<typeof loadInstalled>>[number];

/** By name. */
async function loadPlugins(
	queries: Queries,
	tenant: string,
	which: SQL | undefined,
	usersOf = userConfigsByPlugin,
): Promise<RoutingPlugin[]> {
	const installed: InstalledRow[] = [];
	for (let last: InstalledRow | undefined; ; ) {
		const page = await loadInstalled(queries, tenant, and(which, last === undefined ? undefined : gt(plugins.name, last.name)));
		installed.push(...page);
		last = page.at(-1);
		if (page.length < PAGE) break;
	}
	return await completed(queries, tenant, installed, usersOf);
}

/** One page: what the driver makes of ten thousand manifests in one go would hold up every other request. */
function loadInstalled(queries: Queries, tenant: string, which: SQL | undefined) {
	return queries
		.select({
			name: plugins.name,
			enabled: plugins.enabled,
			limits: plugins.limits,
			changedRevision: plugins.changedRevision,
			version: pluginVersions.version,
			digest: pluginVersions.digest,
			size: pluginVersions.size,
			manifest: pluginVersions.manifest,
			config: pluginConfigs.config,
			secrets: pluginConfigs.secrets,
		})
		.from(plugins)
		.innerJoin(pluginVersions, isCurrent)
		.leftJoin(pluginConfigs, and(eq(pluginConfigs.tenant, plugins.tenant), eq(pluginConfigs.plugin, plugins.name)))
		.where(and(eq(plugins.tenant, tenant), which))
		.orderBy(asc(plugins.name))
		.limit(PAGE);
}

/** With what stands in other tables. */
async function completed(
	queries: Queries,
	tenant: string,
	installed: readonly InstalledRow[],
	usersOf: typeof userConfigsByPlugin,
): Promise<RoutingPlugin[]> {
	// Few are asked for by their names; of many, everything is read rather than ten thousand names sent.
	const few = installed.length <= NAMED ? installed.map(({ name }) => name) : undefined;
	const granted = await grantedByPlugin(queries, tenant, few);
	const purging = await purgingPlugins(queries, tenant);
	const recalls = await activeRecalls(queries, tenant);
	const trying = await candidates(queries, tenant);
	const own = await usersOf(queries, tenant, few);
	const isRecalled = (candidate: { readonly version: string; readonly digest: string } | undefined, plugin: string) =>
		candidate !== undefined &&
		matchRecall(recalls, { plugin, version: candidate.version, digest: candidate.digest }) !== undefined;
	return installed.map((row) => {
		const recall = matchRecall(recalls, { plugin: row.name, version: row.version, digest: row.digest });
		return {
			...row,
			config: row.config ?? {},
			secrets: row.secrets ?? {},
			candidate: isRecalled(trying.get(row.name), row.name) ? undefined : trying.get(row.name),
			purgePending: purging.has(row.name),
			users: own.get(row.name) ?? [],
			...(recall === undefined ? {} : { recalled: recall.reason }),
			...(granted.get(row.name) ?? NOTHING_GRANTED),
		};
	});
}
