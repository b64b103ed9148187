// Makes the event that goes on the bus from what the caller gave: envelope filled in, checked, encoded once. What is wrong
// is found here, before anything is sent, and named; otherwise an invalid event would pass unseen where nobody listens.
import { randomUUID } from "node:crypto";
import {
	type AfterResponseData,
	type BeforeResponseData,
	type ChatMessageData,
	EVENT_SPEC,
	eventSubject,
	firstEventFault,
	type HookName,
	isEvent,
	MAX_DEADLINE_MS,
	type Origin,
	type ToolCallData,
	type ToolPhase,
	type ToolResult,
} from "@hookbus/schemas";
import type { Failure } from "./nats-failures.js";
import { messageOf } from "./nats-failures.js";

/** What the caller knows about an occurrence of a hook. Everything else of the envelope is filled in. */
export interface EventInput<Data> {
	/** Which assistant of the tenant: 1–64 characters of `A–Z a–z 0–9 _ -`. */
	readonly assistant: string;
	/** The hook's data; see @hookbus/schemas. */
	readonly data: Data;
	/** Id of the event, 1–128 printable ASCII characters. Default: a random UUID. The same id again is the same event. */
	readonly id?: string | undefined;
	readonly conversation?: string | undefined;
	/** Number of the user's turn in the conversation, from 0. */
	readonly turn?: number | undefined;
	/** Pseudonymous id and roles. */
	readonly user?: { readonly id: string; readonly roles?: readonly string[] } | undefined;
	/** What made the model be called. */
	readonly origin?: Origin | undefined;
	readonly model?: string | undefined;
	/** W3C Trace Context. */
	readonly traceparent?: string | undefined;
	readonly tracestate?: string | undefined;
	/** Milliseconds until there must be a verdict, 1–30,000 (more is lowered). Default: the client's defaultDeadlineMs. */
	readonly deadlineMs?: number | undefined;
}

export type ChatMessageInput = EventInput<ChatMessageData>;
/** Phase `request`: the model asked for a tool and nothing has run. */
export type ToolCallInput = EventInput<ToolCallData>;
/** Phase `result`: the tool has run and the model has not seen its result. */
export type ToolResultInput = EventInput<ToolCallData & { result: ToolResult }>;
export type BeforeResponseInput = EventInput<BeforeResponseData>;
export type AfterResponseInput = Omit<EventInput<AfterResponseData>, "deadlineMs">;

export interface BuiltEvent {
	readonly id: string;
	readonly hook: HookName;
	readonly assistant: string;
	readonly data: unknown;
	readonly deadlineMs: number;
	readonly subject: string;
	readonly body: Uint8Array;
}

/** What is known of an event that could not be built. */
export interface EventFault extends Failure {
	readonly id: string;
	readonly hook: HookName;
	readonly assistant: string;
	readonly data: unknown;
}

export interface EventDefaults {
	readonly tenant: string;
	readonly deadlineMs: number;
	readonly maxEventBytes: number;
}

// The body starts with the deadline at a fixed place and width, so that an event that is sent again can say how long the
// caller still waits without being encoded again. JSON allows white space after a number.
const BODY_START = '{"deadlineMs":';
const DEADLINE_DIGITS = String(MAX_DEADLINE_MS).length;

/** Builds an event, or says what is wrong with the input. Does not throw. */
export function buildEvent(
	hook: HookName,
	phase: ToolPhase | undefined,
	input: EventInput<unknown>,
	defaults: EventDefaults,
): BuiltEvent | EventFault {
	const given: Partial<EventInput<unknown>> = typeof input === "object" && input !== null ? input : {};
	const id = typeof given.id === "string" ? given.id : randomUUID();
	const assistant = typeof given.assistant === "string" ? given.assistant : "";
	const fault = (failure: "invalid_event" | "event_too_large", detail: string): EventFault => ({
		failure,
		detail,
		id,
		hook,
		assistant,
		data: given.data,
	});

	const durable = hook === "on_after_response";
	const deadlineMs = durable ? 0 : deadlineOf(given.deadlineMs, defaults.deadlineMs);
	if (deadlineMs === undefined)
		return fault(
			"invalid_event",
			`deadlineMs is ${typeof given.deadlineMs === "number" ? given.deadlineMs : typeof given.deadlineMs}; use 1 to ${MAX_DEADLINE_MS}`,
		);
	const event = {
		spec: EVENT_SPEC,
		id: given.id ?? id,
		tenant: defaults.tenant,
		hook,
		phase,
		assistant: given.assistant,
		conversation: given.conversation,
		turn: given.turn,
		user: given.user,
		origin: given.origin,
		model: given.model,
		traceparent: given.traceparent,
		tracestate: given.tracestate,
		time: new Date().toISOString(),
		data: given.data,
	};
	if (!isEvent(hook, event)) {
		const first = firstEventFault(hook, event);
		return fault("invalid_event", first === undefined ? "the input makes no event" : `${first.path}: ${first.message}`);
	}
	if (phase === "result" && (given.data as ToolCallData).result === undefined) {
		return fault("invalid_event", "/data/result: a tool result needs it; use toolCall() before the tool has run");
	}
	let json: string;
	try {
		json = JSON.stringify(event);
	} catch (cause) {
		return fault("invalid_event", `the data cannot be written as JSON: ${messageOf(cause)}`);
	}
	if (!durable) json = `${BODY_START}${String(deadlineMs).padEnd(DEADLINE_DIGITS)},${json.slice(1)}`;
	// UTF-8 is never shorter than the text, so a text over the limit need not be encoded to know.
	const body = json.length > defaults.maxEventBytes ? undefined : Buffer.from(json);
	if (body === undefined || body.length > defaults.maxEventBytes) {
		const size = body === undefined ? `more than ${defaults.maxEventBytes}` : String(body.length);
		return fault(
			"event_too_large",
			`event ${id} has ${size} bytes, the limit is ${defaults.maxEventBytes}; send only the tail of the conversation and a historyRef`,
		);
	}
	return {
		id,
		hook,
		assistant,
		data: given.data,
		deadlineMs,
		subject: eventSubject({ tenant: defaults.tenant, hook, assistant }),
		body,
	};
}

/** A copy of an event's body that says a new deadline, in milliseconds. */
export function withDeadline(body: Uint8Array, deadlineMs: number): Uint8Array {
	const copy = Buffer.from(body);
	copy.write(String(Math.max(1, Math.floor(deadlineMs))).padEnd(DEADLINE_DIGITS), BODY_START.length, "latin1");
	return copy;
}

function deadlineOf(given: number | undefined, standard: number): number | undefined {
	if (given === undefined) return standard;
	if (typeof given !== "number" || !(given >= 1)) return undefined;
	return Math.min(Math.floor(given), MAX_DEADLINE_MS);
}
