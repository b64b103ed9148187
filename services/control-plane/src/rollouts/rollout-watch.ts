// Watches the rollouts that run and stops those whose candidate does badly. A rollout is
//
//   running   from its start on; its candidate stands in the route table
//             → promoted  somebody promoted it: the candidate is the current version
//             → stopped   somebody stopped it or disabled the plugin; or this watch did, because a runtime could not take the
//                         candidate into service, the plugin was disabled by the service, the candidate was recalled or its signer
//                         is trusted no more, or, after `minEvents` executions, too many failed or the slowest twentieth took too long
//   promoted, stopped   final; who and why stand in the row, with what both versions did
//
// Everything that decides is in the database: after a restart the next look decides the same, and when several control planes look
// at the same rollout the first one ends it and the others find it ended.
import { CodedError, describeError } from "@hookbus/foundation";
import type { RolloutArms } from "@hookbus/schemas";
import type { Logger } from "pino";
import { systemActor } from "../audit/actor.js";
import type { Database, Queries } from "../database/database.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { findPlugin, findVersion } from "../plugins/repository.js";
import { requireNotRecalled } from "../recalls/match-recall.js";
import { requireSigner } from "../trust/require-signer.js";
import { stopRollout } from "./change-rollout.js";
import { allRunningRollouts, armFigures, type RolloutRow } from "./repository.js";

/** Milliseconds between two looks. */
const LOOK_MS = 1_000;

/** Somebody else ended the rollout, or removed the plugin. */
const ENDED_MEANWHILE: ReadonlySet<string> = new Set(["rollout_ended", "rollout_not_found", "plugin_not_found"]);

const TRUST_FAULTS: ReadonlySet<string> = new Set([
	"version_recalled",
	"signature_missing",
	"publisher_unknown",
	"signature_invalid",
]);

export interface RolloutWatchParts {
	readonly database: Database;
	readonly fleet: Pick<RuntimeFleet, "stand">;
	readonly logger: Logger;
	/** Something was committed. */
	readonly onChange: () => void;
}

export class RolloutWatch {
	readonly #parts: RolloutWatchParts;
	#timer: NodeJS.Timeout | undefined;
	#looking: Promise<void> | undefined;

	constructor(parts: RolloutWatchParts) {
		this.#parts = parts;
	}

	start(): void {
		this.#timer = setInterval(() => {
			this.#looking ??= this.#look().finally(() => {
				this.#looking = undefined;
			});
		}, LOOK_MS);
	}

	/** Finishes the look that is under way. Idempotent. */
	async stop(): Promise<void> {
		clearInterval(this.#timer);
		await this.#looking;
	}

	/** Never rejects. */
	async #look(): Promise<void> {
		const { database, logger } = this.#parts;
		try {
			for (const rollout of await database.acrossTenants.query(allRunningRollouts)) await this.#lookAt(rollout);
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "rollouts cannot be watched now; tried again");
		}
	}

	async #lookAt(rollout: RolloutRow): Promise<void> {
		const { database, fleet, logger, onChange } = this.#parts;
		const { tenant, plugin, version, id } = rollout;
		const reason =
			activationFault(fleet, rollout) ??
			(await database
				.of(tenant)
				.query(async (queries) =>
					(await findPlugin(queries, tenant, plugin))?.enabled === true
						? ((await trustFault(queries, rollout)) ?? reasonToStop(rollout, await armFigures(queries, rollout)))
						: "the plugin was disabled",
				));
		if (reason === undefined) return;
		try {
			await stopRollout({ database }, systemActor(tenant), plugin, id, reason);
			logger.warn({ tenant, plugin, version, rollout: id, reason }, "a rollout was stopped");
			onChange();
		} catch (thrown) {
			if (!(thrown instanceof CodedError) || !ENDED_MEANWHILE.has(thrown.code)) throw thrown;
		}
	}
}

function activationFault(
	fleet: Pick<RuntimeFleet, "stand">,
	{ tenant, plugin, version, revision }: RolloutRow,
): string | undefined {
	for (const runtime of fleet.stand(tenant, revision).applied) {
		const fault = runtime.faults.find(
			(candidate) => candidate.plugin === plugin && candidate.version === version && candidate.user === undefined,
		);
		if (fault !== undefined)
			return `runtime ${runtime.id} could not take ${version} into service: ${fault.code}: ${fault.message}`;
	}
	return undefined;
}

/** Why the candidate could not be promoted any more, whatever it did: it was recalled, or what trust demands changed. */
async function trustFault(queries: Queries, { tenant, plugin, version }: RolloutRow): Promise<string | undefined> {
	const candidate = await findVersion(queries, tenant, plugin, version);
	if (candidate === undefined) return undefined;
	try {
		await requireNotRecalled(queries, tenant, { plugin, ...candidate });
		await requireSigner(queries, tenant, { plugin, ...candidate }, null);
		return undefined;
	} catch (thrown) {
		if (thrown instanceof CodedError && TRUST_FAULTS.has(thrown.code)) return `${thrown.code}: ${thrown.message}`;
		throw thrown;
	}
}

/** Why a candidate that did this is stopped; `undefined` as long as it may go on. */
export function reasonToStop(
	{ maxErrorRate, maxP95Ms, minEvents }: Pick<RolloutRow, "maxErrorRate" | "maxP95Ms" | "minEvents">,
	{ candidate }: RolloutArms,
): string | undefined {
	const { calls, errors, errorRate, p95Ms } = candidate;
	if (calls < minEvents) return undefined;
	if (maxErrorRate !== null && errorRate > maxErrorRate) {
		return `${errors} of ${calls} executions of the candidate failed; its limit is a share of ${maxErrorRate}`;
	}
	if (maxP95Ms !== null && p95Ms !== undefined && p95Ms > maxP95Ms) {
		return `95 % of the candidate's executions took up to ${Math.round(p95Ms)} ms; its limit is ${maxP95Ms} ms`;
	}
	return undefined;
}
