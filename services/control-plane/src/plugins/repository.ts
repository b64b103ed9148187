// Queries on plugins, their versions and grants. Only `loadModule` ever reads a module's bytes.
import type {
	DisabledReason,
	Manifest,
	NetworkRule,
	PackageSignature,
	Permission,
	PluginLimits,
	VersionOrigin,
} from "@hookbus/schemas";
import { and, desc, eq, inArray, notInArray, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { pluginGrants, plugins, pluginVersions } from "../database/tables/index.js";
import { type Granted, NOTHING_GRANTED, rulesAmong } from "../routing/granted.js";

export interface PluginRow {
	readonly name: string;
	readonly version: string;
	readonly enabled: boolean;
	/** What an admin set; null: nothing. */
	readonly limits: PluginLimits | null;
	/** Revision since which it runs as it is; null: since before that was written down. */
	readonly changedRevision: number | null;
	readonly disabledReason: DisabledReason | null;
	/** Id of the key whose packages are this plugin; null: none was signed yet. */
	readonly publisher: string | null;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

export interface VersionRow {
	readonly version: string;
	readonly digest: string;
	readonly size: number;
	readonly manifest: Manifest;
	readonly readme: string | null;
	/** null: the package had none. */
	readonly signature: PackageSignature | null;
	/** null: somebody sent it. */
	readonly origin: VersionOrigin | null;
	readonly createdAt: Date;
	readonly createdBy: string;
}

const versionColumns = {
	version: pluginVersions.version,
	digest: pluginVersions.digest,
	size: pluginVersions.size,
	manifest: pluginVersions.manifest,
	readme: pluginVersions.readme,
	signature: pluginVersions.signature,
	origin: pluginVersions.origin,
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
	readonly signature: PackageSignature | undefined;
	readonly origin: VersionOrigin | undefined;
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
		signature: added.signature ?? null,
		origin: added.origin ?? null,
		module: added.module,
		createdBy: added.createdBy,
	});
}

/** Another signature over what the version holds already. */
export async function setSignature(
	queries: Queries,
	tenant: string,
	plugin: string,
	version: string,
	signature: PackageSignature,
): Promise<void> {
	await queries
		.update(pluginVersions)
		.set({ signature })
		.where(and(eq(pluginVersions.tenant, tenant), eq(pluginVersions.plugin, plugin), eq(pluginVersions.version, version)));
}

export async function insertPlugin(queries: Queries, tenant: string, name: string, version: string): Promise<void> {
	await queries.insert(plugins).values({ tenant, name, version });
}

export interface PluginPatch {
	readonly version?: string;
	readonly enabled?: boolean;
	readonly limits?: PluginLimits | null;
	readonly changedRevision?: number;
	readonly disabledReason?: DisabledReason;
	readonly publisher?: string | null;
}

/** Enabling clears the reason why it was disabled. */
export async function updatePlugin(queries: Queries, tenant: string, name: string, patch: PluginPatch): Promise<void> {
	await queries
		.update(plugins)
		.set({ ...patch, ...(patch.enabled === true ? { disabledReason: null } : {}), updatedAt: sql`now()` })
		.where(isPlugin(tenant, name));
}

/** With its versions, grants, configuration and bindings. */
export async function deletePlugin(queries: Queries, tenant: string, name: string): Promise<void> {
	await queries.delete(plugins).where(isPlugin(tenant, name));
}

/**
 * What is granted, by the plugin's name.
 *
 * @param names of the plugins that are asked for; absent: all
 */
export async function grantedByPlugin(
	queries: Queries,
	tenant: string,
	names?: readonly string[],
): Promise<Map<string, Granted>> {
	const rows = await queries
		.select({ plugin: pluginGrants.plugin, permission: pluginGrants.permission, network: pluginGrants.network })
		.from(pluginGrants)
		.where(and(eq(pluginGrants.tenant, tenant), names && inArray(pluginGrants.plugin, [...names])))
		.orderBy(pluginGrants.permission);
	const granted = new Map<string, Granted>();
	for (const row of rows) granted.set(row.plugin, withGrant(granted.get(row.plugin) ?? NOTHING_GRANTED, row));
	return granted;
}

export async function findGranted(queries: Queries, tenant: string, plugin: string): Promise<Granted> {
	const rows = await queries
		.select({ permission: pluginGrants.permission, network: pluginGrants.network })
		.from(pluginGrants)
		.where(and(eq(pluginGrants.tenant, tenant), eq(pluginGrants.plugin, plugin)))
		.orderBy(pluginGrants.permission);
	return rows.reduce(withGrant, NOTHING_GRANTED);
}

function withGrant(before: Granted, row: { readonly permission: Permission; readonly network: NetworkRule[] | null }): Granted {
	return { grants: [...before.grants, row.permission], network: [...before.network, ...(row.network ?? [])] };
}

/** Grants exactly this from now on; a grant that stays, or covers less than before, keeps who gave it and when. */
export async function setGrants(
	queries: Queries,
	tenant: string,
	plugin: string,
	{ grants, network }: Granted,
	grantedBy: string,
): Promise<void> {
	const ofPlugin = and(eq(pluginGrants.tenant, tenant), eq(pluginGrants.plugin, plugin));
	const before = await findGranted(queries, tenant, plugin);
	await queries
		.delete(pluginGrants)
		.where(grants.length === 0 ? ofPlugin : and(ofPlugin, notInArray(pluginGrants.permission, [...grants])));
	if (grants.length === 0) return;
	const rows = grants.map((permission) => ({
		tenant,
		plugin,
		permission,
		network: permission === "network_access" ? [...network] : null,
		grantedBy,
	}));
	await queries.insert(pluginGrants).values(rows).onConflictDoNothing();
	if (!grants.includes("network_access")) return;
	const isMore = rulesAmong(network, before.network).length < network.length;
	await queries
		.update(pluginGrants)
		.set({ network: [...network], ...(isMore ? { grantedBy, grantedAt: sql`now()` } : {}) })
		.where(and(ofPlugin, eq(pluginGrants.permission, "network_access")));
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
