// Data of on_after_response. Before it: the reply was sent. After it: nothing; nobody waits and nothing can be changed.
import { type Static, Type } from "@sinclair/typebox";
import { Message, Usage } from "../message.js";

export const AfterResponseData = Type.Object(
	{
		outcome: Type.Union([Type.Literal("ok"), Type.Literal("blocked"), Type.Literal("error"), Type.Literal("aborted")], {
			description: "How the turn ended",
		}),
		response: Type.Optional(
			Type.Object({
				message: Message,
				finishReason: Type.Optional(Type.String()),
				usage: Type.Optional(Usage),
			}),
		),
		durationMs: Type.Optional(
			Type.Number({ minimum: 0, description: "Milliseconds from the user's message to the end of the reply" }),
		),
	},
	{ $id: "AfterResponseData" },
);
export type AfterResponseData = Static<typeof AfterResponseData>;
