// Data of on_tool_call. Phase `request`: the model asked for a tool and nothing has run. Phase `result`: the tool has
// run and the model has not seen its result; `result` is present in this phase only.
import { type Static, Type } from "@sinclair/typebox";
import { ToolName } from "../identifiers.js";

export const ToolResult = Type.Object(
	{
		content: Type.Unknown({ description: "What the tool returned: a string or any JSON value" }),
		isError: Type.Optional(Type.Boolean({ default: false })),
	},
	{ $id: "ToolResult" },
);
export type ToolResult = Static<typeof ToolResult>;

export const ToolCallData = Type.Object(
	{
		call: Type.Object({
			id: Type.String({ description: "The model's id of this call" }),
			name: ToolName,
			arguments: Type.Record(Type.String(), Type.Unknown(), { description: "Parsed arguments, never a JSON string" }),
		}),
		result: Type.Optional(ToolResult),
	},
	{ $id: "ToolCallData" },
);
export type ToolCallData = Static<typeof ToolCallData>;
