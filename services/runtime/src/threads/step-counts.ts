// What the main thread learns of the steps that have run, for counters, breakers and costs.
import type { ChainState } from "../chain/chain-state.js";
import type { StepCount } from "./thread-messages.js";

/** One for each record of the state; none without a state. */
export function stepCounts(state: ChainState | undefined, chain: number): StepCount[] {
	return (state?.records ?? []).map(({ step, ran, ours, ofUser, entry, usage }) => ({
		chain,
		step,
		ran,
		accountable: ran && ours === undefined,
		ofUser: ofUser === true,
		outcome: entry.outcome,
		action: entry.action,
		durationMs: entry.durationMs,
		error: entry.error,
		cost: usage?.cost,
	}));
}
