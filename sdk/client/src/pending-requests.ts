// The events that wait for a verdict: sends them, listens for signs of life, sends them again, and gives each exactly one
// verdict inside its deadline. A runtime that is frozen keeps its share of the queue group, so without this every third
// event would be lost with one of three runtimes stopped.
import type { HookName, Problem } from "@hookbus/schemas";
import type { Msg } from "nats";
import type { BuiltEvent } from "./build-event.js";
import { withDeadline } from "./build-event.js";
import type { BusLink } from "./bus-link.js";
import type { FailureCode } from "./client-errors.js";
import type { Counters } from "./client-metrics.js";
import type { PolicyDecision } from "./failure-policy.js";
import { busVerdict, type HookVerdict, policyVerdict } from "./hook-verdict.js";
import { messageOf } from "./nats-failures.js";
import { newRequest, type PendingRequest } from "./pending-request.js";
import { isLateFrame, readReply } from "./read-reply.js";
import type { ReplyInbox } from "./reply-inbox.js";
import type { RoundTrip } from "./round-trip.js";
import { retryPauseMs, silenceToleranceMs, USELESS_MS } from "./send-schedule.js";
import { TimerWheel } from "./timer-wheel.js";

/** A problem with this status says "not now": the runtime drains or is full. */
const NOT_NOW_STATUS = 503;

export interface PendingRequestsParts {
	readonly link: BusLink;
	readonly inbox: ReplyInbox;
	readonly roundTrip: RoundTrip;
	readonly counters: Counters;
	readonly decide: (hook: HookName, assistant: string) => PolicyDecision;
	readonly now: () => number;
	readonly silenceMs: number;
	readonly maxPending: number;
}

/**
 * States of a request:
 *
 * | state | entered | left |
 * |---|---|---|
 * | waiting | the event was sent | verdict, garbage or a problem → settled; nobody listens, or "not now" → retrying where the scope has a chain, else settled by policy; silence → sent again, waiting; connection lost → parked where the scope is closed, else settled by policy |
 * | retrying | nobody listened, or "not now" | pause over → sent again, waiting; a verdict of an earlier send → settled |
 * | parked | no connection, and the scope is closed | connection is up → sent, waiting |
 * | settled | it has its verdict | never |
 *
 * From every state: deadline or `settleAll` → settled by policy.
 */
export class PendingRequests {
	readonly #parts: PendingRequestsParts;
	readonly #open = new Set<PendingRequest>();
	/** Reply token → request; a request stands under one token for each time that it was sent. */
	readonly #byToken = new Map<string, PendingRequest>();
	readonly #wheel: TimerWheel<PendingRequest>;
	#onIdle: (() => void) | undefined;
	/** The server does not let this user subscribe to the inbox, so no reply can come. */
	#inboxDenied = false;

	constructor(parts: PendingRequestsParts) {
		this.#parts = parts;
		this.#wheel = new TimerWheel((request, now) => this.#wake(request, now), parts.now);
	}

	get size(): number {
		return this.#open.size;
	}

	/** Resolves to the event's verdict within its deadline (and one tick of the wheel). Never rejects. */
	ask(event: BuiltEvent): Promise<HookVerdict<unknown>> {
		return new Promise((resolve) => {
			const now = this.#parts.now();
			const request = newRequest(event, resolve, now);
			const full = this.#open.size >= this.#parts.maxPending;
			this.#open.add(request);
			if (full) this.#settleByPolicy(request, "overloaded", `${this.#parts.maxPending} events wait for their verdicts already`);
			else this.#send(request, now);
		});
	}

	/** Takes a reply. Never throws: that would end the connection's read loop. */
	receive(token: string, message: Msg): void {
		const request = this.#byToken.get(token);
		if (request === undefined) {
			if (!isLateFrame(message)) this.#parts.counters.lateReplies++;
			return;
		}
		try {
			this.#take(request, token, message);
		} catch (cause) {
			this.#settleByPolicy(request, "internal", messageOf(cause));
		}
	}

	/** There is a new connection: what was parked is sent. */
	linkUp(): void {
		this.#inboxDenied = false;
		const now = this.#parts.now();
		for (const request of this.#open) {
			if (request.state === "parked") this.#send(request, now);
		}
	}

	/** The connection was lost, and with it every reply that was on its way. */
	linkDown(): void {
		for (const request of this.#open) {
			if (request.state === "waiting" || request.state === "retrying") this.#park(request, "the connection to NATS was lost");
		}
	}

	/** The server refused a publish on this subject. */
	publishDenied(subject: string): void {
		for (const request of this.#open) {
			if (request.event.subject === subject)
				this.#settleByPolicy(request, "permission_denied", `NATS does not allow this user to publish on ${subject}`);
		}
	}

	/** The server refused the subscription to the inbox. */
	inboxDenied(): void {
		this.#inboxDenied = true;
		for (const request of this.#open) {
			if (request.state !== "parked") this.#settleDeniedInbox(request);
		}
	}

	/** Resolves when no request is open. */
	async idle(): Promise<void> {
		if (this.#open.size === 0) return;
		await new Promise<void>((resolve) => {
			this.#onIdle = resolve;
		});
	}

	/** Gives every open request its verdict by policy now. */
	settleAll(failure: FailureCode, detail: string): void {
		for (const request of this.#open) this.#settleByPolicy(request, failure, detail);
	}

	#send(request: PendingRequest, now: number): void {
		if (this.#inboxDenied) {
			this.#settleDeniedInbox(request);
			return;
		}
		const { event, sends } = request;
		const token = this.#parts.inbox.nextToken();
		const body =
			sends.length === 0 && now === request.startedAt ? event.body : withDeadline(event.body, request.deadlineAt - now);
		const refusal = this.#parts.link.publish(event.subject, body, this.#parts.inbox.replySubject(token));
		if (refusal !== undefined) {
			if (refusal.failure === "disconnected") this.#park(request, refusal.detail);
			else this.#settleByPolicy(request, refusal.failure, refusal.detail);
			return;
		}
		sends.push({ token, at: now, heard: false });
		this.#byToken.set(token, request);
		request.state = "waiting";
		request.heardAt = now;
		this.#schedule(request);
	}

	#take(request: PendingRequest, token: string, message: Msg): void {
		const { counters } = this.#parts;
		const reply = readReply(message, request.event);
		if (reply.kind !== "no_responders") this.#heard(request, token);
		switch (reply.kind) {
			case "verdict":
				counters.busVerdicts++;
				this.#settle(request, busVerdict(this.#asked(request), reply.verdict));
				return;
			case "frame":
				counters.frames++;
				return;
			case "no_responders":
				this.#refused(request, token, "no_responders", `nobody listens on ${request.event.subject}`, undefined);
				return;
			case "problem":
				if (reply.problem.status === NOT_NOW_STATUS)
					this.#refused(request, token, "refused", reply.problem.detail, reply.problem);
				else this.#settleByPolicy(request, "refused", reply.problem.detail, reply.problem);
				return;
			case "garbage":
				this.#settleByPolicy(request, "bad_reply", reply.detail);
				return;
		}
	}

	#heard(request: PendingRequest, token: string): void {
		const now = this.#parts.now();
		request.heardAt = now;
		const send = request.sends.find((one) => one.token === token);
		if (send === undefined || send.heard) return;
		send.heard = true;
		this.#parts.roundTrip.observeFirstSound(now - send.at);
	}

	/** Nobody took the event this time: tried again later where a runtime should be there, else the policy decides at once. */
	#refused(request: PendingRequest, token: string, failure: FailureCode, detail: string, problem: Problem | undefined): void {
		// An earlier send may still be answered, but this one is over; when a later one is on its way, that one counts.
		if (request.state !== "waiting" || request.sends.at(-1)?.token !== token) return;
		const { event } = request;
		if (!this.#parts.decide(event.hook, event.assistant).chain) {
			this.#settleByPolicy(request, failure, detail, problem);
			return;
		}
		request.state = "retrying";
		request.failure = failure;
		request.detail = detail;
		request.problem = problem;
		request.retryAt = this.#parts.now() + retryPauseMs(request.refusals++, Math.random());
		this.#schedule(request);
	}

	#park(request: PendingRequest, detail: string): void {
		const { event } = request;
		if (this.#parts.decide(event.hook, event.assistant).policy === "open") {
			this.#settleByPolicy(request, "disconnected", detail);
			return;
		}
		request.state = "parked";
		request.failure = "disconnected";
		request.detail = detail;
		request.problem = undefined;
		this.#schedule(request);
	}

	/** The wheel says that it is time to look at the request. */
	#wake(request: PendingRequest, now: number): void {
		if (request.state === "settled") return;
		if (now >= request.deadlineAt) {
			if (request.state === "waiting")
				this.#settleByPolicy(request, "timeout", `no verdict within ${request.event.deadlineMs} ms`);
			else this.#settleByPolicy(request, request.failure, request.detail, request.problem);
			return;
		}
		const worthSending = request.deadlineAt - now >= USELESS_MS;
		if (request.state === "waiting" && worthSending && now >= this.#silentAt(request)) {
			request.silences++;
			this.#parts.counters.resends++;
			this.#send(request, now);
		} else if (request.state === "retrying" && worthSending && now >= request.retryAt) {
			this.#parts.counters.retries++;
			this.#send(request, now);
		} else {
			this.#schedule(request);
		}
	}

	#schedule(request: PendingRequest): void {
		let at = request.deadlineAt;
		if (request.state === "waiting") at = Math.min(at, this.#silentAt(request));
		else if (request.state === "retrying") at = Math.min(at, request.retryAt);
		this.#wheel.schedule(request, at);
	}

	#silentAt(request: PendingRequest): number {
		const { silenceMs, roundTrip } = this.#parts;
		return request.heardAt + silenceToleranceMs(silenceMs, roundTrip.smoothedMs, request.silences);
	}

	#settleDeniedInbox(request: PendingRequest): void {
		this.#settleByPolicy(request, "permission_denied", "NATS does not allow this user to subscribe to its inbox");
	}

	#settleByPolicy(request: PendingRequest, failure: FailureCode, detail: string, problem?: Problem): void {
		if (request.state === "settled") return;
		const { event } = request;
		const { policy } = this.#parts.decide(event.hook, event.assistant);
		this.#parts.counters.policyVerdicts[failure]++;
		this.#settle(request, policyVerdict(this.#asked(request), policy, failure, detail, problem));
	}

	#settle(request: PendingRequest, verdict: HookVerdict<unknown>): void {
		request.state = "settled";
		this.#wheel.cancel(request);
		for (const send of request.sends) this.#byToken.delete(send.token);
		this.#open.delete(request);
		request.resolve(verdict);
		if (this.#open.size === 0) this.#onIdle?.();
	}

	#asked(request: PendingRequest): { id: string; hook: HookName; data: unknown; durationMs: number; attempts: number } {
		const { id, hook, data } = request.event;
		return { id, hook, data, durationMs: this.#parts.now() - request.startedAt, attempts: request.sends.length };
	}
}
