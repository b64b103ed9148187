// Turns what a run recorded into execution records. They are made and stringified in the thread, so that the main thread
// only joins them.
import type { Execution } from "@hookbus/schemas";
import type { RunItem, ThreadChain } from "../threads/thread-messages.js";
import type { ChainState } from "./chain-state.js";

export interface RecordContext {
	readonly item: Pick<RunItem, "address" | "attempt">;
	readonly chain: Pick<ThreadChain, "revision">;
	/** Id of this runtime. */
	readonly runtime: string;
}

/** The execution records of a run as JSON objects joined by commas. Deferred observers get theirs when they have run. */
export function executionJson(state: ChainState, context: RecordContext): string {
	const { facts } = state;
	const records: string[] = [];
	for (const record of state.records) {
		const { entry } = record;
		if (entry.outcome === "deferred") continue;
		const execution: Execution = {
			eventId: facts.id,
			tenant: context.item.address.tenant,
			assistant: context.item.address.assistant,
			hook: context.item.address.hook,
			...(facts.phase === undefined ? {} : { phase: facts.phase }),
			...(facts.conversation === undefined ? {} : { conversation: facts.conversation }),
			...(facts.user === undefined ? {} : { user: facts.user }),
			plugin: entry.plugin,
			version: entry.version,
			digest: record.digest,
			effect: entry.effect,
			mode: entry.mode,
			outcome: entry.outcome,
			...(entry.action === undefined ? {} : { action: entry.action }),
			...(entry.reason === undefined ? {} : { reason: entry.reason }),
			...(entry.error === undefined ? {} : { error: entry.error }),
			...(entry.skipped === undefined ? {} : { skipped: entry.skipped }),
			...(entry.paths === undefined ? {} : { paths: entry.paths }),
			...(entry.stripped === undefined ? {} : { stripped: entry.stripped }),
			startedAt: record.startedAt,
			durationMs: entry.durationMs,
			inputBytes: record.inputBytes,
			outputBytes: record.outputBytes,
			attempt: context.item.attempt,
			...(record.usage === undefined ? {} : { usage: record.usage }),
			...(record.logs === undefined ? {} : { logs: record.logs }),
			...(record.logsDropped === undefined ? {} : { logsDropped: record.logsDropped }),
			runtime: context.runtime,
			revision: context.chain.revision,
		};
		records.push(JSON.stringify(execution));
	}
	return records.join(",");
}
