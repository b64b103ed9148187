// What must hold before a plugin may run: its version was not recalled, every permission that it asks for is granted, its module fits the limits that an admin
// set, and its configuration is valid in every scope. Asked in the transaction of each change that could break it, so an enabled plugin always fulfils it.
import type { Manifest, PluginLimits } from "@hookbus/schemas";
import { bindingsOfPlugin } from "../bindings/repository.js";
import { type CheckedConfig, openSecrets } from "../config/check-config.js";
import type { CheckedConfigs } from "../config/checked-configs.js";
import { knownSecrets } from "../config/config-schema.js";
import { findConfig } from "../config/repository.js";
import type { Queries } from "../database/database.js";
import { errors } from "../errors.js";
import type { TenantSecrets } from "../keys/tenant-secrets.js";
import { requireNotRecalled } from "../recalls/match-recall.js";
import { type Granted, missingGrants, missingRules } from "../routing/granted.js";
import { describeRule } from "../routing/network-rules.js";
import { openUsers } from "../user-configs/open-users.js";
import { requireFittingMemory } from "./change-limits.js";
import { findGranted, type VersionRow } from "./repository.js";

/** Most faults that an answer names: of thousands of users all can have the same. */
const MAX_NAMED_FAULTS = 500;

export interface ActivationParts {
	readonly secrets: TenantSecrets;
	readonly checks: CheckedConfigs;
}

/**
 * @param limits that an admin set; null: none
 * @throws CodedError `version_recalled`, `grants_missing`, `limits_invalid`, `config_invalid`, `secret_unreadable`; CheckNeeded
 */
export async function requireActivatable(
	queries: Queries,
	parts: ActivationParts,
	tenant: string,
	version: Pick<VersionRow, "manifest" | "digest">,
	limits: PluginLimits | null,
): Promise<void> {
	const { manifest, digest } = version;
	await requireNotRecalled(queries, tenant, { plugin: manifest.name, version: manifest.version, digest });
	requireGranted(manifest, await findGranted(queries, tenant, manifest.name));
	await requireFittingMemory(queries, version, limits);
	await requireValidConfig(queries, parts, tenant, manifest);
}

function requireGranted(manifest: Manifest, granted: Granted): void {
	const missing = missingGrants(manifest, granted);
	if (missing.length === 0) return;
	const { name, version, network } = manifest;
	const rules = missingRules(manifest, granted);
	const named = [...missing, ...rules.map(describeRule)].join(", ");
	throw errors.grants_missing(
		`plugin ${name} ${version} asks for ${named}, which nobody granted; grant with PUT /api/v1/plugins/${name}/grants, ` +
			"or send grants=all with the package; an enabled plugin has to be disabled before a permission is taken away",
		{
			errors: [
				...missing.map((permission) => ({ path: `/permissions/${permission}`, message: "is not granted" })),
				...(network ?? []).flatMap((rule, index) =>
					rules.includes(rule) ? [{ path: `/network/${index}`, message: `${describeRule(rule)} is not granted` }] : [],
				),
			],
		},
	);
}

/**
 * @param bindings as they will be; absent: as they are stored
 * @throws CodedError `config_invalid`, `secret_unreadable`; CheckNeeded
 */
export async function requireValidConfig(
	queries: Queries,
	{ secrets, checks }: ActivationParts,
	tenant: string,
	manifest: Manifest,
	bindings?: CheckedConfig["bindings"],
): Promise<void> {
	const plugin = manifest.name;
	const stored = await findConfig(queries, tenant, plugin);
	const box = await secrets.boxOf(queries, tenant);
	const used = knownSecrets(manifest, stored.secrets);
	const faults = checks.faultsOf({
		manifest,
		config: stored.config,
		secrets: await openSecrets(box, tenant, plugin, used),
		bindings: bindings ?? (await bindingsOfPlugin(queries, tenant, plugin)),
		users: await openUsers(queries, box, tenant, manifest),
	});
	const [first] = faults;
	if (first === undefined) return;
	throw errors.config_invalid(
		`the configuration of plugin ${plugin} does not fit version ${manifest.version}: ${first.path || "/"}: ${first.message}; ` +
			`correct it with PUT /api/v1/plugins/${plugin}/config, or the binding or the user's own (?user=) that is named`,
		{ errors: faults.slice(0, MAX_NAMED_FAULTS) },
	);
}
