// Begins and ends replays. A version is replayed only if it could be enabled now: granted, configured, not recalled, signed as the tenant
// wants it. Nothing that runtimes serve changes, so there is no new route table.
import type { NewReplay } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { recordAudit } from "../audit/record-audit.js";
import { withChecks } from "../config/checked-configs.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { findVersion, type PluginRow, type VersionRow } from "../plugins/repository.js";
import { type ActivationParts, requireActivatable } from "../plugins/require-activatable.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { requireRecording } from "../recordings/change-recording.js";
import { commitUnrouted } from "../routing/commit-unrouted.js";
import { loadPluginInput } from "../routing/load-routing-input.js";
import { requireSigner } from "../trust/require-signer.js";
import { planReplay, type ReplayPlan } from "./replay-plan.js";
import { endReplay, findReplay, findRunningReplay, insertReplay, type ReplayRow } from "./repository.js";

export interface ReplayParts extends ActivationParts {
	readonly database: Database;
	/** Events of a recording so far. */
	readonly countEvents: (recording: { readonly tenant: string; readonly id: string }) => Promise<number>;
}

export interface StartedReplay {
	readonly row: ReplayRow;
	readonly plan: ReplayPlan;
}

/**
 * @throws CodedError `precondition_failed`, `plugin_not_found`, `recording_not_found`, `version_not_found`, `replay_running`,
 * `bus_unavailable`, and as for enabling `version_recalled`, `grants_missing`, `limits_invalid`, `config_invalid`, `secret_unreadable`, and what `requireSigner` throws
 */
export async function startReplay(parts: ReplayParts, actor: Actor, plugin: string, wanted: NewReplay): Promise<StartedReplay> {
	const { database, countEvents } = parts;
	const { tenant } = actor;
	await database.of(tenant).query(async (queries) => {
		await requirePlugin(queries, tenant, plugin);
		await requireRecording(queries, tenant, wanted.recording);
	});
	const total = await countEvents({ tenant, id: wanted.recording });
	return await withChecks(() =>
		commitUnrouted(database, actor, (queries, revision) => begin(queries, revision, parts, actor, plugin, wanted, total)),
	);
}

/** With the tenant locked: of two calls at the same moment one finds the other. */
async function begin(
	queries: Queries,
	revision: number,
	parts: ReplayParts,
	actor: Actor,
	name: string,
	{ recording, version: wanted, against: other }: NewReplay,
	total: number,
): Promise<StartedReplay> {
	const { tenant } = actor;
	const installed = await requirePlugin(queries, tenant, name);
	await requireRecording(queries, tenant, recording);
	const running = await findRunningReplay(queries, tenant);
	if (running !== undefined) {
		throw errors.replay_running(
			`a replay of ${running.plugin} runs; wait for it, or end it with POST /api/v1/plugins/${running.plugin}/replays/${running.id}/cancel`,
		);
	}
	const version = await requireReplayable(queries, parts, tenant, installed, wanted);
	const against = await requireReplayable(queries, parts, tenant, installed, other ?? installed.version);
	const plan = planReplay(
		{ tenant, revision: Math.max(1, revision) },
		await loadPluginInput(queries, tenant, name),
		version,
		against,
	);
	const values = { recording, version: version.version, against: against.version, total };
	const row = await insertReplay(queries, { tenant, plugin: name, ...values, startedBy: actor.name });
	await recordAudit(queries, actor, { action: "replay.start", target: name, detail: { id: row.id, ...values } }, null);
	return { row, plan };
}

async function requireReplayable(
	queries: Queries,
	parts: ActivationParts,
	tenant: string,
	{ name, limits }: PluginRow,
	wanted: string,
): Promise<VersionRow> {
	const version = await findVersion(queries, tenant, name, wanted);
	if (version === undefined) {
		throw errors.version_not_found(
			`plugin ${name} has no version ${wanted}; bring it with PUT /api/v1/plugins/${name}?activate=false`,
		);
	}
	await requireSigner(queries, tenant, { plugin: name, ...version }, null);
	await requireActivatable(queries, parts, tenant, version, limits);
	return version;
}

/** @throws CodedError `plugin_not_found`, `replay_not_found` */
export async function requireReplay(queries: Queries, tenant: string, plugin: string, id: string): Promise<ReplayRow> {
	await requirePlugin(queries, tenant, plugin);
	const row = await findReplay(queries, tenant, plugin, id);
	if (row !== undefined) return row;
	throw errors.replay_not_found(`plugin ${plugin} has no replay ${id}; GET /api/v1/plugins/${plugin}/replays lists what it has`);
}

/**
 * Ends a replay; one that has ended stays as it is.
 *
 * @throws CodedError `precondition_failed`, `plugin_not_found`, `replay_not_found`
 */
export function cancelReplay(database: Database, actor: Actor, plugin: string, id: string): Promise<ReplayRow> {
	return commitUnrouted(database, actor, async (queries) => {
		const before = await requireReplay(queries, actor.tenant, plugin, id);
		const ended = await endReplay(queries, id, "cancelled");
		if (ended === undefined) return before;
		await recordAudit(queries, actor, { action: "replay.cancel", target: plugin, detail: { id, done: ended.done } }, null);
		return ended;
	});
}
