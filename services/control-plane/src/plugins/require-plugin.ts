// The installed plugin that a call names, and its current version. Whoever changes a plugin begins here.
import type { Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { findPlugin, findVersion, type PluginRow, type VersionRow } from "./repository.js";

/** @throws CodedError `plugin_not_found` */
export async function requirePlugin(queries: Queries, tenant: string, name: string): Promise<PluginRow> {
	const plugin = await findPlugin(queries, tenant, name);
	if (plugin === undefined) throw errors.plugin_not_found(`plugin ${name} is not installed; GET /api/v1/plugins lists what is`);
	return plugin;
}

/** @throws Error when the database contradicts itself */
export async function requireCurrentVersion(queries: Queries, tenant: string, plugin: PluginRow): Promise<VersionRow> {
	const version = await findVersion(queries, tenant, plugin.name, plugin.version);
	if (version === undefined) throw new Error(`plugin ${plugin.name} has no row for its version ${plugin.version}`);
	return version;
}
