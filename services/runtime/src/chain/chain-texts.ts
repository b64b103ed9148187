// JSON of what a run produces: the event after its patches, the checkpoints, the verdict, the execution records. They share most of
// their parts, and making each from its beginning took as long as the plugins themselves; here every part is made once and the
// texts are put together from them.
import type { Execution, HookEvent, HookName } from "@hookbus/schemas";
import { type ChainState, type InvocationRecord, verdictHead } from "./chain-state.js";

export class ChainTexts {
	readonly #entries = new WeakMap<InvocationRecord, string>();
	readonly #records = new WeakMap<InvocationRecord, string>();
	#envelope: string | undefined;
	#data: string | undefined;

	/**
	 * The event with other data than it had; nothing else of it ever changes.
	 *
	 * @param data its data as JSON
	 */
	changedEvent(event: HookEvent, data: string): string {
		if (this.#envelope === undefined) {
			const { data: _changed, ...envelope } = event;
			this.#envelope = inner(JSON.stringify(envelope));
		}
		this.#data = data;
		return `{${this.#envelope},"data":${this.#data}}`;
	}

	/** The state, to be parsed again where it is resumed. */
	state(state: ChainState): string {
		const { records, ...rest } = state;
		return `{${inner(JSON.stringify(rest))},"records":[${records.map((record) => this.#record(record)).join()}]}`;
	}

	/**
	 * @param event as it is now; its data stands in the verdict only when it was changed
	 * @param durationMs milliseconds since the event arrived
	 */
	verdict(
		state: ChainState,
		hook: HookName,
		revision: number,
		event: Pick<HookEvent, "data"> | undefined,
		durationMs: number,
	): string {
		const { head, withData } = verdictHead(state, hook, revision, durationMs);
		const data = withData && event !== undefined ? `,"data":${this.#data ?? JSON.stringify(event.data)}` : "";
		return `{${inner(JSON.stringify(head))},"trail":[${state.records.map((record) => this.#entry(record)).join()}]${data}}`;
	}

	/**
	 * The execution record of one invocation.
	 *
	 * @param shared what all records of the event have in common
	 */
	execution(record: InvocationRecord, shared: string): string {
		const { digest, arm, startedAt, inputBytes, outputBytes, usage, logs, logsDropped, patch, patchOmitted } = record;
		const own: Partial<Execution> = {
			digest,
			startedAt,
			inputBytes,
			outputBytes,
			...(arm === undefined ? {} : { arm }),
			...(usage === undefined ? {} : { usage }),
			...(logs === undefined ? {} : { logs }),
			...(logsDropped === undefined ? {} : { logsDropped }),
			...(patch === undefined ? {} : { patch }),
			...(patchOmitted === undefined ? {} : { patchOmitted }),
		};
		return `{${shared},${inner(this.#entry(record))},${inner(JSON.stringify(own))}}`;
	}

	#entry(record: InvocationRecord): string {
		let text = this.#entries.get(record);
		if (text === undefined) {
			text = JSON.stringify(record.entry);
			this.#entries.set(record, text);
		}
		return text;
	}

	#record(record: InvocationRecord): string {
		let text = this.#records.get(record);
		if (text === undefined) {
			const { entry: _separate, ...rest } = record;
			text = `{${inner(JSON.stringify(rest))},"entry":${this.#entry(record)}}`;
			this.#records.set(record, text);
		}
		return text;
	}
}

/** Members of an object that has some, without its braces. */
export function inner(object: string): string {
	return object.slice(1, -1);
}
