// Queries on plugins, their versions and grants. Only `loadModule` ever reads a module's bytes.
import type { Manifest, Permission } from "@hookbus/schemas";
import { and, desc, eq, notInArray, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { pluginGrants, plugins, pluginVersions } from "../database/tables/index.js";

export interface PluginRow {
	readonly name: string;
	readonly version: string;
	readonly enabled: boolean;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

export interface VersionRow {
	readonly version: string;
	readonly digest: string;
	readonly size: number;
	readonly manifest: Manifest;
	readonly readme: string | null;
	readonly createdAt: Date;
	readonly createdBy: string;
}

const versionColumns = {
	version: pluginVersions.version,
	digest: pluginVersions.digest,
	size: pluginVersions.size,
	manifest: pluginVersions.manifest,
	readme: pluginVersions.readme,
	createdAt: pluginVersions.createdAt,
	createdBy: pluginVersions.createdBy,
};

function isPlugin(tenant: string, name: string) {
	return and(eq(plugins.tenant, tenant), eq(plugins.name, name));
}

export async function findPlugin(queries: Queries, tenant: string, name: string): Promise<PluginRow | undefined> {
	const [row] = await queries.select().from(plugins).where(isPlugin(tenant, name));
	return row;
}

export async function listPlugins(queries: Queries, tenant: string): Promise<PluginRow[]> {
	return await queries.select().from(plugins).where(eq(plugins.tenant, tenant)).orderBy(plugins.name);
}

/** Newest first. */
export async function listVersions(queries: Queries, tenant: string, plugin: string): Promise<VersionRow[]> {
	return await queries
		.select(versionColumns)
		.from(pluginVersions)
		.where(and(eq(pluginVersions.tenant, tenant), eq(pluginVersions.plugin, plugin)))
		.orderBy(desc(pluginVersions.createdAt), desc(pluginVersions.version));
}

/** The current version of every plugin, by the plugin's name. */
export async function currentVersions(queries: Queries, tenant: string): Promise<Map<string, VersionRow>> {
	const rows = await queries
		.select({ name: plugins.name, ...versionColumns })
		.from(plugins)
		.innerJoin(
			pluginVersions,
			and(
				eq(pluginVersions.tenant, plugins.tenant),
				eq(pluginVersions.plugin, plugins.name),
				eq(pluginVersions.version, plugins.version),
			),
		)
		.where(eq(plugins.tenant, tenant));
	return new Map(rows.map(({ name, ...version }) => [name, version]));
}

export async function findVersion(
	queries: Queries,
	tenant: string,
	plugin: string,
	version: string,
): Promise<VersionRow | undefined> {
	const [row] = await queries
		.select(versionColumns)
		.from(pluginVersions)
		.where(and(eq(pluginVersions.tenant, tenant), eq(pluginVersions.plugin, plugin), eq(pluginVersions.version, version)));
	return row;
}

export interface NewVersion {
	readonly manifest: Manifest;
	readonly digest: string;
	readonly module: Uint8Array;
	readonly readme: string | undefined;
	readonly createdBy: string;
}

export async function insertVersion(queries: Queries, tenant: string, added: NewVersion): Promise<void> {
	await queries.insert(pluginVersions).values({
		tenant,
		plugin: added.manifest.name,
		version: added.manifest.version,
		digest: added.digest,
		size: added.module.length,
		manifest: added.manifest,
		readme: added.readme ?? null,
		module: added.module,
		createdBy: added.createdBy,
	});
}

export async function insertPlugin(queries: Queries, tenant: string, name: string, version: string): Promise<void> {
	await queries.insert(plugins).values({ tenant, name, version });
}

export interface PluginPatch {
	readonly version?: string;
	readonly enabled?: boolean;
}

export async function updatePlugin(queries: Queries, tenant: string, name: string, patch: PluginPatch): Promise<void> {
	await queries
		.update(plugins)
		.set({ ...patch, updatedAt: sql`now()` })
		.where(isPlugin(tenant, name));
}

/** With its versions, grants, configuration and bindings. */
export async function deletePlugin(queries: Queries, tenant: string, name: string): Promise<void> {
	await queries.delete(plugins).where(isPlugin(tenant, name));
}

/** Granted permissions by the plugin's name. */
export async function grantsByPlugin(queries: Queries, tenant: string): Promise<Map<string, Permission[]>> {
	const rows = await queries.select().from(pluginGrants).where(eq(pluginGrants.tenant, tenant)).orderBy(pluginGrants.permission);
	const grants = new Map<string, Permission[]>();
	for (const { plugin, permission } of rows) grants.set(plugin, [...(grants.get(plugin) ?? []), permission]);
	return grants;
}

export async function listGrants(queries: Queries, tenant: string, plugin: string): Promise<Permission[]> {
	const rows = await queries
		.select({ permission: pluginGrants.permission })
		.from(pluginGrants)
		.where(and(eq(pluginGrants.tenant, tenant), eq(pluginGrants.plugin, plugin)))
		.orderBy(pluginGrants.permission);
	return rows.map(({ permission }) => permission);
}

/** Grants exactly these from now on; a grant that stays keeps who gave it and when. */
export async function setGrants(
	queries: Queries,
	tenant: string,
	plugin: string,
	permissions: readonly Permission[],
	grantedBy: string,
): Promise<void> {
	const ofPlugin = and(eq(pluginGrants.tenant, tenant), eq(pluginGrants.plugin, plugin));
	await queries
		.delete(pluginGrants)
		.where(permissions.length === 0 ? ofPlugin : and(ofPlugin, notInArray(pluginGrants.permission, [...permissions])));
	if (permissions.length === 0) return;
	await queries
		.insert(pluginGrants)
		.values(permissions.map((permission) => ({ tenant, plugin, permission, grantedBy })))
		.onConflictDoNothing();
}

/** The bytes of a module, whichever version has them. */
export async function loadModule(queries: Queries, digest: string): Promise<Uint8Array | undefined> {
	const [row] = await queries
		.select({ module: pluginVersions.module })
		.from(pluginVersions)
		.where(eq(pluginVersions.digest, digest))
		.limit(1);
	return row?.module;
}
