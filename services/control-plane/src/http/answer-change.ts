// What every changing call does after its transaction: wake the relay, and wait for the fleet when the caller asked to.
import { type Applied, DEFAULT_WAIT_MS, type WaitQuery } from "@hookbus/schemas";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { waitApplied } from "../fleet/wait-applied.js";
import type { OutboxRelay } from "../routing/outbox-relay.js";

export interface Changed {
	readonly tenant: string;
	readonly revision: number;
	/** The plugin that was changed. */
	readonly plugin: string;
}

/** Rejects with `activation_failed` or `not_applied_in_time` when the caller waits. */
export type AnswerChange = (changed: Changed, query: WaitQuery) => Promise<{ revision: number; applied?: Applied }>;

/** @param stopping aborted when the service stops: then nobody waits any more */
export function createAnswerChange(relay: OutboxRelay, fleet: RuntimeFleet, stopping: AbortSignal): AnswerChange {
	return async ({ tenant, revision, plugin }, query) => {
		relay.wake();
		if (query.wait !== "applied") return { revision };
		const waitMs = query.waitMs ?? DEFAULT_WAIT_MS;
		return { revision, applied: await waitApplied(fleet, { tenant, revision, plugin, waitMs, signal: stopping }) };
	};
}
