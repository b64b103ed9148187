// What a client applies itself when nobody answers: for each hook, whether the event goes on or is blocked.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { FailurePolicy } from "./hook.js";
import { SubjectToken } from "./identifiers.js";

export const HookPolicyRule = Type.Object(
	{
		all: Type.Optional(FailurePolicy),
		assistants: Type.Record(SubjectToken, FailurePolicy),
	},
	{
		$id: "HookPolicyRule",
		description: "closed when the scope's chain holds an enforced step that fails closed; absent: no chain",
	},
);
export type HookPolicyRule = Static<typeof HookPolicyRule>;

export const HookPolicy = Type.Object(
	{
		spec: Type.Literal("1"),
		tenant: SubjectToken,
		revision: Type.Integer({ minimum: 1, description: "Revision of the route table that it was derived from" }),
		hooks: Type.Object({
			on_chat_message: Type.Optional(HookPolicyRule),
			on_tool_call: Type.Optional(HookPolicyRule),
			on_before_response: Type.Optional(HookPolicyRule),
			on_after_response: Type.Optional(HookPolicyRule),
		}),
	},
	{ $id: "HookPolicy" },
);
export type HookPolicy = Static<typeof HookPolicy>;

const check = TypeCompiler.Compile(HookPolicy);

/** True when the value is a hook policy. Does not throw. */
export function isHookPolicy(value: unknown): value is HookPolicy {
	return check.Check(value);
}
