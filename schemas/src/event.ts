// The event: an immutable envelope, and `data` per hook. One JSON body for each occurrence of a hook.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { AfterResponseData } from "./data/on-after-response.js";
import { BeforeResponseData } from "./data/on-before-response.js";
import { ChatMessageData } from "./data/on-chat-message.js";
import { ToolCallData } from "./data/on-tool-call.js";
import { type HookName, ToolPhase } from "./hook.js";
import { ExternalId, SubjectToken } from "./identifiers.js";

/** Version of the event format; the first token after `hooks.` in a subject carries the same number. */
export const EVENT_SPEC = "1";

/** Default limit of an event's body in bytes (256 KiB). Larger events are refused before any plugin runs. */
export const MAX_EVENT_BYTES = 256 * 1024;

/** Milliseconds that an event may take when its envelope does not say. */
export const DEFAULT_DEADLINE_MS = 1_000;

/** Longest deadline in milliseconds; a larger one is lowered to this. */
export const MAX_DEADLINE_MS = 30_000;

export const Origin = Type.Union(
	[Type.Literal("user"), Type.Literal("tool_result"), Type.Literal("task"), Type.Literal("api"), Type.Literal("schedule")],
	{ $id: "Origin", description: "What made the model be called" },
);
export type Origin = Static<typeof Origin>;

const envelopeProperties = {
	spec: Type.Literal(EVENT_SPEC),
	id: ExternalId,
	tenant: SubjectToken,
	assistant: SubjectToken,
	conversation: Type.Optional(ExternalId),
	turn: Type.Optional(Type.Integer({ minimum: 0, description: "Number of the user's turn in the conversation, from 0" })),
	user: Type.Optional(
		Type.Object({
			id: Type.String({ minLength: 1, maxLength: 128, description: "Pseudonymous user id" }),
			roles: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
		}),
	),
	origin: Type.Optional(Origin),
	time: Type.String({
		pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$",
		description: "When the event occurred: RFC 3339, UTC",
	}),
	deadlineMs: Type.Optional(
		Type.Integer({
			minimum: 1,
			maximum: MAX_DEADLINE_MS,
			default: DEFAULT_DEADLINE_MS,
			description: "Milliseconds that the caller will wait for the verdict",
		}),
	),
	model: Type.Optional(Type.String({ maxLength: 128 })),
	traceparent: Type.Optional(
		Type.String({ pattern: "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$", description: "W3C Trace Context" }),
	),
	tracestate: Type.Optional(Type.String({ maxLength: 512 })),
};

export const ChatMessageEvent = Type.Object(
	{ ...envelopeProperties, hook: Type.Literal("on_chat_message"), data: ChatMessageData },
	{ $id: "ChatMessageEvent", description: "Fires before each model call" },
);
export type ChatMessageEvent = Static<typeof ChatMessageEvent>;

export const ToolCallEvent = Type.Object(
	{ ...envelopeProperties, hook: Type.Literal("on_tool_call"), phase: ToolPhase, data: ToolCallData },
	{ $id: "ToolCallEvent", description: "Fires before a tool runs (request) and before the model sees its result (result)" },
);
export type ToolCallEvent = Static<typeof ToolCallEvent>;

export const BeforeResponseEvent = Type.Object(
	{ ...envelopeProperties, hook: Type.Literal("on_before_response"), data: BeforeResponseData },
	{ $id: "BeforeResponseEvent", description: "Fires when the reply is ready and not yet sent" },
);
export type BeforeResponseEvent = Static<typeof BeforeResponseEvent>;

export const AfterResponseEvent = Type.Object(
	{ ...envelopeProperties, hook: Type.Literal("on_after_response"), data: AfterResponseData },
	{ $id: "AfterResponseEvent", description: "Fires when the reply was sent; durable, at least once" },
);
export type AfterResponseEvent = Static<typeof AfterResponseEvent>;

export interface EventByHook {
	on_chat_message: ChatMessageEvent;
	on_tool_call: ToolCallEvent;
	on_before_response: BeforeResponseEvent;
	on_after_response: AfterResponseEvent;
}

export type HookEvent = EventByHook[HookName];

export const EVENT_SCHEMAS = {
	on_chat_message: ChatMessageEvent,
	on_tool_call: ToolCallEvent,
	on_before_response: BeforeResponseEvent,
	on_after_response: AfterResponseEvent,
} as const;

const checks = {
	on_chat_message: TypeCompiler.Compile(ChatMessageEvent),
	on_tool_call: TypeCompiler.Compile(ToolCallEvent),
	on_before_response: TypeCompiler.Compile(BeforeResponseEvent),
	on_after_response: TypeCompiler.Compile(AfterResponseEvent),
} as const;

const dataChecks = {
	on_chat_message: TypeCompiler.Compile(ChatMessageData),
	on_tool_call: TypeCompiler.Compile(ToolCallData),
	on_before_response: TypeCompiler.Compile(BeforeResponseData),
	on_after_response: TypeCompiler.Compile(AfterResponseData),
} as const;

/** True when the value is a whole event of this hook. Does not throw. */
export function isEvent(hook: HookName, value: unknown): value is HookEvent {
	return checks[hook].Check(value);
}

/** True when the value is valid `data` of this hook; asked again after every patch. Does not throw. */
export function isEventData(hook: HookName, value: unknown): boolean {
	return dataChecks[hook].Check(value);
}

/** The first thing wrong with an event, as a JSON Pointer and a sentence; `undefined` when nothing is. */
export function firstEventFault(hook: HookName, value: unknown): { path: string; message: string } | undefined {
	const fault = checks[hook].Errors(value).First();
	return fault === undefined ? undefined : { path: fault.path, message: fault.message };
}

/** The first thing wrong with an event's `data`, with the pointer inside `data`; `undefined` when nothing is. */
export function firstDataFault(hook: HookName, value: unknown): { path: string; message: string } | undefined {
	const fault = dataChecks[hook].Errors(value).First();
	return fault === undefined ? undefined : { path: fault.path, message: fault.message };
}
