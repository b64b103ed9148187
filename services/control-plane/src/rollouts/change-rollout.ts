// Begins and ends rollouts. While one runs, the plugin's version, configuration, grants and limits stay as they are (commitChange sees
// to that): else neither its figures nor its candidate would be what was looked at when it began.
import type { NewRollout } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { requireDependencies } from "../plugins/dependencies.js";
import type { InstallParts } from "../plugins/install-plugin.js";
import { findGranted, findVersion, setGrants, updatePlugin, type VersionRow } from "../plugins/repository.js";
import { requireActivatable } from "../plugins/require-activatable.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { grantsAfterUpload } from "../plugins/wish-grants.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { requireSigner } from "../trust/require-signer.js";
import {
	armFigures,
	findRollout,
	findRunningRollout,
	insertRollout,
	type RolloutEnd,
	type RolloutRow,
	saveEnd,
} from "./repository.js";

const DEFAULT_MAX_ERROR_RATE = 0.05;
const DEFAULT_MIN_EVENTS = 50;

/**
 * Begins a rollout of a version that is installed and not current.
 *
 * @throws CodedError `plugin_not_found`, `version_not_found`, `rollout_invalid`, `rollout_running`, and as for enabling
 * `grants_missing`, `config_invalid`, `limits_invalid`, `dependencies_missing`, `dependents_exist`, `dependency_cycle`,
 * `version_recalled`, and what `requireSigner` throws
 */
export function startRollout(
	parts: InstallParts,
	actor: Actor,
	plugin: string,
	wanted: NewRollout,
): Promise<Committed<RolloutRow>> {
	const { tenant } = actor;
	return commitChange(parts.database, actor, async (queries, revision) => {
		const installed = await requirePlugin(queries, tenant, plugin);
		const running = await findRunningRollout(queries, tenant, plugin);
		if (running !== undefined) throw runs(plugin, running);
		const version = await requireVersion(queries, tenant, plugin, wanted.version);
		if (version.version === installed.version)
			throw errors.rollout_invalid(`version ${version.version} of plugin ${plugin} is the current one`);
		if (!installed.enabled) {
			throw errors.rollout_invalid(
				`plugin ${plugin} is disabled, so no version of it runs; enable it, or make ${version.version} current at once`,
			);
		}
		await requireSigner(queries, tenant, { plugin, ...version }, null);
		await requireDependencies(queries, tenant, version.manifest, true);
		await requireActivatable(queries, parts, tenant, version, installed.limits);
		const mode = wanted.mode ?? "canary";
		const values = {
			version: version.version,
			fromVersion: installed.version,
			mode,
			percentage: wanted.percentage,
			maxErrorRate: wanted.maxErrorRate ?? (mode === "ab" ? null : DEFAULT_MAX_ERROR_RATE),
			maxP95Ms: wanted.maxP95Ms ?? null,
			minEvents: wanted.minEvents ?? DEFAULT_MIN_EVENTS,
		};
		const result = await insertRollout(queries, { tenant, plugin, ...values, revision, startedBy: actor.name });
		return { result, audit: { action: "rollout.start", target: plugin, detail: { id: result.id, ...values } } };
	});
}

/**
 * Makes the candidate the current version.
 *
 * @throws CodedError `plugin_not_found`, `rollout_not_found`, `rollout_ended`, and what startRollout throws for its requirements
 */
export function promoteRollout(parts: InstallParts, actor: Actor, plugin: string, id: string): Promise<Committed<undefined>> {
	const { tenant } = actor;
	return commitChange(parts.database, actor, async (queries, revision) => {
		const installed = await requirePlugin(queries, tenant, plugin);
		const rollout = await requireRunning(queries, tenant, plugin, id);
		const version = await requireVersion(queries, tenant, plugin, rollout.version);
		await requireSigner(queries, tenant, { plugin, ...version }, null);
		const granted = grantsAfterUpload(version.manifest, await findGranted(queries, tenant, plugin), undefined);
		await setGrants(queries, tenant, plugin, granted, actor.name);
		await updatePlugin(queries, tenant, plugin, { version: version.version, changedRevision: revision });
		await requireDependencies(queries, tenant, version.manifest, installed.enabled);
		if (installed.enabled) await requireActivatable(queries, parts, tenant, version, installed.limits);
		const end = await endRollout(queries, rollout, { state: "promoted", endedBy: actor.name, reason: null });
		return {
			result: undefined,
			audit: { action: "rollout.promote", target: plugin, detail: { ...end, granted: granted.grants } },
		};
	});
}

/**
 * Ends a rollout; the current version goes on for everybody.
 *
 * @param reason of the service itself; absent: somebody wanted it
 * @throws CodedError `plugin_not_found`, `rollout_not_found`, `rollout_ended`
 */
export function stopRollout(
	{ database }: { readonly database: Database },
	actor: Actor,
	plugin: string,
	id: string,
	reason?: string,
): Promise<Committed<undefined>> {
	return commitChange(database, actor, async (queries) => {
		await requirePlugin(queries, actor.tenant, plugin);
		const rollout = await requireRunning(queries, actor.tenant, plugin, id);
		const end = await endRollout(queries, rollout, {
			state: "stopped",
			endedBy: actor.name,
			reason: reason ?? `stopped by ${actor.name}`,
		});
		const action = reason === undefined ? "rollout.stop" : "rollout.auto_stop";
		return { result: undefined, audit: { action, target: plugin, detail: end } };
	});
}

/** Part of disabling a plugin: what does not run cannot be compared. */
export async function stopWithPlugin(queries: Queries, actor: Actor, plugin: string): Promise<void> {
	const running = await findRunningRollout(queries, actor.tenant, plugin);
	if (running === undefined) return;
	await endRollout(queries, running, { state: "stopped", endedBy: actor.name, reason: "the plugin was disabled" });
}

async function endRollout(queries: Queries, rollout: RolloutRow, end: Omit<RolloutEnd, "arms">) {
	const arms = await armFigures(queries, rollout);
	await saveEnd(queries, rollout.id, { ...end, arms });
	return { id: rollout.id, version: rollout.version, from: rollout.fromVersion, reason: end.reason, arms };
}

async function requireVersion(queries: Queries, tenant: string, plugin: string, wanted: string): Promise<VersionRow> {
	const version = await findVersion(queries, tenant, plugin, wanted);
	if (version !== undefined) return version;
	throw errors.version_not_found(
		`plugin ${plugin} has no version ${wanted}; bring it with PUT /api/v1/plugins/${plugin}?activate=false`,
	);
}

/** @throws CodedError `rollout_not_found` */
export async function requireRollout(queries: Queries, tenant: string, plugin: string, id: string): Promise<RolloutRow> {
	await requirePlugin(queries, tenant, plugin);
	const rollout = await findRollout(queries, tenant, plugin, id);
	if (rollout !== undefined) return rollout;
	throw errors.rollout_not_found(
		`plugin ${plugin} has no rollout ${id}; GET /api/v1/plugins/${plugin}/rollouts lists what it had`,
	);
}

async function requireRunning(queries: Queries, tenant: string, plugin: string, id: string): Promise<RolloutRow> {
	const rollout = await requireRollout(queries, tenant, plugin, id);
	if (rollout.state === "running") return rollout;
	throw errors.rollout_ended(
		`the rollout of ${plugin} ${rollout.version} was ${rollout.state} by ${rollout.endedBy}; begin another one`,
	);
}

function runs(plugin: string, { version, id }: RolloutRow): Error {
	return errors.rollout_running(
		`a rollout of ${plugin} ${version} runs; end it with POST /api/v1/plugins/${plugin}/rollouts/${id}/promote or /stop first`,
	);
}
