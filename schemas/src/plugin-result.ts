// What a plugin's export returns for one event. It comes from untrusted code: the runtime checks it against this schema,
// and then against what the binding's effect allows.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Usage } from "./message.js";

export const PluginAction = Type.Union(
	[Type.Literal("continue"), Type.Literal("modify"), Type.Literal("block"), Type.Literal("claim")],
	{ $id: "PluginAction" },
);
export type PluginAction = Static<typeof PluginAction>;

export const PluginResult = Type.Object(
	{
		action: PluginAction,
		patch: Type.Optional(
			Type.Record(Type.String(), Type.Unknown(), {
				description: "action modify: JSON Merge Patch (RFC 7386) of the event's data, on the paths that the manifest lists",
			}),
		),
		result: Type.Optional(
			Type.Unknown({
				description: "action claim: the answer — a Message for on_chat_message, a ToolResult for on_tool_call",
			}),
		),
		reason: Type.Optional(
			Type.String({
				pattern: "^[a-z][a-z0-9_.-]{0,63}$",
				description: "action block: stable reason code, such as prompt_injection",
			}),
		),
		message: Type.Optional(Type.String({ maxLength: 2_000, description: "Text for the user" })),
		annotations: Type.Optional(
			Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), {
				description: "Facts for the caller, kept under the plugin's name in the verdict; at most 64 KiB as JSON",
			}),
		),
		usage: Type.Optional(Usage),
	},
	{ $id: "PluginResult", description: "What a plugin returns for one event" },
);
export type PluginResult = Static<typeof PluginResult>;

const check = TypeCompiler.Compile(PluginResult);

/** True when the value is a plugin result. Does not throw. */
export function isPluginResult(value: unknown): value is PluginResult {
	return check.Check(value);
}

/** The first thing wrong with a plugin result; `undefined` when nothing is. */
export function firstPluginResultFault(value: unknown): { path: string; message: string } | undefined {
	const fault = check.Errors(value).First();
	return fault === undefined ? undefined : { path: fault.path, message: fault.message };
}
