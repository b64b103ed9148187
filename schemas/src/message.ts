// Canonical chat messages: what every chat service translates its own format into, so that a plugin is written once.
import { type Static, Type } from "@sinclair/typebox";
import { ToolName } from "./identifiers.js";

export const TextPart = Type.Object({ type: Type.Literal("text"), text: Type.String() });

export const ImagePart = Type.Object({
	type: Type.Literal("image"),
	ref: Type.String({ description: "URL or reference; the bytes never travel in the event" }),
	mediaType: Type.Optional(Type.String()),
});

export const FilePart = Type.Object({
	type: Type.Literal("file"),
	ref: Type.String({ description: "URL or reference; the bytes never travel in the event" }),
	name: Type.Optional(Type.String()),
	mediaType: Type.Optional(Type.String()),
});

export const ToolCallPart = Type.Object({
	type: Type.Literal("tool_call"),
	id: Type.String(),
	name: ToolName,
	arguments: Type.Record(Type.String(), Type.Unknown()),
});

export const ToolResultPart = Type.Object({
	type: Type.Literal("tool_result"),
	callId: Type.String(),
	content: Type.Unknown({ description: "What the tool returned: a string or any JSON value" }),
	isError: Type.Optional(Type.Boolean({ default: false })),
});

export const MessagePart = Type.Union([TextPart, ImagePart, FilePart, ToolCallPart, ToolResultPart], {
	$id: "MessagePart",
});
export type MessagePart = Static<typeof MessagePart>;

export const Role = Type.Union([Type.Literal("system"), Type.Literal("user"), Type.Literal("assistant"), Type.Literal("tool")]);

export const Message = Type.Object(
	{
		role: Role,
		id: Type.Optional(Type.String()),
		name: Type.Optional(Type.String()),
		parts: Type.Array(MessagePart),
	},
	{ $id: "Message", description: "One chat message with typed parts" },
);
export type Message = Static<typeof Message>;

export const Usage = Type.Object(
	{
		inputTokens: Type.Optional(Type.Integer({ minimum: 0 })),
		outputTokens: Type.Optional(Type.Integer({ minimum: 0 })),
		cost: Type.Optional(Type.Number({ minimum: 0, maximum: 1_000_000, description: "US dollars" })),
	},
	{ $id: "Usage", description: "Tokens and cost" },
);
export type Usage = Static<typeof Usage>;
