// Sets and removes what users have of a plugin's configuration as their own. It is checked over everybody's configuration and over
// every binding's before anything changes, with the current version and with the one that a rollout tries. The audit log gets the
// names of properties and no values: it is never erased, and what is known of a user must be erasable.
import type { FaultLocation } from "@hookbus/foundation";
import type { Manifest, PluginConfig, SealedSecret } from "@hookbus/schemas";
import { ALL_ASSISTANTS } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { bindingsOfPlugin } from "../bindings/repository.js";
import type { ConfigParts } from "../config/change-config.js";
import { openReadable, openSecrets, type ReadableSecrets } from "../config/check-config.js";
import { knownSecrets, secretFields } from "../config/config-schema.js";
import type { Config } from "../config/merge-config.js";
import { describeConfig } from "../config/read-config.js";
import { findConfig } from "../config/repository.js";
import { refuseFaults, wishedConfig } from "../config/wished-config.js";
import type { Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { requireCurrentVersion, requirePlugin } from "../plugins/require-plugin.js";
import { findCandidate } from "../rollouts/repository.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { countUserConfigs, deleteConfigsOfUser, deleteUserConfig, findUserConfig, saveUserConfig } from "./repository.js";

/** Most configurations that users of a tenant have as their own, over all plugins: a runtime tries out each of them. */
export const MAX_USER_CONFIGS = 2_000;
/** Largest of them in bytes of JSON, secrets not counted: all travel with the route table. */
export const MAX_USER_CONFIG_BYTES = 16_384;

/** @throws CodedError `plugin_not_found`, `binding_mandatory`, `config_invalid`, `secret_unreadable`, `user_configs_full` */
export function changeUserConfig(
	{ database, secrets, checks }: ConfigParts,
	actor: Actor,
	plugin: string,
	user: string,
	body: Config,
): Promise<Committed<PluginConfig>> {
	const { tenant } = actor;
	const place = { tenant, plugin, user };
	return commitChange(database, actor, async (queries) => {
		const { manifest } = await requireCurrentVersion(queries, tenant, await requirePlugin(queries, tenant, plugin));
		const bindings = await bindingsOfPlugin(queries, tenant, plugin);
		if (bindings.some(({ assistant, mandatory }) => assistant === null && mandatory)) {
			throw errors.binding_mandatory(
				`the tenant's binding of ${plugin} is mandatory, so what a user has as their own would not count; change the tenant's at /api/v1/assistants/${ALL_ASSISTANTS}/plugins/${plugin}`,
			);
		}
		const box = await secrets.boxOf(queries, tenant);
		const before = await findUserConfig(queries, place);
		const { config, kept, used, set, removed, same } = wishedConfig(manifest, before, body);
		refuseTooLarge(user, config);
		const global = await findConfig(queries, tenant, plugin);
		// What is wrong for everybody, or cannot be opened, is not this user's to put right.
		const faultsWith = async (version: Manifest, own: ReadableSecrets) => {
			const ofAll = await openReadable(box, tenant, plugin, knownSecrets(version, global.secrets));
			const fields = secretFields(version);
			const given = Object.fromEntries(set.filter(([field]) => fields.has(field)));
			const mine = { user, config, secrets: { ...own.secrets, ...given }, unknown: [...own.unknown, ...ofAll.unknown] };
			const everybodys = { manifest: version, config: global.config, secrets: ofAll.secrets, bindings };
			return checks.faultsOf({ ...everybodys, users: [mine], usersOnly: true });
		};
		refuseFaults(
			plugin,
			await faultsWith(manifest, { secrets: await openSecrets(box, tenant, plugin, used, user), unknown: [] }),
		);
		const candidate = (await findCandidate(queries, tenant, plugin))?.manifest;
		if (candidate !== undefined) {
			const own = await openReadable(box, tenant, plugin, knownSecrets(candidate, kept), user);
			refuseForCandidate(candidate, await faultsWith(candidate, own));
		}
		if (same) return { result: await describeConfig(queries, tenant, plugin, { user }), audit: undefined };
		if (before.updatedAt === null) await requireRoom(queries, tenant);
		const sealed: [string, SealedSecret][] = [];
		for (const [field, value] of set) sealed.push([field, await box.seal(value, { tenant, plugin, field, user })]);
		await saveUserConfig(queries, place, { config, secrets: { ...kept, ...Object.fromEntries(sealed) } }, actor.name);
		const secretsSet = set.map(([field]) => field);
		const detail = { user, fields: Object.keys(config).sort(), secretsSet, secretsRemoved: removed };
		return {
			result: await describeConfig(queries, tenant, plugin, { user }),
			audit: { action: "plugin.user_config", target: plugin, detail },
		};
	});
}

/**
 * What is not there changes nothing.
 *
 * @throws CodedError `plugin_not_found`, `request_invalid`
 */
export function removeUserConfig(
	{ database }: Pick<ConfigParts, "database">,
	actor: Actor,
	plugin: string,
	user: string | undefined,
): Promise<Committed<PluginConfig>> {
	const { tenant } = actor;
	return commitChange(database, actor, async (queries) => {
		await requirePlugin(queries, tenant, plugin);
		if (user === undefined) {
			throw errors.request_invalid(
				`say whose own configuration of ${plugin} is removed, with ?user=; that of everybody is set with PUT`,
				{ errors: [{ path: "/querystring/user", message: "is missing" }] },
			);
		}
		const removed = await deleteUserConfig(queries, { tenant, plugin, user });
		const audit = { action: "plugin.user_config.delete", target: plugin, detail: { user } };
		return { result: await describeConfig(queries, tenant, plugin, { user }), audit: removed ? audit : undefined };
	});
}

/** Removes what a user has as their own, of all plugins; returns the names of those. */
export function removeConfigsOfUser(
	{ database }: Pick<ConfigParts, "database">,
	actor: Actor,
	user: string,
): Promise<Committed<readonly string[]>> {
	return commitChange(database, actor, async (queries) => {
		const plugins = await deleteConfigsOfUser(queries, actor.tenant, user);
		const audit = { action: "user.configs.delete", target: user, detail: { plugins } };
		return { result: plugins, audit: plugins.length === 0 ? undefined : audit };
	});
}

async function requireRoom(queries: Queries, tenant: string): Promise<void> {
	if ((await countUserConfigs(queries, tenant)) < MAX_USER_CONFIGS) return;
	throw errors.user_configs_full(
		`users of tenant ${tenant} have ${MAX_USER_CONFIGS} configurations of their own, which is the most; remove some with DELETE /api/v1/plugins/{name}/config?user=, or give an assistant one for all of its users`,
	);
}

/** A rollout began with configurations that fit both of its versions, and may be promoted at any moment. */
function refuseForCandidate({ name, version }: Manifest, faults: readonly FaultLocation[]): void {
	const [first] = faults;
	if (first === undefined) return;
	throw errors.config_invalid(
		`${first.path || "the configuration"}: ${first.message}, in version ${version}, to which a rollout of ${name} runs; ` +
			`what fits both versions can be set, or stop the rollout first, see GET /api/v1/plugins/${name}/rollouts`,
		{ errors: faults },
	);
}

function refuseTooLarge(user: string, config: Config): void {
	const bytes = Buffer.byteLength(JSON.stringify(config));
	if (bytes <= MAX_USER_CONFIG_BYTES) return;
	throw errors.config_invalid(
		`the own configuration of user ${user} has ${bytes} bytes; at most ${MAX_USER_CONFIG_BYTES} travel with the route table for a user`,
	);
}
