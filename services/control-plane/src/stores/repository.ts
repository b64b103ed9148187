// Queries on what has still to be removed from the stores of plugins.
import { and, eq } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { storePurges } from "../database/tables/store-purges.js";

export interface StorePurge {
	readonly tenant: string;
	readonly plugin: string;
	/** Revision of the route table that does not have the deleted plugin any more. */
	readonly revision: number;
}

const columns = { tenant: storePurges.tenant, plugin: storePurges.plugin, revision: storePurges.revision };

/** Of a plugin that is deleted once more the newest request stays. */
export async function requestPurge(queries: Queries, purge: StorePurge): Promise<void> {
	await queries
		.insert(storePurges)
		.values(purge)
		.onConflictDoUpdate({ target: [storePurges.tenant, storePurges.plugin], set: { revision: purge.revision } });
}

export async function listPurges(queries: Queries): Promise<StorePurge[]> {
	return await queries.select(columns).from(storePurges).orderBy(storePurges.requestedAt);
}

/** Names of the tenant's plugins whose stores still hold what an earlier plugin kept. */
export async function purgingPlugins(queries: Queries, tenant: string): Promise<Set<string>> {
	const rows = await queries.select({ plugin: storePurges.plugin }).from(storePurges).where(eq(storePurges.tenant, tenant));
	return new Set(rows.map(({ plugin }) => plugin));
}

/** True when exactly this request is still there. */
export async function isPurgeWanted(queries: Queries, purge: StorePurge): Promise<boolean> {
	return (await queries.select(columns).from(storePurges).where(isPurge(purge))).length > 0;
}

/** False when it was not there any more. */
export async function forgetPurge(queries: Queries, purge: StorePurge): Promise<boolean> {
	return (await queries.delete(storePurges).where(isPurge(purge)).returning(columns)).length > 0;
}

function isPurge({ tenant, plugin, revision }: StorePurge) {
	return and(eq(storePurges.tenant, tenant), eq(storePurges.plugin, plugin), eq(storePurges.revision, revision));
}
