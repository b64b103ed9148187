// What is known about an event after some steps of its chain. It is plain JSON, because it outlives the thread: before each
// later step it is written to shared memory, so that when the step has to be killed the finished ones are not run again.
import type {
	Arm,
	BindingMode,
	Effect,
	HookName,
	Outcome,
	PluginAction,
	PluginLogLine,
	RouteStep,
	ToolPhase,
	TrailEntry,
	Usage,
	Verdict,
	VerdictReason,
} from "@hookbus/schemas";
import type { VerdictSize } from "./verdict-size.js";

/** One finished invocation: its trail entry, and what only the execution record needs. */
export interface InvocationRecord {
	/** Index in the chain. */
	step: number;
	/** The plugin was run. */
	ran: boolean;
	/** It failed by our fault, and the outcome says nothing about it. */
	ours?: true;
	/** The step had an image of the event's user. */
	ofUser?: true;
	entry: TrailEntry;
	digest: string;
	arm?: Arm;
	inputBytes: number;
	outputBytes: number;
	startedAt: string;
	usage?: Usage;
	logs?: PluginLogLine[];
	logsDropped?: number;
	patch?: Record<string, unknown>;
	patchOmitted?: { bytes: number };
}

/** What every answer and every record repeats from the envelope. */
export interface EventFacts {
	id: string;
	phase?: ToolPhase;
	conversation?: string;
	user?: string;
	/** The event's own deadline in milliseconds. */
	deadlineMs: number;
}

export interface ChainState {
	facts: EventFacts;
	records: InvocationRecord[];
	/** The data was patched; the current event is no longer the one that arrived. */
	changed: boolean;
	annotations: Record<string, Record<string, unknown>>;
	claim?: { plugin: string; result: unknown };
	block?: VerdictReason;
	/** How large the verdict is so far. */
	size: VerdictSize;
}

export function newChainState(facts: EventFacts): ChainState {
	return { facts, records: [], changed: false, annotations: {}, size: { data: 0, rest: 0 } };
}

/** Who a step is about, for the trail. */
export interface StepSubject {
	readonly plugin: string;
	readonly version: string;
	readonly digest: string;
	readonly effect: Effect;
	readonly mode: BindingMode;
	readonly arm?: Arm;
	/** As that of a thread's step. */
	readonly ofUser?: true;
}

export interface StepFailure {
	readonly outcome: Outcome;
	readonly error: string;
	readonly startMs: number;
	readonly durationMs: number;
}

/**
 * Books a failed invocation and applies the step's failure policy: `closed` blocks the event, `open` lets it go on and marks
 * the entry as skipped. In shadow mode nothing is ever blocked.
 */
export function bookFailure(
	state: ChainState,
	index: number,
	step: Pick<RouteStep, "onError">,
	subject: StepSubject,
	failure: StepFailure,
	details: Partial<InvocationRecord> = {},
): void {
	const blocks = step.onError === "closed" && subject.mode === "enforce";
	state.records.push({
		step: index,
		ran: false,
		entry: {
			plugin: subject.plugin,
			version: subject.version,
			effect: subject.effect,
			mode: subject.mode,
			outcome: failure.outcome,
			...(blocks ? { action: "block" as PluginAction, reason: "plugin_failed" } : { skipped: true as const }),
			startMs: roundMs(failure.startMs),
			durationMs: roundMs(failure.durationMs),
			error: failure.error.slice(0, 512),
		},
		digest: subject.digest,
		...(subject.arm === undefined ? {} : { arm: subject.arm }),
		...(subject.ofUser === undefined ? {} : { ofUser: true as const }),
		inputBytes: 0,
		outputBytes: 0,
		startedAt: new Date(Date.now() - failure.durationMs).toISOString(),
		...details,
	});
	if (blocks && state.block === undefined) {
		state.block = {
			code: "plugin_failed",
			message: "This message could not be checked. Please try again.",
			plugin: subject.plugin,
		};
	}
}

/** True when a step has nothing more to do: the event is blocked, or claimed and the step could only change or claim it. */
export function isSettledFor(state: ChainState, effect: Effect): boolean {
	if (state.block !== undefined) return true;
	return state.claim !== undefined && (effect === "transform" || effect === "claim");
}

/** A verdict without its trail and without the event's data. */
export interface VerdictHead {
	readonly head: Omit<Verdict, "trail" | "data">;
	/** The data belongs to it: it was changed, and nothing stands against it. */
	readonly withData: boolean;
}

/**
 * Combines the verdict. A block beats a claim, a claim beats a change.
 *
 * @param durationMs milliseconds since the event arrived
 */
export function verdictHead(state: ChainState, hook: HookName, revision: number, durationMs: number): VerdictHead {
	const base = {
		id: state.facts.id,
		hook,
		...(Object.keys(state.annotations).length === 0 ? {} : { annotations: state.annotations }),
		revision,
		durationMs: roundMs(durationMs),
	};
	if (state.block !== undefined) return { head: { ...base, action: "blocked", reason: state.block }, withData: false };
	if (state.claim !== undefined) {
		return { head: { ...base, action: "claimed", result: state.claim.result }, withData: state.changed };
	}
	return { head: { ...base, action: state.changed ? "modified" : "continue" }, withData: state.changed };
}

/** Milliseconds with three decimals. */
export function roundMs(ms: number): number {
	return Math.max(0, Math.round(ms * 1_000) / 1_000);
}
