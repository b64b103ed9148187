// Turns what a run recorded into execution records. They are made and stringified in the thread, so that the main thread
// only joins them.
import type { Execution } from "@hookbus/schemas";
import type { RunItem } from "../threads/thread-messages.js";
import type { ChainState } from "./chain-state.js";
import { type ChainTexts, inner } from "./chain-texts.js";

export interface RecordContext {
	readonly item: Pick<RunItem, "address" | "attempt" | "revision">;
	/** Id of this runtime. */
	readonly runtime: string;
}

/**
 * The execution records of a run as JSON objects joined by commas. Deferred observers get theirs when they have run.
 *
 * @param texts of the same run, or new ones
 */
export function executionJson(state: ChainState, { item, runtime }: RecordContext, texts: ChainTexts): string {
	const { facts } = state;
	const shared: Partial<Execution> = {
		eventId: facts.id,
		tenant: item.address.tenant,
		assistant: item.address.assistant,
		hook: item.address.hook,
		...(facts.phase === undefined ? {} : { phase: facts.phase }),
		...(facts.conversation === undefined ? {} : { conversation: facts.conversation }),
		...(facts.user === undefined ? {} : { user: facts.user }),
		attempt: item.attempt,
		runtime,
		revision: item.revision,
	};
	const text = inner(JSON.stringify(shared));
	return state.records
		.filter(({ entry }) => entry.outcome !== "deferred")
		.map((record) => texts.execution(record, text))
		.join(",");
}
