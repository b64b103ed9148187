// Queries for the list of plugins: which plugins fulfil a filter, page by page, and what a page shows of them. Of a tenant with ten
// thousand plugins it reads the manifests of one page, and of the others no more than what is searched in.
import type { Manifest } from "@hookbus/schemas";
import { and, asc, eq, gt, inArray, type SQL, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { plugins, pluginVersions } from "../database/tables/index.js";

export interface PluginFilter {
	readonly status?: "enabled" | "disabled" | undefined;
	readonly type?: string | undefined;
	readonly tag?: string | undefined;
	/** Somewhere in name, description, category or tags; case does not matter. */
	readonly text?: string | undefined;
}

export interface PluginPage {
	/** Most plugins. */
	readonly limit: number;
	/** Only plugins behind this name. */
	readonly after?: string | undefined;
}

/** A plugin with its current version. */
export type ListedPlugin = Awaited<ReturnType<typeof loadListed>>[number];

const isCurrent = and(
	eq(pluginVersions.tenant, plugins.tenant),
	eq(pluginVersions.plugin, plugins.name),
	eq(pluginVersions.version, plugins.version),
);

/** By name, and whether there are more. */
export async function pagePlugins(
	queries: Queries,
	tenant: string,
	filter: PluginFilter,
	{ limit, after }: PluginPage,
): Promise<{ readonly page: ListedPlugin[]; readonly more: boolean }> {
	const names = await findNames(queries, tenant, filter, after, limit + 1);
	const page = names.length === 0 ? [] : await loadListed(queries, tenant, names.slice(0, limit));
	return { page, more: names.length > limit };
}

async function findNames(
	queries: Queries,
	tenant: string,
	{ status, type, tag, text }: PluginFilter,
	after: string | undefined,
	most: number,
): Promise<string[]> {
	const { manifest } = pluginVersions;
	const where = and(
		eq(plugins.tenant, tenant),
		after === undefined ? undefined : gt(plugins.name, after),
		status === undefined ? undefined : eq(plugins.enabled, status === "enabled"),
		type === undefined ? undefined : sql`coalesce(${manifest} ->> 'type', 'custom') = ${type}`,
		tag === undefined ? undefined : sql`${manifest} -> 'tags' ? ${tag}`,
	);
	if (text !== undefined) {
		const found = (await searchedIn(queries, and(where, mayHold(text)))).filter(holds(text));
		return found.slice(0, most).map(({ name }) => name);
	}
	const rows = queries.select({ name: plugins.name }).from(plugins);
	const joined = type === undefined && tag === undefined ? rows : rows.innerJoin(pluginVersions, isCurrent);
	return (await joined.where(where).orderBy(asc(plugins.name)).limit(most)).map(({ name }) => name);
}

interface Searched {
	readonly name: string;
	readonly description: string;
	readonly category: string | null;
	readonly tags: readonly string[] | null;
}

/**
 * What the database can rule out, for plain texts: their letters have the same two cases everywhere. Two letters of other alphabets
 * become plain ones in lower case (İ, and the sign of the kelvin), so what has them is looked at anyway.
 */
function mayHold(text: string): SQL | undefined {
	if (!/^[a-z0-9 .,_-]+$/i.test(text)) return undefined;
	const { manifest } = pluginVersions;
	const parts = sql`concat_ws(chr(10), ${plugins.name}, ${manifest} ->> 'description', ${manifest} ->> 'category', ${manifest} ->> 'tags')`;
	return sql`(strpos(lower(${parts}), ${text.toLowerCase()}) > 0 OR ${parts} ~ '[\u0130\u212A]')`;
}

/** Not left to the database as a whole: what is the same letter in another case depends on its locale there. */
function searchedIn(queries: Queries, where: SQL | undefined): Promise<Searched[]> {
	const { manifest } = pluginVersions;
	return queries
		.select({
			name: plugins.name,
			description: sql<string>`${manifest} ->> 'description'`,
			category: sql<string | null>`${manifest} ->> 'category'`,
			tags: sql<string[] | null>`${manifest} -> 'tags'`,
		})
		.from(plugins)
		.innerJoin(pluginVersions, isCurrent)
		.where(where)
		.orderBy(asc(plugins.name));
}

function holds(text: string): (plugin: Searched) => boolean {
	const wanted = text.toLowerCase();
	return ({ name, description, category, tags }) =>
		[name, description, category ?? "", ...(tags ?? [])].some((part) => part.toLowerCase().includes(wanted));
}

/** What the list shows of a manifest, and what the permissions are found out from. */
type ShownManifest = Pick<Manifest, "description" | "type" | "category" | "tags" | "hooks" | "permissions" | "network">;

function loadListed(queries: Queries, tenant: string, names: readonly string[]) {
	return queries
		.select({
			name: plugins.name,
			version: plugins.version,
			enabled: plugins.enabled,
			disabledReason: plugins.disabledReason,
			createdAt: plugins.createdAt,
			updatedAt: plugins.updatedAt,
			digest: pluginVersions.digest,
			manifest: sql<ShownManifest>`${pluginVersions.manifest} - ARRAY['tools', 'configSchema', 'functions', 'endpoints']`,
		})
		.from(plugins)
		.innerJoin(pluginVersions, isCurrent)
		.where(and(eq(plugins.tenant, tenant), inArray(plugins.name, [...names])))
		.orderBy(asc(plugins.name));
}
