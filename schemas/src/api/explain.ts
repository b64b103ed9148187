// The resolved chains of a scope: what runs, in which order, and why; and what does not run, and why not.
import { type Static, Type } from "@sinclair/typebox";
import { Arm, BindingMode, Effect, FailurePolicy, ToolPhase } from "../hook.js";
import { PluginName, SemVer } from "../identifiers.js";
import { AssistantScope } from "./binding.js";

export const DependencyState = Type.Union(
	[Type.Literal("met"), Type.Literal("missing"), Type.Literal("version_differs"), Type.Literal("disabled")],
	{ $id: "DependencyState" },
);
export type DependencyState = Static<typeof DependencyState>;

export const ExplainedDependency = Type.Object(
	{
		plugin: PluginName,
		range: Type.String({ description: "Versions that will do" }),
		version: Type.Optional(SemVer),
		state: DependencyState,
	},
	{ additionalProperties: false, $id: "ExplainedDependency" },
);
export type ExplainedDependency = Static<typeof ExplainedDependency>;

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
		percentage: Type.Optional(Type.Number({ description: "It runs for this share of the conversations only" })),
		arm: Type.Optional(Arm),
		optedIn: Type.Optional(Type.Integer({ description: "It runs only for the users who opted in, and they are so many" })),
		ownConfigs: Type.Optional(
			Type.Integer({ description: "So many users have a configuration of their own; with ?user= 1 when that user has one" }),
		),
		dependencies: Type.Optional(Type.Array(ExplainedDependency, { description: "Plugins that it needs, and how they stand" })),
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
		Type.Literal("percentage_zero"),
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
		unlisted: Type.Optional(
			Type.Integer({
				minimum: 1,
				description: "So many further plugins stand in no list, because no binding puts them here; absent: none",
			}),
		),
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
