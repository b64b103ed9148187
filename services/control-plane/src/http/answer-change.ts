// What every changing call does after its transaction: wake the relay, and wait for the fleet when the caller asked to.
import { type Applied, DEFAULT_WAIT_MS, type WaitQuery } from "@hookbus/schemas";
import type { Database } from "../database/database.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { waitApplied } from "../fleet/wait-applied.js";
import type { OutboxRelay } from "../routing/outbox-relay.js";
import { waitPurged } from "../stores/wait-purged.js";

export interface Changed {
	readonly tenant: string;
	readonly revision: number;
	/** The plugin that was changed. */
	readonly plugin: string;
	/** The user whose own configuration was changed; absent: it was no user's. */
	readonly user?: string;
}

/** Rejects with `activation_failed` or `not_applied_in_time` when the caller waits. */
export type AnswerChange = (changed: Changed, query: WaitQuery) => Promise<{ revision: number; applied?: Applied }>;

export interface AnswerChangeParts {
	readonly database: Database;
	readonly relay: OutboxRelay;
	readonly fleet: RuntimeFleet;
	/** Aborted when the service stops: then nobody waits any more. */
	readonly stopping: AbortSignal;
}

export function createAnswerChange({ database, relay, fleet, stopping: signal }: AnswerChangeParts): AnswerChange {
	return async ({ tenant, revision: stored, plugin, ...whose }, query) => {
		relay.wake();
		if (query.wait !== "applied") return { revision: stored };
		const waitMs = query.waitMs ?? DEFAULT_WAIT_MS;
		const deadline = performance.now() + waitMs;
		const revision = await waitPurged(database, { tenant, plugin, revision: stored, deadline, waitMs, signal });
		return { revision, applied: await waitApplied(fleet, { tenant, revision, plugin, ...whose, waitMs, deadline, signal }) };
	};
}
