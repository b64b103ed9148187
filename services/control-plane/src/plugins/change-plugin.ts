// Changes of an installed plugin that bring no new bytes: on and off, permissions, removal.
import type { GrantsBody, Manifest } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { canonicalJson } from "../canonical-json.js";
import { stopWithPlugin } from "../rollouts/change-rollout.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { requestPurge } from "../stores/repository.js";
import { requireSigner } from "../trust/require-signer.js";
import { requireDependencies, requireNoDependents } from "./dependencies.js";
import type { InstallParts } from "./install-plugin.js";
import { deletePlugin, findGranted, listVersions, setGrants, updatePlugin } from "./repository.js";
import { requireActivatable } from "./require-activatable.js";
import { requireCurrentVersion, requirePlugin } from "./require-plugin.js";
import { grantsWished } from "./wish-grants.js";

/**
 * Enables or disables; `toggle` does whichever it is not. Asking for the state that it has changes nothing.
 *
 * @throws CodedError `plugin_not_found`, `grants_missing`, `limits_invalid`, `config_invalid`, `dependencies_missing`,
 * `dependents_exist`, `version_recalled`, and what `requireSigner` throws
 */
export function switchPlugin(
	parts: InstallParts,
	actor: Actor,
	name: string,
	to: "enabled" | "disabled" | "toggle",
): Promise<Committed<undefined>> {
	return commitChange(parts.database, actor, async (queries, revision) => {
		const plugin = await requirePlugin(queries, actor.tenant, name);
		const enabled = to === "toggle" ? !plugin.enabled : to === "enabled";
		if (enabled === plugin.enabled) return { result: undefined, audit: undefined };
		const version = await requireCurrentVersion(queries, actor.tenant, plugin);
		if (enabled) {
			// Whoever was trusted when it came may not be trusted any more.
			await requireSigner(queries, actor.tenant, { plugin: name, ...version }, null);
			await requireDependencies(queries, actor.tenant, version.manifest, enabled);
			await requireActivatable(queries, parts, actor.tenant, version, plugin.limits);
		} else {
			await requireNoDependents(queries, actor.tenant, name, `plugin ${name} cannot be disabled`);
			await stopWithPlugin(queries, actor, name);
		}
		await updatePlugin(queries, actor.tenant, name, { enabled, changedRevision: revision });
		const action = enabled ? "plugin.enable" : "plugin.disable";
		return { result: undefined, audit: { action, target: name, detail: { version: plugin.version } } };
	});
}

/**
 * Grants exactly this from now on. An enabled plugin keeps all that it asks for: running without a permission
 * that it needs, or silently not running, would both be surprises, so it has to be disabled first.
 *
 * @throws CodedError `plugin_not_found`, `request_invalid`, `grant_not_asked`, `grants_missing`
 */
export function grantPermissions(
	parts: InstallParts,
	actor: Actor,
	name: string,
	wished: GrantsBody,
): Promise<Committed<undefined>> {
	return commitChange(parts.database, actor, async (queries, revision) => {
		const plugin = await requirePlugin(queries, actor.tenant, name);
		const version = await requireCurrentVersion(queries, actor.tenant, plugin);
		const after = grantsWished(version.manifest, wished);
		const before = await findGranted(queries, actor.tenant, name);
		if (canonicalJson(before) === canonicalJson(after)) return { result: undefined, audit: undefined };
		await setGrants(queries, actor.tenant, name, after, actor.name);
		await updatePlugin(queries, actor.tenant, name, { changedRevision: revision });
		if (plugin.enabled) await requireActivatable(queries, parts, actor.tenant, version, plugin.limits);
		return { result: undefined, audit: { action: "plugin.grants", target: name, detail: { before, after } } };
	});
}

/**
 * Removes a plugin with versions, grants, configuration and bindings, and has what it kept on the bus removed. Audit rows and
 * executions stay.
 *
 * @throws CodedError `plugin_not_found`, `dependents_exist`
 */
export function removePlugin(
	{ database }: Pick<InstallParts, "database">,
	actor: Actor,
	name: string,
): Promise<Committed<undefined>> {
	const { tenant } = actor;
	return commitChange(database, actor, async (queries, revision) => {
		const { version, enabled } = await requirePlugin(queries, tenant, name);
		await requireNoDependents(queries, tenant, name, `plugin ${name} cannot be removed`);
		const couldKeep = (await listVersions(queries, tenant, name)).some(({ manifest }) => asksForStore(manifest));
		await deletePlugin(queries, tenant, name);
		if (couldKeep) await requestPurge(queries, { tenant, plugin: name, revision });
		return { result: undefined, audit: { action: "plugin.delete", target: name, detail: { version, enabled } } };
	});
}

/** A plugin none of whose versions asked for it was never granted a store, and has kept nothing. */
function asksForStore({ permissions }: Manifest): boolean {
	return permissions?.some((permission) => permission === "state" || permission === "write_files") ?? false;
}
