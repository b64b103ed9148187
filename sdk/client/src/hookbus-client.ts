// The public face: one method for each hook. Nothing that can go wrong here may become an exception, because the chat
// service stands in the middle of a conversation and has to be told what to do next.
import type { AfterResponseData, BeforeResponseData, ChatMessageData, HookName, ToolCallData, ToolPhase } from "@hookbus/schemas";
import {
	type AfterResponseInput,
	type BeforeResponseInput,
	buildEvent,
	type ChatMessageInput,
	type EventDefaults,
	type EventInput,
	type ToolCallInput,
	type ToolResultInput,
} from "./build-event.js";
import type { BusLink } from "./bus-link.js";
import type { FailureCode } from "./client-errors.js";
import type { ClientMetrics, Counters } from "./client-metrics.js";
import type { ClientSettings } from "./client-options.js";
import type { ReportStatus } from "./client-status.js";
import type { DurablePublisher, DurableResult } from "./durable-publisher.js";
import type { PolicyDecision, PolicyView } from "./failure-policy.js";
import { type Asked, type HookVerdict, policyVerdict } from "./hook-verdict.js";
import { messageOf } from "./nats-failures.js";
import type { PendingRequests } from "./pending-requests.js";
import type { PolicyCache } from "./policy-cache.js";
import type { RoundTrip } from "./round-trip.js";

/** What close() had to leave. */
export interface CloseReport {
	/** Events that got their verdict from the policy because time was up. */
	readonly unanswered: number;
	/** afterResponse events that were not stored because time was up. */
	readonly dropped: number;
}

export interface ClientParts {
	readonly settings: ClientSettings;
	readonly link: BusLink;
	readonly pending: PendingRequests;
	readonly durable: DurablePublisher;
	readonly policies: PolicyCache;
	readonly roundTrip: RoundTrip;
	readonly counters: Counters;
	readonly report: ReportStatus;
	readonly decide: (hook: HookName, assistant: string) => PolicyDecision;
}

const CLOSED_DETAIL = "the client is closed";

/** Made by `connectHookbus`. All methods may be called at any time, also while the bus is down and after `close()`. */
export class HookbusClient {
	readonly #parts: ClientParts;
	readonly #defaults: EventDefaults;
	#closing: Promise<CloseReport> | undefined;

	constructor(parts: ClientParts) {
		this.#parts = parts;
		const { tenant, defaultDeadlineMs, maxEventBytes } = parts.settings;
		this.#defaults = { tenant, deadlineMs: defaultDeadlineMs, maxEventBytes };
	}

	/** Hook `on_chat_message`: before each model call. Resolves within the deadline; never rejects. */
	chatMessage(input: ChatMessageInput): Promise<HookVerdict<ChatMessageData>> {
		return this.#ask<ChatMessageData>("on_chat_message", undefined, input);
	}

	/** Hook `on_tool_call`, phase `request`: before a tool runs. Resolves within the deadline; never rejects. */
	toolCall(input: ToolCallInput): Promise<HookVerdict<ToolCallData>> {
		return this.#ask<ToolCallData>("on_tool_call", "request", input);
	}

	/** Hook `on_tool_call`, phase `result`: before the model sees a tool's result. Resolves within the deadline; never rejects. */
	toolResult(input: ToolResultInput): Promise<HookVerdict<ToolCallData>> {
		return this.#ask<ToolCallData>("on_tool_call", "result", input);
	}

	/** Hook `on_before_response`: before the user sees the reply. Resolves within the deadline; never rejects. */
	beforeResponse(input: BeforeResponseInput): Promise<HookVerdict<BeforeResponseData>> {
		return this.#ask<BeforeResponseData>("on_before_response", undefined, input);
	}

	/**
	 * Hook `on_after_response`: the reply was sent. Durable, at least once: resolves when the stream has confirmed the event,
	 * which takes as long as the bus is down, or with `stored: false` when it is given up. Need not be awaited; never rejects.
	 */
	async afterResponse(input: AfterResponseInput): Promise<DurableResult> {
		const { counters, durable } = this.#parts;
		counters.durableEvents++;
		try {
			const built = buildEvent("on_after_response", undefined, input satisfies EventInput<AfterResponseData>, this.#defaults);
			if ("failure" in built) return this.#notStored(built.id, built.failure, built.detail);
			if (this.#closing !== undefined) return this.#notStored(built.id, "closed", CLOSED_DETAIL);
			return await durable.publish(built);
		} catch (cause) {
			return this.#notStored("", "internal", messageOf(cause));
		}
	}

	/** What is known of the bus's failure policy for this tenant. */
	policy(): PolicyView {
		return this.#parts.policies.view;
	}

	/** True while there is a connection to NATS. */
	get connected(): boolean {
		return this.#parts.link.connection !== undefined;
	}

	/** A snapshot of all counters. */
	metrics(): ClientMetrics {
		const { counters, link, pending, durable, roundTrip } = this.#parts;
		return {
			requests: counters.requests,
			busVerdicts: counters.busVerdicts,
			policyVerdicts: { ...counters.policyVerdicts },
			resends: counters.resends,
			retries: counters.retries,
			frames: counters.frames,
			lateReplies: counters.lateReplies,
			connects: link.connects,
			pendingRequests: pending.size,
			roundTripMs: roundTrip.smoothedMs,
			durable: {
				events: counters.durableEvents,
				stored: counters.durableStored,
				duplicates: counters.durableDuplicates,
				retries: counters.durableRetries,
				dropped: { ...counters.durableDropped },
				pendingEvents: durable.size,
				pendingBytes: durable.bytes,
			},
		};
	}

	/**
	 * Ends the client: takes nothing new (the policy decides, failure `closed`), waits up to closeTimeoutMs for what is
	 * pending, settles the rest, closes the connection. Idempotent: every call returns the same promise. Never rejects.
	 */
	close(): Promise<CloseReport> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	#ask<Data>(hook: HookName, phase: ToolPhase | undefined, input: EventInput<Data>): Promise<HookVerdict<Data>> {
		const { counters, pending } = this.#parts;
		counters.requests++;
		let verdict: Promise<HookVerdict<unknown>>;
		try {
			const built = buildEvent(hook, phase, input, this.#defaults);
			if ("failure" in built) verdict = this.#unsent(built, built.assistant, built.failure, built.detail);
			else if (this.#closing !== undefined) verdict = this.#unsent(built, built.assistant, "closed", CLOSED_DETAIL);
			else verdict = pending.ask(built);
		} catch (cause) {
			// The input itself may be what throws, so it is not touched again.
			verdict = this.#unsent({ id: "", hook, data: undefined }, "", "internal", messageOf(cause));
		}
		// The data is what was passed in, or what the schema of this hook has accepted.
		return verdict as Promise<HookVerdict<Data>>;
	}

	async #unsent(
		event: Pick<Asked, "id" | "hook" | "data">,
		assistant: string,
		failure: FailureCode,
		detail: string,
	): Promise<HookVerdict<unknown>> {
		const { policy } = this.#parts.decide(event.hook, assistant);
		this.#parts.counters.policyVerdicts[failure]++;
		const { id, hook, data } = event;
		return policyVerdict({ id, hook, data, durationMs: 0, attempts: 0 }, policy, failure, detail);
	}

	#notStored(id: string, failure: FailureCode, detail: string): DurableResult {
		this.#parts.counters.durableDropped[failure]++;
		this.#parts.report({ type: "event_dropped", id, failure, detail });
		return { id, stored: false, duplicate: false, attempts: 0, failure, detail };
	}

	// 1. nothing new is taken (#closing is set)  2. verdicts and confirmations come in  3. what is left is settled
	// 4. the policy watch ends  5. the connection closes
	async #close(): Promise<CloseReport> {
		const { settings, pending, durable, policies, link, report } = this.#parts;
		let timer: NodeJS.Timeout | undefined;
		const timeUp = new Promise<void>((resolve) => {
			timer = setTimeout(resolve, settings.closeTimeoutMs);
		});
		await Promise.race([Promise.all([pending.idle(), durable.idle()]), timeUp]);
		clearTimeout(timer);
		const left: CloseReport = { unanswered: pending.size, dropped: durable.size };
		const detail = `close() waited ${settings.closeTimeoutMs} ms`;
		pending.settleAll("closed", detail);
		durable.giveUp(detail);
		policies.close();
		await link.close();
		report({ type: "closed" });
		return left;
	}
}
