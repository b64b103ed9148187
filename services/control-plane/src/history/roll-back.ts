// Goes back to what a plugin ran with before: version, configuration with its secrets, grants and limits, from the snapshot of one
// revision. It is a change like any other: what no longer fulfils the requirements is refused, and nothing is half restored.
import type { RollbackBody } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { saveConfig } from "../config/repository.js";
import type { Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { requireDependencies } from "../plugins/dependencies.js";
import type { InstallParts } from "../plugins/install-plugin.js";
import { findVersion, type PluginRow, setGrants, updatePlugin } from "../plugins/repository.js";
import { requireActivatable } from "../plugins/require-activatable.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { requireSigner } from "../trust/require-signer.js";
import { addSnapshot, findRunning, grantsSince, pageSnapshots, type SnapshotRow, sameSnapshot } from "./repository.js";
import { grantsToRestore } from "./revoked-grants.js";

/**
 * Rolls back: to the named revision, to how the named version last ran, or, when nothing is named, to what ran before what runs
 * now. Each further call without a name goes one step further back. The plugin stays on or off as it is; one that the service
 * itself disabled since is enabled again.
 *
 * @throws CodedError `plugin_not_found`, `version_not_found`, `rollback_impossible`, `grants_missing`, `limits_invalid`,
 * `config_invalid`, `secret_unreadable`, `dependencies_missing`, `dependency_cycle`, `dependents_exist`, `version_recalled`, and
 * what `requireSigner` throws
 */
export function rollBack(parts: InstallParts, actor: Actor, name: string, wanted: RollbackBody): Promise<Committed<undefined>> {
	const { tenant } = actor;
	return commitChange(parts.database, actor, async (queries, revision) => {
		const plugin = await requirePlugin(queries, tenant, name);
		const [newest] = await pageSnapshots(queries, tenant, name, 1, undefined);
		const target = await chooseTarget(queries, tenant, plugin, newest, wanted);
		const version = await findVersion(queries, tenant, name, target.version);
		if (version === undefined) throw new Error(`plugin ${name} has no row for its version ${target.version}`);
		const granted = grantsToRestore(await grantsSince(queries, tenant, name, target.revision));
		const enabled = plugin.enabled || plugin.disabledReason !== null;
		const { config, secrets, limits } = target;
		const content = { version: target.version, enabled, config, secrets, ...granted, limits };
		if (newest !== undefined && plugin.enabled === enabled && sameSnapshot(newest, content)) {
			return { result: undefined, audit: undefined };
		}
		// A version that runs stays, whoever is trusted since; one that comes back is looked at like one that is enabled.
		const isRunning = plugin.enabled && plugin.version === target.version;
		if (!isRunning) await requireSigner(queries, tenant, { plugin: name, ...version }, null);
		await saveConfig(queries, tenant, name, { config, secrets });
		await setGrants(queries, tenant, name, granted, actor.name);
		await updatePlugin(queries, tenant, name, { version: target.version, enabled, limits, changedRevision: revision });
		await requireDependencies(queries, tenant, version.manifest, enabled);
		if (enabled) await requireActivatable(queries, parts, tenant, version, limits);
		// A chain of rollbacks is one: the next one goes on from what this one brought back.
		const restored = target.restored ?? target.revision;
		await addSnapshot(queries, { tenant, plugin: name, revision, by: actor.name, restored }, content);
		const detail = {
			from: plugin.version,
			to: target.version,
			restored: target.revision,
			granted: granted.grants,
			...(granted.network.length === 0 ? {} : { network: granted.network }),
			enabled,
		};
		return { result: undefined, audit: { action: "plugin.rollback", target: name, detail } };
	});
}

async function chooseTarget(
	queries: Queries,
	tenant: string,
	{ name }: PluginRow,
	newest: SnapshotRow | undefined,
	wanted: RollbackBody,
): Promise<SnapshotRow> {
	const history = `GET /api/v1/plugins/${name}/history`;
	if (wanted.revision !== undefined) {
		const [row] = await pageSnapshots(queries, tenant, name, 1, wanted.revision + 1);
		if (row !== undefined && row.revision === wanted.revision && (wanted.version ?? row.version) === row.version) return row;
		const of = wanted.version === undefined ? "" : ` of version ${wanted.version}`;
		throw errors.rollback_impossible(`plugin ${name} has no snapshot of revision ${wanted.revision}${of}; ${history} lists them`);
	}
	if (wanted.version !== undefined) {
		const row = await findRunning(queries, tenant, name, { version: wanted.version });
		if (row !== undefined) return row;
		if ((await findVersion(queries, tenant, name, wanted.version)) === undefined) {
			throw errors.version_not_found(
				`plugin ${name} has no version ${wanted.version}; GET /api/v1/plugins/${name}/versions lists what it has`,
			);
		}
		throw errors.rollback_impossible(
			`version ${wanted.version} of plugin ${name} never ran; make it current with PUT /api/v1/plugins/${name}, or name a revision of ${history}`,
		);
	}
	return await ranBefore(queries, tenant, name, newest);
}

/** The newest snapshot that ran before what is there now, and differs from it in more than on and off. */
async function ranBefore(queries: Queries, tenant: string, name: string, newest: SnapshotRow | undefined): Promise<SnapshotRow> {
	for (let before = newest?.restored ?? newest?.revision; before !== undefined; ) {
		const row = await findRunning(queries, tenant, name, { before });
		if (row === undefined || newest === undefined) break;
		if (!sameSnapshot({ ...row, enabled: newest.enabled }, newest)) return row;
		before = row.restored ?? row.revision;
	}
	throw errors.rollback_impossible(
		`nothing else ran before what plugin ${name} has now; GET /api/v1/plugins/${name}/history lists what it had, and a rollback may name a revision of it`,
	);
}
