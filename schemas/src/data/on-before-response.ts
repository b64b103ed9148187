// Data of on_before_response. Before it: the model (or a claim) has answered. After it: the user sees the reply.
// `messages` is the conversation as the user knows it, so that a plugin can undo what it did in on_chat_message.
import { type Static, Type } from "@sinclair/typebox";
import { Message, Usage } from "../message.js";

export const BeforeResponseData = Type.Object(
	{
		response: Type.Object({
			message: Message,
			finishReason: Type.Optional(Type.String()),
			usage: Type.Optional(Usage),
		}),
		messages: Type.Optional(Type.Array(Message, { description: "Tail of the conversation as the user knows it, oldest first" })),
	},
	{ $id: "BeforeResponseData" },
);
export type BeforeResponseData = Static<typeof BeforeResponseData>;
