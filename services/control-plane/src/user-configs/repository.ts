// Queries on the configurations that users have as their own.
import { and, asc, count, eq, gt, inArray, sql } from "drizzle-orm";
import type { StoredConfig } from "../config/repository.js";
import type { Queries } from "../database/database.js";
import { userConfigs } from "../database/tables/user-configs.js";
import type { RoutingUser } from "../routing/routing-input.js";

export interface UserConfigRow extends RoutingUser {
	readonly by: string;
	readonly updatedAt: Date;
}

/** Whose configuration of what. */
export interface UserConfigPlace {
	readonly tenant: string;
	readonly plugin: string;
	readonly user: string;
}

function ofPlugin(tenant: string, plugin: string) {
	return and(eq(userConfigs.tenant, tenant), eq(userConfigs.plugin, plugin));
}

function isPlace({ tenant, plugin, user }: UserConfigPlace) {
	return and(ofPlugin(tenant, plugin), eq(userConfigs.user, user));
}

/** The order of code points, whatever the database's locale is. */
const byUser = sql`${userConfigs.user} COLLATE "C"`;

export async function findUserConfig(queries: Queries, place: UserConfigPlace): Promise<StoredConfig> {
	const [row] = await queries.select().from(userConfigs).where(isPlace(place));
	return row ?? { config: {}, secrets: {}, updatedAt: null };
}

/** By user. */
export async function userConfigsOf(queries: Queries, tenant: string, plugin: string): Promise<UserConfigRow[]> {
	return await queries.select().from(userConfigs).where(ofPlugin(tenant, plugin)).orderBy(byUser);
}

/**
 * By user.
 *
 * @param after only users behind this one
 */
export async function pageUserConfigs(
	queries: Queries,
	tenant: string,
	plugin: string,
	limit: number,
	after: string | undefined,
): Promise<UserConfigRow[]> {
	return await queries
		.select()
		.from(userConfigs)
		.where(and(ofPlugin(tenant, plugin), after === undefined ? undefined : gt(byUser, after)))
		.orderBy(asc(byUser))
		.limit(limit);
}

/** Of all plugins of a tenant. */
export async function countUserConfigs(queries: Queries, tenant: string): Promise<number> {
	const [row] = await queries.select({ count: count() }).from(userConfigs).where(eq(userConfigs.tenant, tenant));
	return row?.count ?? 0;
}

/**
 * Those of a tenant by plugin, each list by user.
 *
 * @param names of the plugins that are asked for; absent: all
 */
export async function userConfigsByPlugin(
	queries: Queries,
	tenant: string,
	names?: readonly string[],
): Promise<Map<string, RoutingUser[]>> {
	const { plugin, user, config, secrets } = userConfigs;
	const rows = await queries
		.select({ plugin, user, config, secrets })
		.from(userConfigs)
		.where(ofPlugins(tenant, names))
		.orderBy(byUser);
	return listedByPlugin(rows);
}

/** Who has one, and not what is in it: the configurations and secrets are left empty, and never read. Otherwise the same. */
export async function configUsersByPlugin(
	queries: Queries,
	tenant: string,
	names?: readonly string[],
): Promise<Map<string, RoutingUser[]>> {
	const { plugin, user } = userConfigs;
	const rows = await queries.select({ plugin, user }).from(userConfigs).where(ofPlugins(tenant, names)).orderBy(byUser);
	return listedByPlugin(rows.map((row) => ({ ...row, config: {}, secrets: {} })));
}

function ofPlugins(tenant: string, names: readonly string[] | undefined) {
	return and(eq(userConfigs.tenant, tenant), names && inArray(userConfigs.plugin, [...names]));
}

function listedByPlugin(rows: readonly (RoutingUser & { readonly plugin: string })[]): Map<string, RoutingUser[]> {
	const found = new Map<string, RoutingUser[]>();
	for (const { plugin, ...own } of rows) {
		const list = found.get(plugin);
		if (list === undefined) found.set(plugin, [own]);
		else list.push(own);
	}
	return found;
}

export async function saveUserConfig(
	queries: Queries,
	place: UserConfigPlace,
	stored: Pick<StoredConfig, "config" | "secrets">,
	by: string,
): Promise<void> {
	await queries
		.insert(userConfigs)
		.values({ ...place, ...stored, by })
		.onConflictDoUpdate({
			target: [userConfigs.tenant, userConfigs.plugin, userConfigs.user],
			set: { ...stored, by, updatedAt: sql`now()` },
		});
}

/** True when there was one. */
export async function deleteUserConfig(queries: Queries, place: UserConfigPlace): Promise<boolean> {
	return (await queries.delete(userConfigs).where(isPlace(place)).returning({ user: userConfigs.user })).length > 0;
}

/** Names of the plugins for which the user had one, sorted. */
export async function deleteConfigsOfUser(queries: Queries, tenant: string, user: string): Promise<string[]> {
	const deleted = await queries
		.delete(userConfigs)
		.where(and(eq(userConfigs.tenant, tenant), eq(userConfigs.user, user)))
		.returning({ plugin: userConfigs.plugin });
	return deleted.map(({ plugin }) => plugin).sort();
}
