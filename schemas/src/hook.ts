// The hooks: named points of the chat lifecycle, and what each lets a plugin do. Runtime, control plane and client all
// read this one table; a hook that stood in two tables would soon be waited for in one place and not in the other.
import { type Static, Type } from "@sinclair/typebox";

/** What a plugin's hook entry may do to an event; declared in the manifest, enforced by the runtime. */
export const Effect = Type.Union(
	[Type.Literal("observe"), Type.Literal("transform"), Type.Literal("gate"), Type.Literal("claim")],
	{
		$id: "Effect",
		description:
			"observe: nothing; transform: patch the data on declared paths; gate: block; claim: answer instead of the model or the tool",
	},
);
export type Effect = Static<typeof Effect>;

export const HookName = Type.Union(
	[
		Type.Literal("on_chat_message"),
		Type.Literal("on_tool_call"),
		Type.Literal("on_before_response"),
		Type.Literal("on_after_response"),
	],
	{ $id: "HookName", description: "A named point of the chat lifecycle" },
);
export type HookName = Static<typeof HookName>;

/** `on_tool_call` fires twice: before the tool runs, and before the model sees its result. */
export const ToolPhase = Type.Union([Type.Literal("request"), Type.Literal("result")], { $id: "ToolPhase" });
export type ToolPhase = Static<typeof ToolPhase>;

export interface HookSemantics {
	/** Effects that a manifest may ask for at this hook. */
	readonly effects: readonly Effect[];
	/** `reply`: the chat service waits for a verdict. `durable`: JetStream, at least once, nobody waits. */
	readonly delivery: "reply" | "durable";
	/** `reverse`: a binding without a number of its own runs in reverse order, so that redact and restore nest. */
	readonly order: "forward" | "reverse";
	/** One sentence: when it fires. */
	readonly fires: string;
}

export const HOOKS: Readonly<Record<HookName, HookSemantics>> = {
	on_chat_message: {
		effects: ["observe", "transform", "gate", "claim"],
		delivery: "reply",
		order: "forward",
		fires: "before each model call",
	},
	on_tool_call: {
		effects: ["observe", "transform", "gate", "claim"],
		delivery: "reply",
		order: "forward",
		fires: "phase request: before a tool runs; phase result: before the model sees the result",
	},
	on_before_response: {
		effects: ["observe", "transform", "gate"],
		delivery: "reply",
		order: "reverse",
		fires: "the reply is ready and not yet sent",
	},
	on_after_response: {
		effects: ["observe"],
		delivery: "durable",
		order: "reverse",
		fires: "the reply was sent",
	},
};

export const HOOK_NAMES = Object.keys(HOOKS) as readonly HookName[];

/** Narrows an unknown token to a hook name. */
export function isHookName(value: string): value is HookName {
	return Object.hasOwn(HOOKS, value);
}

/** What happens when an invocation errs. `open`: skip it and count. `closed`: block the event. */
export const FailurePolicy = Type.Union([Type.Literal("open"), Type.Literal("closed")], {
	$id: "FailurePolicy",
	description: "When an invocation errs — open: skip it, count it; closed: block the event",
});
export type FailurePolicy = Static<typeof FailurePolicy>;

/** Failure policy of a binding that sets none: a gate fails closed, everything else open. */
export const DEFAULT_FAILURE_POLICY: Readonly<Record<Effect, FailurePolicy>> = {
	observe: "open",
	transform: "open",
	gate: "closed",
	claim: "open",
};

/** The version of a rollout that is tried out; the current one has no arm. */
export const Arm = Type.Literal("candidate", { description: "A rollout's candidate; absent: the current version" });
export type Arm = Static<typeof Arm>;

export const BindingMode = Type.Union([Type.Literal("enforce"), Type.Literal("shadow"), Type.Literal("off")], {
	$id: "BindingMode",
	description: "enforce: acts; shadow: runs and records what it would have done; off: does not run",
});
export type BindingMode = Static<typeof BindingMode>;
