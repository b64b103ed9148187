// One event through its chain: read it, run each step under its time limit, apply what the step's effect allows, combine the
// verdict. The loop below is the semantics of design §3; everything it calls is a detail.
import { CodedError } from "@hookbus/foundation/errors";
import type { HookEvent, PluginResult } from "@hookbus/schemas";
import { DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS } from "@hookbus/schemas";
import { newHostCallReport } from "../host-calls/log/host-call-report.js";
import { maskSecrets } from "../host-calls/log/mask-secrets.js";
import type { Invocation } from "../plugin-host/loaded-plugin.js";
import type { RunItem, ThreadChain, ThreadStep } from "../threads/thread-messages.js";
import { type AppliedResult, applyResult } from "./apply-result.js";
import type { HostedPlugin } from "./chain-host.js";
import { bookFailure, type ChainState, isSettledFor, newChainState, roundMs, type StepSubject } from "./chain-state.js";
import { ChainTexts } from "./chain-texts.js";
import type { InvocationGuard } from "./invocation-guard.js";
import { keepPatch } from "./keep-patch.js";
import { readEvent } from "./read-event.js";
import { replyBudgetMs } from "./reply-budget.js";
import { isForEvent } from "./step-audience.js";
import { stepFor } from "./user-step.js";
import { withholdText } from "./withhold-text.js";

export interface ChainInput {
	readonly item: RunItem;
	/** The event's bytes; this function may keep no reference to them. */
	readonly body: Uint8Array;
	readonly chain: ThreadChain;
	readonly guard: InvocationGuard;
	readonly clock: () => number;
	/** Most bytes of the verdict's counted parts. */
	readonly maxVerdictBytes: number;
	/** Number of the next invocation in this thread. */
	readonly nextInvocation: () => number;
	readonly plugin: (key: string) => HostedPlugin | undefined;
}

export interface ChainRun {
	readonly state: ChainState | undefined;
	/** The answer as JSON; `undefined` when nobody is to be answered. */
	readonly reply: string | undefined;
	/** The event after its patches as JSON; only when it was changed. */
	readonly event: string | undefined;
	readonly deadlineMs: number;
	readonly observersLeft: boolean;
	/** For the execution records of the run. */
	readonly texts: ChainTexts;
	/** Code of the problem that was answered instead of a verdict, or `expired`. */
	readonly refused?: string;
}

/** Runs the chain. Never throws for anything that event or plugins do. */
export async function runChain(input: ChainInput): Promise<ChainRun> {
	let event: HookEvent;
	try {
		event = readEvent(input.body, input.item.address);
	} catch (thrown) {
		if (!(thrown instanceof CodedError)) throw thrown;
		return refusal(JSON.stringify(thrown.toProblem()), thrown.code);
	}
	const wanted = Math.min(event.deadlineMs ?? DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS);
	if (input.item.checkExpiry && Date.now() > Date.parse(event.time) + wanted) return refusal(undefined, "expired");
	const deadlineMs = input.item.kind === "reply" ? wanted : MAX_DEADLINE_MS;
	return new ChainPass(input, event, deadlineMs).run();
}

/** The end of an event that gets no verdict, with the problem that is answered. */
export function refusal(reply: string | undefined, code: string): ChainRun {
	const texts = new ChainTexts();
	return { state: undefined, reply, event: undefined, deadlineMs: MAX_DEADLINE_MS, observersLeft: false, texts, refused: code };
}

class ChainPass {
	readonly #input: ChainInput;
	readonly #deadlineMs: number;
	readonly #deadlineAt: number;
	readonly #state: ChainState;
	readonly #firstStep: number;
	readonly #texts = new ChainTexts();
	#event: HookEvent;
	/** The current event as JSON; `undefined` as long as the bytes that arrived are still it. */
	#json: string | undefined;

	constructor(input: ChainInput, event: HookEvent, deadlineMs: number) {
		this.#input = input;
		this.#event = event;
		this.#deadlineMs = deadlineMs;
		this.#deadlineAt = input.item.receivedAt + (input.item.kind === "reply" ? replyBudgetMs(deadlineMs) : deadlineMs);
		const { resume } = input.item;
		this.#state =
			resume?.state ??
			newChainState({
				id: event.id,
				...(event.hook === "on_tool_call" ? { phase: event.phase } : {}),
				...(event.conversation === undefined ? {} : { conversation: event.conversation }),
				...(event.user === undefined ? {} : { user: event.user.id }),
				deadlineMs,
			});
		this.#firstStep = resume?.nextStep ?? 0;
	}

	async run(): Promise<ChainRun> {
		const { chain, item, clock } = this.#input;
		let observersLeft = false;
		for (let index = this.#firstStep; index < chain.steps.length; index += 1) {
			const step = stepFor(chain.steps[index] as ThreadStep, this.#event);
			if (!this.#applies(step, index)) continue;
			if (item.kind === "reply" && step.effect === "observe") {
				this.#bookDeferred(step, index);
				observersLeft = true;
				continue;
			}
			if (isSettledFor(this.#state, step.effect)) continue;
			const refusal = item.refusals?.find((candidate) => candidate.step === index);
			if (refusal === undefined) await this.#runStep(step, index);
			else this.#bookFailure(step, index, clock(), refusal.outcome, refusal.error);
		}
		const verdict = () => this.#texts.verdict(this.#state, chain.hook, item.revision, this.#event, clock() - item.receivedAt);
		return {
			state: this.#state,
			reply: item.kind === "reply" ? verdict() : undefined,
			event: this.#json,
			deadlineMs: this.#deadlineMs,
			observersLeft,
			texts: this.#texts,
		};
	}

	#applies(step: ThreadStep, index: number): boolean {
		const { item } = this.#input;
		if (item.kind === "observe" && step.effect !== "observe") return false;
		if (item.only !== undefined && !item.only.includes(index)) return false;
		if (!isForEvent(step, this.#event)) return false;
		if (this.#event.hook !== "on_tool_call") return true;
		if (step.phases !== undefined && !step.phases.includes(this.#event.phase)) return false;
		if (step.effect !== "claim") return true;
		const plugin = step.image === undefined ? undefined : this.#input.plugin(step.image);
		return plugin === undefined || plugin.argumentChecks.has(this.#event.data.call.name);
	}

	async #runStep(step: ThreadStep, index: number): Promise<void> {
		const { guard, clock, item, nextInvocation } = this.#input;
		const startedAt = clock();
		const plugin = step.image === undefined ? undefined : this.#input.plugin(step.image);
		if (plugin === undefined) {
			this.#bookFailure(step, index, startedAt, "load_failed", step.loadFault ?? "the plugin is not loaded");
			return;
		}
		const deadlineAt = Math.min(startedAt + step.timeoutMs, this.#deadlineAt);
		if (deadlineAt <= startedAt) {
			this.#bookFailure(step, index, startedAt, "timeout", "no time was left of the event's deadline");
			return;
		}
		if (index > this.#firstStep) guard.checkpoint(item.slot, index, () => this.#texts.state(this.#state), this.#json);
		guard.arm(item.slot, index, startedAt, deadlineAt);
		const argumentFault = this.#argumentFault(step, plugin);
		const input = this.#inputFor(step, plugin);
		const invocation =
			argumentFault ?? (await plugin.loaded.invoke(this.#event.hook, input, { invocation: nextInvocation(), deadlineAt }));
		guard.disarm();
		const inputBytes = typeof input === "string" ? Buffer.byteLength(input) : input.length;
		this.#book(step, index, startedAt, invocation, inputBytes, plugin.loaded.image.secrets);
	}

	/** What the plugin reads: the bytes that arrived when nothing was changed or withheld. They are copied into its host memory. */
	#inputFor(step: ThreadStep, plugin: HostedPlugin): string | Uint8Array {
		const { grants } = plugin.loaded.image;
		if (!grants.includes("read_messages")) {
			return JSON.stringify(withholdText(this.#event, step.effect === "claim"));
		}
		return this.#json ?? this.#input.body;
	}

	/** An answer to a tool call whose arguments do not fit; the plugin is not run and the model can correct itself. */
	#argumentFault(step: ThreadStep, plugin: HostedPlugin): Invocation | undefined {
		if (step.effect !== "claim" || this.#event.hook !== "on_tool_call") return undefined;
		const { call } = this.#event.data;
		const faults = plugin.argumentChecks.get(call.name)?.(call.arguments) ?? [];
		if (faults.length === 0) return undefined;
		const result: PluginResult = {
			action: "claim",
			reason: "invalid_arguments",
			result: { isError: true, content: { code: "invalid_arguments", tool: call.name, errors: faults } },
		};
		return { result, outputBytes: 0, report: newHostCallReport() };
	}

	#book(
		step: ThreadStep,
		index: number,
		startedAt: number,
		invocation: Invocation,
		inputBytes: number,
		secrets: readonly string[],
	): void {
		const { report, outputBytes, result, failure } = invocation;
		const masked = this.#maskOf(step);
		const details = {
			inputBytes,
			outputBytes,
			...(report.logs.length === 0 ? {} : { logs: report.logs }),
			...(report.logsDropped === 0 ? {} : { logsDropped: report.logsDropped }),
			...(result?.usage === undefined ? {} : { usage: result.usage }),
		};
		if (result === undefined) {
			const outcome = failure?.outcome ?? "host_error";
			const blame = { ran: true, ...(outcome === "host_error" ? { ours: true as const } : {}) };
			this.#bookFailure(step, index, startedAt, outcome, masked(failure?.message ?? "no result"), {
				...details,
				...blame,
			});
			return;
		}
		const { size } = this.#state;
		const applied = applyResult(this.#event, result, step.effect, step.paths, step.name, size, this.#input.maxVerdictBytes);
		if (applied.fault !== undefined) {
			this.#bookFailure(step, index, startedAt, applied.outcome ?? "bad_output", masked(applied.fault), {
				...details,
				ran: true,
			});
			return;
		}
		const reason = applied.block?.code ?? result.reason;
		this.#state.size = step.mode === "enforce" ? applied.size : applied.shadowSize;
		const durationMs = this.#input.clock() - startedAt;
		const patch = step.recordPatches === true ? applied.patch : undefined;
		this.#state.records.push({
			step: index,
			ran: true,
			entry: {
				plugin: step.name,
				version: step.version,
				effect: step.effect,
				mode: step.mode,
				outcome: "ok",
				action: applied.action,
				startMs: roundMs(startedAt - this.#input.item.receivedAt),
				durationMs: roundMs(durationMs),
				...(applied.paths.length === 0 ? {} : { paths: applied.paths.map(masked) }),
				...(applied.stripped.length === 0 ? {} : { stripped: applied.stripped.map(masked) }),
				...(reason === undefined ? {} : { reason: masked(reason) }),
			},
			digest: step.digest,
			...(step.arm === undefined ? {} : { arm: step.arm }),
			...(step.ofUser === undefined ? {} : { ofUser: true as const }),
			startedAt: new Date(Date.now() - durationMs).toISOString(),
			...details,
			...(patch === undefined ? {} : keepPatch(patch, secrets, this.#state.records)),
		});
		if (step.mode === "enforce") this.#enforce(step, applied, result);
	}

	/** Takes the plugin's own secrets out of what is recorded of it. What its result does to the event is its own affair. */
	#maskOf(step: ThreadStep): (text: string) => string {
		const secrets = (step.image === undefined ? undefined : this.#input.plugin(step.image))?.loaded.image.secrets ?? [];
		return secrets.length === 0 ? (text) => text : (text) => maskSecrets(text, secrets);
	}

	#enforce(step: ThreadStep, applied: AppliedResult, result: PluginResult): void {
		if (applied.event !== undefined && applied.data !== undefined) {
			this.#event = applied.event;
			this.#json = this.#texts.changedEvent(applied.event, applied.data);
			this.#state.changed = true;
		}
		if (applied.block !== undefined) this.#state.block = applied.block;
		if (applied.claim !== undefined) this.#state.claim = { plugin: step.name, result: applied.claim };
		if (result.annotations !== undefined && step.effect !== "observe") this.#state.annotations[step.name] = result.annotations;
	}

	#bookDeferred(step: ThreadStep, index: number): void {
		this.#state.records.push({
			step: index,
			ran: false,
			entry: {
				plugin: step.name,
				version: step.version,
				effect: step.effect,
				mode: step.mode,
				outcome: "deferred",
				startMs: roundMs(this.#input.clock() - this.#input.item.receivedAt),
				durationMs: 0,
			},
			digest: step.digest,
			...(step.arm === undefined ? {} : { arm: step.arm }),
			inputBytes: 0,
			outputBytes: 0,
			startedAt: new Date().toISOString(),
		});
	}

	#bookFailure(
		step: ThreadStep,
		index: number,
		startedAt: number,
		outcome: Parameters<typeof bookFailure>[4]["outcome"],
		error: string,
		details: Parameters<typeof bookFailure>[5] = {},
	): void {
		const now = this.#input.clock();
		const failure = { outcome, error, startMs: startedAt - this.#input.item.receivedAt, durationMs: now - startedAt };
		bookFailure(this.#state, index, step, subjectOf(step), failure, details);
	}
}

/** Who a step is about. */
export function subjectOf(step: ThreadStep): StepSubject {
	const { name, version, digest, effect, mode, arm, ofUser } = step;
	const rare = { ...(arm === undefined ? {} : { arm }), ...(ofUser === undefined ? {} : { ofUser }) };
	return { plugin: name, version, digest, effect, mode, ...rare };
}
