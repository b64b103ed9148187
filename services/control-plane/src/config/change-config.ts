// Sets a plugin's global configuration: checked whole before anything changes, secrets sealed before they reach the database.
import type { FaultLocation } from "@hookbus/foundation";
import type { Manifest, PluginConfig, SealedSecret } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { bindingsOfPlugin } from "../bindings/repository.js";
import { canonicalJson } from "../canonical-json.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import type { TenantSecrets } from "../keys/tenant-secrets.js";
import { updatePlugin } from "../plugins/repository.js";
import { requireCurrentVersion, requirePlugin } from "../plugins/require-plugin.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { openSecrets } from "./check-config.js";
import type { CheckedConfigs } from "./checked-configs.js";
import { effectiveConfig, secretFields } from "./config-schema.js";
import { type Config, isObject } from "./merge-config.js";
import { findConfig, type StoredConfig, saveConfig } from "./repository.js";

export interface ConfigParts {
	readonly database: Database;
	readonly secrets: TenantSecrets;
	readonly checks: CheckedConfigs;
}

/** What a secret property of the body asks for. */
type SecretWish = { readonly keep: true } | { readonly remove: true } | { readonly set: string };

/**
 * @throws CodedError `plugin_not_found`, `config_invalid`, `secret_unreadable`
 */
export function changeConfig(
	{ database, secrets: tenantSecrets, checks }: ConfigParts,
	actor: Actor,
	plugin: string,
	body: Config,
): Promise<Committed<PluginConfig>> {
	const { tenant } = actor;
	return commitChange(database, actor, async (queries, revision) => {
		const manifest = await currentManifest(queries, tenant, plugin);
		const before = await findConfig(queries, tenant, plugin);
		const box = await tenantSecrets.boxOf(queries, tenant);
		const { config, wishes } = split(manifest, body);
		const kept = Object.fromEntries(Object.entries(before.secrets).filter(([field]) => keeps(wishes.get(field))));
		const set = [...wishes].flatMap(([field, wish]): [string, string][] => ("set" in wish ? [[field, wish.set]] : []));
		const opened = await openSecrets(box, tenant, plugin, keptOf(manifest, kept));
		const bindings = await bindingsOfPlugin(queries, tenant, plugin);
		refuseFaults(plugin, checks.faultsOf({ manifest, config, secrets: { ...opened, ...Object.fromEntries(set) }, bindings }));
		const sealed: [string, SealedSecret][] = [];
		for (const [field, value] of set) sealed.push([field, await box.seal(value, { tenant, plugin, field })]);
		const secrets = { ...kept, ...Object.fromEntries(sealed) };
		const removed = Object.keys(before.secrets).filter(
			(field) => !Object.hasOwn(kept, field) && !set.some(([name]) => name === field),
		);
		const same =
			before.updatedAt !== null &&
			set.length === 0 &&
			removed.length === 0 &&
			canonicalJson(config) === canonicalJson(before.config);
		if (same) return { result: showConfig(manifest, before), audit: undefined };
		await saveConfig(queries, tenant, plugin, { config, secrets });
		await updatePlugin(queries, tenant, plugin, { changedRevision: revision });
		return {
			result: showConfig(manifest, await findConfig(queries, tenant, plugin)),
			audit: {
				action: "plugin.config",
				target: plugin,
				detail: { before: before.config, after: config, secretsSet: set.map(([field]) => field), secretsRemoved: removed },
			},
		};
	});
}

/** @throws CodedError `plugin_not_found` */
export function readConfig(database: Database, tenant: string, plugin: string): Promise<PluginConfig> {
	return database
		.of(tenant)
		.query(async (queries) =>
			showConfig(await currentManifest(queries, tenant, plugin), await findConfig(queries, tenant, plugin)),
		);
}

async function currentManifest(queries: Queries, tenant: string, plugin: string): Promise<Manifest> {
	return (await requireCurrentVersion(queries, tenant, await requirePlugin(queries, tenant, plugin))).manifest;
}

function split(manifest: Manifest, body: Config): { config: Config; wishes: Map<string, SecretWish> } {
	const fields = secretFields(manifest);
	const wishes = new Map<string, SecretWish>();
	for (const field of fields) {
		if (Object.hasOwn(body, field)) wishes.set(field, wishOf(field, body[field]));
	}
	return { config: Object.fromEntries(Object.entries(body).filter(([field]) => !fields.has(field))), wishes };
}

function wishOf(field: string, value: unknown): SecretWish {
	if (typeof value === "string") return { set: value };
	if (value === null) return { remove: true };
	// What GET answers may be sent back as it is.
	if (isObject(value) && typeof value["set"] === "boolean" && Object.keys(value).length === 1) return { keep: true };
	throw errors.config_invalid(`/${field}: a secret is set with text, removed with null and kept with {"set": true}`, {
		errors: [{ path: `/${field}`, message: "must be text, null or {set: true}" }],
	});
}

function keeps(wish: SecretWish | undefined): boolean {
	return wish === undefined || "keep" in wish;
}

/** Secrets of an older version that this one does not have are kept and not checked. */
function keptOf(manifest: Manifest, secrets: Record<string, SealedSecret>): Record<string, SealedSecret> {
	const fields = secretFields(manifest);
	return Object.fromEntries(Object.entries(secrets).filter(([field]) => fields.has(field)));
}

function refuseFaults(plugin: string, faults: readonly FaultLocation[]): void {
	const [first] = faults;
	if (first === undefined) return;
	throw errors.config_invalid(
		`${first.path || "the configuration"}: ${first.message}; GET /api/v1/plugins/${plugin}/config shows the schema`,
		{
			errors: faults,
		},
	);
}

function showConfig(manifest: Manifest, stored: StoredConfig): PluginConfig {
	const set = [...secretFields(manifest)].map((field): [string, Config] => [
		field,
		{ set: Object.hasOwn(stored.secrets, field) },
	]);
	return {
		config: { ...stored.config, ...Object.fromEntries(set) },
		effective: effectiveConfig(manifest, stored.config),
		...(manifest.config === undefined ? {} : { schema: manifest.config }),
		...(stored.updatedAt === null ? {} : { updatedAt: stored.updatedAt.toISOString() }),
	};
}
