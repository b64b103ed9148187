// Data of on_chat_message. Before it: the user's (or a tool's) message is in the history. After it: the model call.
// Not known yet: the model's answer.
import { type Static, Type } from "@sinclair/typebox";
import { ToolName } from "../identifiers.js";
import { Message } from "../message.js";

export const ChatMessageData = Type.Object(
	{
		messages: Type.Array(Message, { minItems: 1, description: "Tail of the conversation, oldest first; the last one is new" }),
		historyRef: Type.Optional(Type.String({ description: "Where the full history can be read, when messages is only its tail" })),
		tools: Type.Optional(Type.Array(ToolName, { description: "Names of the tools offered to the model" })),
		parameters: Type.Optional(
			Type.Record(Type.String(), Type.Unknown(), { description: "Model parameters, such as temperature" }),
		),
	},
	{ $id: "ChatMessageData" },
);
export type ChatMessageData = Static<typeof ChatMessageData>;
