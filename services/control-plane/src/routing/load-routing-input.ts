// Reads what the route table of a tenant is compiled from. Never the modules' bytes.
import { and, eq } from "drizzle-orm";
import { optedInUsers } from "../bindings/opt-in-repository.js";
import type { Queries } from "../database/database.js";
import { bindings, pluginConfigs, plugins, pluginVersions } from "../database/tables/index.js";
import { grantedByPlugin } from "../plugins/repository.js";
import { matchRecall } from "../recalls/match-recall.js";
import { recalledDigests } from "../recalls/recalled-digests.js";
import { activeRecalls } from "../recalls/repository.js";
import { routedRecordings } from "../recordings/repository.js";
import { candidates } from "../rollouts/repository.js";
import { purgingPlugins } from "../stores/repository.js";
import { NOTHING_GRANTED } from "./granted.js";
import type { RoutingInput } from "./routing-input.js";

/** Inside the transaction of a change it sees the change. */
export async function loadRoutingInput(queries: Queries, tenant: string): Promise<RoutingInput> {
	const installed = await queries
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
		.innerJoin(
			pluginVersions,
			and(
				eq(pluginVersions.tenant, plugins.tenant),
				eq(pluginVersions.plugin, plugins.name),
				eq(pluginVersions.version, plugins.version),
			),
		)
		.leftJoin(pluginConfigs, and(eq(pluginConfigs.tenant, plugins.tenant), eq(pluginConfigs.plugin, plugins.name)))
		.where(eq(plugins.tenant, tenant))
		.orderBy(plugins.name);
	const granted = await grantedByPlugin(queries, tenant);
	const purging = await purgingPlugins(queries, tenant);
	const recalls = await activeRecalls(queries, tenant);
	const bound = await queries.select().from(bindings).where(eq(bindings.tenant, tenant));
	const trying = await candidates(queries, tenant);
	const users = await optedInUsers(queries, tenant);
	const isRecalled = (candidate: { readonly version: string; readonly digest: string } | undefined, plugin: string) =>
		candidate !== undefined &&
		matchRecall(recalls, { plugin, version: candidate.version, digest: candidate.digest }) !== undefined;
	return {
		plugins: installed.map((row) => {
			const recall = matchRecall(recalls, { plugin: row.name, version: row.version, digest: row.digest });
			return {
				...row,
				config: row.config ?? {},
				secrets: row.secrets ?? {},
				candidate: isRecalled(trying.get(row.name), row.name) ? undefined : trying.get(row.name),
				purgePending: purging.has(row.name),
				...(recall === undefined ? {} : { recalled: recall.reason }),
				...(granted.get(row.name) ?? NOTHING_GRANTED),
			};
		}),
		bindings: bound.map((row) => ({ ...row, users: users.get(row.id) ?? [] })),
		recalledDigests: await recalledDigests(queries, tenant, recalls),
		recordings: await routedRecordings(queries, tenant),
	};
}
