// Answers for events whose thread cannot answer any more: the invocation was over its limit, the thread died under it, or
// the event waited until its deadline. The same booking and the same combination as in the thread, only elsewhere.
import { DEFAULT_DEADLINE_MS, EVENT_SPEC, type HookEvent, MAX_DEADLINE_MS, type Outcome } from "@hookbus/schemas";
import { bookFailure, type ChainState, type EventFacts, isSettledFor, newChainState } from "../chain/chain-state.js";
import { ChainTexts } from "../chain/chain-texts.js";
import { executionJson } from "../chain/execution-records.js";
import { subjectOf } from "../chain/run-chain.js";
import { isForEvent } from "../chain/step-audience.js";
import { stepFor } from "../chain/user-step.js";
import type { CallCompletion, HookCall } from "./hook-call.js";
import type { Checkpoint } from "./shared-cells.js";
import { stepCounts } from "./step-counts.js";
import type { ThreadStep } from "./thread-messages.js";

export interface StepDefeat {
	readonly step: number;
	readonly outcome: Outcome;
	readonly error: string;
	readonly startedAt: number;
}

const decoder = new TextDecoder();

/** The event in a call's bytes; `undefined` when they are no event. The thread has the full check; this is only to answer. */
export function peekEvent(body: Uint8Array): HookEvent | undefined {
	try {
		const value = JSON.parse(decoder.decode(body)) as HookEvent | null;
		return typeof value === "object" && value !== null && value.spec === EVENT_SPEC && typeof value.id === "string"
			? value
			: undefined;
	} catch {
		return undefined;
	}
}

/** The event's own deadline in milliseconds. */
export function deadlineOf(event: HookEvent | undefined): number {
	const wanted = event?.deadlineMs;
	return typeof wanted === "number" && wanted > 0 ? Math.min(wanted, MAX_DEADLINE_MS) : DEFAULT_DEADLINE_MS;
}

function factsOf(event: HookEvent): EventFacts {
	return {
		id: event.id,
		...(event.hook === "on_tool_call" ? { phase: event.phase } : {}),
		...(event.conversation === undefined ? {} : { conversation: event.conversation }),
		...(event.user === undefined ? {} : { user: event.user.id }),
		deadlineMs: deadlineOf(event),
	};
}

/**
 * Books the defeat of a step and says how the call goes on: with a resume point, or with a completion.
 *
 * @param checkpoint what was done before the step, when the thread wrote it down
 * @param now monotonic milliseconds
 * @param timeLeft whether further steps can still run before the deadline
 */
export function settleDefeat(
	call: HookCall,
	defeat: StepDefeat,
	checkpoint: Checkpoint | undefined,
	runtime: string,
	now: number,
	timeLeft: boolean,
): CallCompletion | "resume" {
	const event = peekEvent(call.body);
	if (event === undefined) return unanswerable();
	const firstStep = call.resume?.nextStep ?? 0;
	const lost =
		checkpoint === undefined &&
		defeat.step > firstStep &&
		call.chain.steps.slice(firstStep, defeat.step).some((step) => runsInline(call, step));
	const state =
		checkpoint === undefined
			? (call.resume?.state ?? newChainState(factsOf(event)))
			: (JSON.parse(checkpoint.state) as ChainState);
	if (checkpoint?.event !== undefined) call.body = checkpoint.event;
	const step = stepFor(call.chain.steps[defeat.step] as ThreadStep, event);
	const failure = {
		outcome: defeat.outcome,
		error: defeat.error,
		startMs: defeat.startedAt - call.receivedAt,
		durationMs: now - defeat.startedAt,
	};
	bookFailure(state, defeat.step, step, subjectOf(step), failure, { ran: true });
	if (
		lost &&
		state.block === undefined &&
		call.chain.steps.some((other) => other.onError === "closed" && other.mode === "enforce")
	) {
		state.block = { code: "plugin_failed", message: "This message could not be checked. Please try again.", plugin: step.name };
	}
	const nextStep = defeat.step + 1;
	if (!lost && state.block === undefined && timeLeft && nextStep < call.chain.steps.length) {
		call.resume = { state, nextStep };
		return "resume";
	}
	if (lost)
		bookUnrun(call, event, state, nextStep, "host_error", "what the plugins before it did was lost with their thread", now);
	else bookUnrun(call, event, state, nextStep, "timeout", "no time was left of the event's deadline", now);
	return complete(call, state, runtime, now);
}

/** Every step that has not run fails with `outcome`; for an event that waited until its deadline. */
export function settleUnrun(call: HookCall, outcome: Outcome, error: string, runtime: string, now: number): CallCompletion {
	const event = peekEvent(call.body);
	if (event === undefined) return unanswerable();
	const state = call.resume?.state ?? newChainState(factsOf(event));
	bookUnrun(call, event, state, call.resume?.nextStep ?? 0, outcome, error, now);
	return complete(call, state, runtime, now);
}

/** Each step from `from` on fails by its own policy: a gate that never ran must not count as one that let the event pass. */
function bookUnrun(
	call: HookCall,
	event: HookEvent,
	state: ChainState,
	from: number,
	outcome: Outcome,
	error: string,
	now: number,
): void {
	call.chain.steps.forEach((ofAll, index) => {
		if (index < from || !concerns(call, event, ofAll, index) || isSettledFor(state, ofAll.effect)) return;
		const step = stepFor(ofAll, event);
		bookFailure(state, index, step, subjectOf(step), { outcome, error, startMs: now - call.receivedAt, durationMs: 0 });
	});
}

function concerns(call: HookCall, event: HookEvent, step: ThreadStep, index: number): boolean {
	if (call.kind === "observe" && step.effect !== "observe") return false;
	if (call.only !== undefined && !call.only.includes(index)) return false;
	if (!isForEvent(step, event)) return false;
	return event.hook !== "on_tool_call" || step.phases === undefined || step.phases.includes(event.phase);
}

function runsInline(call: HookCall, step: ThreadStep): boolean {
	return call.kind !== "reply" || step.effect !== "observe";
}

function complete(call: HookCall, state: ChainState, runtime: string, now: number): CallCompletion {
	const event = peekEvent(call.body);
	const texts = new ChainTexts();
	const { hook } = call.address;
	const tookMs = now - call.receivedAt;
	return {
		reply: call.kind === "reply" ? Buffer.from(texts.verdict(state, hook, call.chain.revision, event, tookMs)) : undefined,
		deadlineMs: state.facts.deadlineMs,
		steps: stepCounts(state, call.chain.id),
		executions: executionJson(state, { item: { ...call, revision: call.chain.revision }, runtime }, texts),
		observe: undefined,
		refused: undefined,
	};
}

function unanswerable(): CallCompletion {
	return {
		reply: undefined,
		deadlineMs: MAX_DEADLINE_MS,
		steps: [],
		executions: "",
		observe: undefined,
		refused: "event_not_json",
	};
}
