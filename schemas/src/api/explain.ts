// The resolved chains of a scope: what runs, in which order, and why; and what does not run, and why not.
import { type Static, Type } from "@sinclair/typebox";
import { BindingMode, Effect, FailurePolicy, ToolPhase } from "../hook.js";
import { PluginName, SemVer } from "../identifiers.js";
import { AssistantScope } from "./binding.js";

export const ExplainedStep = Type.Object(
	{
		plugin: PluginName,
		version: SemVer,
		effect: Effect,
		mode: BindingMode,
		onError: FailurePolicy,
		timeoutMs: Type.Integer({ minimum: 1 }),
		order: Type.Integer({ description: "The number that it was sorted by" }),
		phases: Type.Optional(Type.Array(ToolPhase)),
		scope: Type.Union([Type.Literal("tenant"), Type.Literal("assistant")], { description: "Whose binding put it here" }),
		mandatory: Type.Boolean(),
		reason: Type.String({ description: "Why it stands here, for a person" }),
	},
	{ additionalProperties: false, $id: "ExplainedStep" },
);
export type ExplainedStep = Static<typeof ExplainedStep>;

export const LeftOutCode = Type.Union(
	[
		Type.Literal("plugin_disabled"),
		Type.Literal("recalled"),
		Type.Literal("grants_missing"),
		Type.Literal("purge_pending"),
		Type.Literal("not_bound"),
		Type.Literal("binding_disabled"),
		Type.Literal("mode_off"),
	],
	{ $id: "LeftOutCode" },
);
export type LeftOutCode = Static<typeof LeftOutCode>;

export const LeftOut = Type.Object(
	{
		plugin: PluginName,
		code: LeftOutCode,
		reason: Type.String({ description: "Why it does not run here, for a person" }),
	},
	{ additionalProperties: false, $id: "LeftOut" },
);
export type LeftOut = Static<typeof LeftOut>;

export const ExplainedHook = Type.Object(
	{ chain: Type.Array(ExplainedStep), leftOut: Type.Array(LeftOut) },
	{ additionalProperties: false, $id: "ExplainedHook" },
);
export type ExplainedHook = Static<typeof ExplainedHook>;

export const Explanation = Type.Object(
	{
		assistant: AssistantScope,
		revision: Type.Integer({ minimum: 0 }),
		hooks: Type.Object(
			{
				on_chat_message: ExplainedHook,
				on_tool_call: ExplainedHook,
				on_before_response: ExplainedHook,
				on_after_response: ExplainedHook,
			},
			{ additionalProperties: false },
		),
	},
	{ additionalProperties: false, $id: "Explanation" },
);
export type Explanation = Static<typeof Explanation>;
