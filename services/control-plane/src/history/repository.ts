// Queries on the snapshots of plugins.
import { valueIdOf } from "@hookbus/foundation";
import type { NetworkRule, Permission, PluginLimits, SealedSecret } from "@hookbus/schemas";
import { and, desc, eq, gte, lt } from "drizzle-orm";
import { canonicalJson } from "../canonical-json.js";
import type { Config } from "../config/merge-config.js";
import type { Queries } from "../database/database.js";
import { pluginSnapshots } from "../database/tables/plugin-snapshots.js";

/** What a plugin runs with. */
export interface SnapshotContent {
	readonly version: string;
	readonly enabled: boolean;
	readonly config: Config;
	readonly secrets: Readonly<Record<string, SealedSecret>>;
	readonly grants: readonly Permission[];
	readonly network: readonly NetworkRule[];
	/** null: nothing was set. */
	readonly limits: PluginLimits | null;
}

export interface SnapshotRow extends SnapshotContent {
	readonly revision: number;
	/** Revision of the snapshot that a rollback brought back; null: it was none. */
	readonly restored: number | null;
	readonly by: string;
	readonly at: Date;
}

/** Where a snapshot belongs, and who made it. */
export interface SnapshotPlace {
	readonly tenant: string;
	readonly plugin: string;
	readonly revision: number;
	readonly by: string;
	readonly restored?: number;
}

function ofPlugin(tenant: string, plugin: string) {
	return and(eq(pluginSnapshots.tenant, tenant), eq(pluginSnapshots.plugin, plugin));
}

/** Keeps what a plugin runs with from this revision on, unless the newest snapshot says the same. */
export async function addSnapshot(queries: Queries, place: SnapshotPlace, content: SnapshotContent): Promise<void> {
	const { tenant, plugin, revision, by, restored } = place;
	const [newest] = await pageSnapshots(queries, tenant, plugin, 1, undefined);
	if (newest !== undefined && sameSnapshot(newest, content)) return;
	await queries.insert(pluginSnapshots).values({ tenant, plugin, revision, by, restored: restored ?? null, ...copyOf(content) });
}

/** The same in every part, on or off included. */
export function sameSnapshot(a: SnapshotContent, b: SnapshotContent): boolean {
	return canonicalJson(comparable(a)) === canonicalJson(comparable(b));
}

/** A secret that was sealed anew is the same value. */
function comparable(content: SnapshotContent) {
	const secrets = Object.entries(content.secrets).map(([field, sealed]) => [field, valueIdOf(sealed)]);
	return { ...copyOf(content), secrets: Object.fromEntries(secrets) };
}

function copyOf({ version, enabled, config, secrets, grants, network, limits }: SnapshotContent) {
	return { version, enabled, config, secrets: { ...secrets }, grants: [...grants].sort(), network: [...network], limits };
}

/** Newest first; at most `limit`, only revisions below `before`. */
export async function pageSnapshots(
	queries: Queries,
	tenant: string,
	plugin: string,
	limit: number,
	before: number | undefined,
): Promise<SnapshotRow[]> {
	return await queries
		.select()
		.from(pluginSnapshots)
		.where(and(ofPlugin(tenant, plugin), before === undefined ? undefined : lt(pluginSnapshots.revision, before)))
		.orderBy(desc(pluginSnapshots.revision))
		.limit(limit);
}

/** The newest snapshot in which the plugin was enabled, of this version when one is named, below a revision when one is. */
export async function findRunning(
	queries: Queries,
	tenant: string,
	plugin: string,
	wanted: { readonly version?: string; readonly before?: number },
): Promise<SnapshotRow | undefined> {
	const [row] = await queries
		.select()
		.from(pluginSnapshots)
		.where(
			and(
				ofPlugin(tenant, plugin),
				eq(pluginSnapshots.enabled, true),
				wanted.version === undefined ? undefined : eq(pluginSnapshots.version, wanted.version),
				wanted.before === undefined ? undefined : lt(pluginSnapshots.revision, wanted.before),
			),
		)
		.orderBy(desc(pluginSnapshots.revision))
		.limit(1);
	return row;
}

export type GrantedThen = Pick<SnapshotRow, "version" | "grants" | "network">;

/** What was granted from a snapshot on, oldest first. */
export async function grantsSince(queries: Queries, tenant: string, plugin: string, revision: number): Promise<GrantedThen[]> {
	return await queries
		.select({ version: pluginSnapshots.version, grants: pluginSnapshots.grants, network: pluginSnapshots.network })
		.from(pluginSnapshots)
		.where(and(ofPlugin(tenant, plugin), gte(pluginSnapshots.revision, revision)))
		.orderBy(pluginSnapshots.revision);
}
