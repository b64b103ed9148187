// Sets a plugin's global configuration: checked whole before anything changes, secrets sealed before they reach the database.
import type { PluginConfig, SealedSecret } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { bindingsOfPlugin } from "../bindings/repository.js";
import type { Database } from "../database/database.js";
import type { TenantSecrets } from "../keys/tenant-secrets.js";
import { updatePlugin } from "../plugins/repository.js";
import { requireCurrentVersion, requirePlugin } from "../plugins/require-plugin.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { openReadableUsers } from "../user-configs/open-users.js";
import { openSecrets } from "./check-config.js";
import type { CheckedConfigs } from "./checked-configs.js";
import type { Config } from "./merge-config.js";
import { describeConfig } from "./read-config.js";
import { findConfig, saveConfig } from "./repository.js";
import { refuseFaults, wishedConfig } from "./wished-config.js";

export interface ConfigParts {
	readonly database: Database;
	readonly secrets: TenantSecrets;
	readonly checks: CheckedConfigs;
}

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
		const { manifest } = await requireCurrentVersion(queries, tenant, await requirePlugin(queries, tenant, plugin));
		const before = await findConfig(queries, tenant, plugin);
		const box = await tenantSecrets.boxOf(queries, tenant);
		const { config, kept, used, set, removed, same } = wishedConfig(manifest, before, body);
		const opened = await openSecrets(box, tenant, plugin, used);
		const bindings = await bindingsOfPlugin(queries, tenant, plugin);
		// When a master key was lost everybody's secrets can be set again before those of users, and the other way round.
		const users = await openReadableUsers(queries, box, tenant, manifest);
		refuseFaults(
			plugin,
			checks.faultsOf({ manifest, config, secrets: { ...opened, ...Object.fromEntries(set) }, bindings, users }),
		);
		if (same) return { result: await describeConfig(queries, tenant, plugin, {}), audit: undefined };
		const sealed: [string, SealedSecret][] = [];
		for (const [field, value] of set) sealed.push([field, await box.seal(value, { tenant, plugin, field })]);
		const secrets = { ...kept, ...Object.fromEntries(sealed) };
		await saveConfig(queries, tenant, plugin, { config, secrets });
		await updatePlugin(queries, tenant, plugin, { changedRevision: revision });
		return {
			result: await describeConfig(queries, tenant, plugin, {}),
			audit: {
				action: "plugin.config",
				target: plugin,
				detail: { before: before.config, after: config, secretsSet: set.map(([field]) => field), secretsRemoved: removed },
			},
		};
	});
}
