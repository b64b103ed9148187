// A plugin's configuration as one scope sets it and as it counts there, each value with where it comes from. The same layers in the
// same order as the route table is compiled from.
import type { ConfigQuery, ConfigSource, PluginConfig } from "@hookbus/schemas";
import { ALL_ASSISTANTS } from "@hookbus/schemas";
import { findBinding } from "../bindings/repository.js";
import type { Database, Queries } from "../database/database.js";
import { requireCurrentVersion, requirePlugin } from "../plugins/require-plugin.js";
import type { RoutingBinding } from "../routing/routing-input.js";
import { findUserConfig } from "../user-configs/repository.js";
import { defaultConfig, secretFields } from "./config-schema.js";
import { type ConfigLayer, configSources } from "./config-sources.js";
import { type Config, mergeConfig } from "./merge-config.js";
import { findConfig, type StoredConfig } from "./repository.js";

/** @throws CodedError `plugin_not_found` */
export function readConfig(database: Database, tenant: string, plugin: string, scope: ConfigQuery): Promise<PluginConfig> {
	return database.of(tenant).query((queries) => describeConfig(queries, tenant, plugin, scope));
}

/** @throws CodedError `plugin_not_found` */
export async function describeConfig(
	queries: Queries,
	tenant: string,
	plugin: string,
	{ assistant, user }: ConfigQuery,
): Promise<PluginConfig> {
	const { manifest } = await requireCurrentVersion(queries, tenant, await requirePlugin(queries, tenant, plugin));
	const fields = secretFields(manifest);
	const global = await findConfig(queries, tenant, plugin);
	const ofTenant = await findBinding(queries, tenant, plugin, null);
	const isOne = assistant !== undefined && assistant !== ALL_ASSISTANTS;
	const ofAssistant = isOne ? await findBinding(queries, tenant, plugin, assistant) : undefined;
	const own = user === undefined ? undefined : await findUserConfig(queries, { tenant, plugin, user });
	const overruled = ofTenant?.mandatory === true;
	const layers: ConfigLayer[] = [
		{ from: "default", config: defaultConfig(manifest) },
		{ from: "tenant", config: global.config },
		...(assistant === undefined ? [] : bindingLayer(ofTenant, overruled ? undefined : ofAssistant)),
		...(own === undefined || overruled ? [] : [{ from: "user" as const, config: own.config }]),
	];
	const mine = overruled ? undefined : own;
	const secrets = [...fields].map((field): [string, PluginConfig["secrets"][string]] => {
		const from = sourceOfSecret(field, global, mine);
		return [field, from === undefined ? { set: false } : { set: true, from }];
	});
	const shown = own ?? (assistant === undefined ? global : bindingConfig(isOne ? ofAssistant : ofTenant));
	return {
		config: {
			...shown.config,
			...(shown.secrets === undefined
				? {}
				: Object.fromEntries([...fields].map((field) => [field, isSet(field, shown.secrets)]))),
		},
		effective: layers.reduce<Config>((below, { config }) => mergeConfig(below, config), {}),
		sources: configSources(layers),
		secrets: Object.fromEntries(secrets),
		...(overruled && (isOne || user !== undefined) ? { overruled } : {}),
		...(manifest.config === undefined ? {} : { schema: manifest.config }),
		...(shown.updatedAt === null ? {} : { updatedAt: shown.updatedAt.toISOString() }),
	};
}

/** An assistant's override replaces the tenant's; without one the tenant's counts. */
function bindingLayer(
	ofTenant: Pick<RoutingBinding, "config"> | undefined,
	ofAssistant: Pick<RoutingBinding, "config"> | undefined,
): ConfigLayer[] {
	if (ofAssistant !== undefined && ofAssistant.config !== null) return [{ from: "assistant", config: ofAssistant.config }];
	return ofTenant === undefined || ofTenant.config === null ? [] : [{ from: "tenant", config: ofTenant.config }];
}

/** Secrets have no place in a binding. */
function bindingConfig(binding: { readonly config: Config | null; readonly updatedAt: Date } | undefined) {
	return { config: binding?.config ?? {}, secrets: undefined, updatedAt: binding?.updatedAt ?? null };
}

function sourceOfSecret(field: string, global: StoredConfig, own: StoredConfig | undefined): ConfigSource | undefined {
	if (own !== undefined && Object.hasOwn(own.secrets, field)) return "user";
	return Object.hasOwn(global.secrets, field) ? "tenant" : undefined;
}

function isSet(field: string, secrets: StoredConfig["secrets"] | undefined): { set: boolean } {
	return { set: secrets !== undefined && Object.hasOwn(secrets, field) };
}
