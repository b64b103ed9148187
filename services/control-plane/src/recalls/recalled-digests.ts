// Modules that a tenant's runtimes must not go back to. A runtime that cannot take a version into service goes on with the one before;
// without this list that could be the one that was recalled, in a runtime that missed the table in between.
import { and, eq, inArray, or } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { pluginVersions } from "../database/tables/plugin-versions.js";
import { matchRecall } from "./match-recall.js";
import type { RecallRow } from "./repository.js";

/** Digests of the tenant's stored versions that fall under one of these recalls, sorted. */
export async function recalledDigests(queries: Queries, tenant: string, recalls: readonly RecallRow[]): Promise<string[]> {
	const digests = recalls.flatMap(({ digest }) => digest ?? []);
	const plugins = recalls.flatMap(({ plugin }) => plugin ?? []);
	if (digests.length === 0 && plugins.length === 0) return [];
	const { plugin, version, digest } = pluginVersions;
	const candidates = await queries
		.select({ plugin, version, digest })
		.from(pluginVersions)
		.where(and(eq(pluginVersions.tenant, tenant), or(inArray(digest, digests), inArray(plugin, plugins))));
	const recalled = candidates.filter((candidate) => matchRecall(recalls, candidate) !== undefined);
	return [...new Set(recalled.map((candidate) => candidate.digest))].sort();
}
