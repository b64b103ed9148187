// The verdict: the bus's answer to an event, combined from all invocations, with the trail of what each of them did.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { BindingMode, Effect, HookName } from "./hook.js";
import { ExternalId, PluginName, SemVer } from "./identifiers.js";
import { PluginAction } from "./plugin-result.js";

/** How one invocation ended. Everything but `ok` and `deferred` is an error and falls under the failure policy. */
export const Outcome = Type.Union(
	[
		Type.Literal("ok"),
		Type.Literal("deferred"),
		Type.Literal("timeout"),
		Type.Literal("trap"),
		Type.Literal("memory"),
		Type.Literal("stack"),
		Type.Literal("guest_error"),
		Type.Literal("denied"),
		Type.Literal("bad_output"),
		Type.Literal("output_too_large"),
		Type.Literal("host_error"),
		Type.Literal("incompatible"),
		Type.Literal("load_failed"),
		Type.Literal("overloaded"),
		Type.Literal("rate_limited"),
		Type.Literal("over_budget"),
		Type.Literal("breaker_open"),
	],
	{
		$id: "Outcome",
		description:
			"ok; deferred: an observer that runs after the reply; timeout: over its time limit; trap, memory, stack: the module failed; guest_error: the plugin reported an error; denied: a permission is missing; bad_output, output_too_large: the result is not usable; host_error: our fault; incompatible: the module does not fit this host; load_failed: the module could not be loaded; overloaded: shed; rate_limited, over_budget: over the plugin's rate or cost limit, not run; breaker_open: it kept failing and is not run for a while",
	},
);
export type Outcome = Static<typeof Outcome>;

export const TrailEntry = Type.Object(
	{
		plugin: PluginName,
		version: SemVer,
		effect: Effect,
		mode: BindingMode,
		outcome: Outcome,
		action: Type.Optional(PluginAction),
		startMs: Type.Number({ minimum: 0, description: "Milliseconds from the event's arrival to this invocation" }),
		durationMs: Type.Number({ minimum: 0, description: "Milliseconds that the invocation took" }),
		paths: Type.Optional(
			Type.Array(Type.String(), {
				description:
					"JSON Pointers of the values that its patch changed: at most 64, cut at 256 characters; a last entry counts the others",
			}),
		),
		stripped: Type.Optional(
			Type.Array(Type.String(), {
				description:
					"What the plugin asked for and its effect or its paths do not allow; not applied. Of many pointers 64 are named, and a last entry counts the others",
			}),
		),
		reason: Type.Optional(Type.String({ description: "Reason code of a block" })),
		error: Type.Optional(Type.String({ maxLength: 512, description: "What went wrong, for the operator" })),
		skipped: Type.Optional(
			Type.Literal(true, { description: "The invocation erred and its failure policy let the event go on" }),
		),
	},
	{ $id: "TrailEntry", description: "What one invocation did" },
);
export type TrailEntry = Static<typeof TrailEntry>;

export const VerdictAction = Type.Union(
	[Type.Literal("continue"), Type.Literal("modified"), Type.Literal("blocked"), Type.Literal("claimed")],
	{ $id: "VerdictAction" },
);
export type VerdictAction = Static<typeof VerdictAction>;

export const VerdictReason = Type.Object(
	{
		code: Type.String({ description: "Stable reason code; plugin_failed when a gate erred and its policy is closed" }),
		message: Type.Optional(Type.String({ description: "Text for the user" })),
		plugin: Type.Optional(PluginName),
	},
	{ $id: "VerdictReason" },
);
export type VerdictReason = Static<typeof VerdictReason>;

export const Verdict = Type.Object(
	{
		id: ExternalId,
		hook: HookName,
		action: VerdictAction,
		data: Type.Optional(Type.Unknown({ description: "The event's data after all patches; absent when nothing was changed" })),
		result: Type.Optional(Type.Unknown({ description: "action claimed: the answer" })),
		reason: Type.Optional(VerdictReason),
		annotations: Type.Optional(Type.Record(PluginName, Type.Record(Type.String(), Type.Unknown()))),
		trail: Type.Array(TrailEntry),
		revision: Type.Integer({ minimum: 0, description: "Revision of the route table that the event ran on" }),
		durationMs: Type.Number({ minimum: 0, description: "Milliseconds from the event's arrival at the runtime to the verdict" }),
	},
	{ $id: "Verdict", description: "The bus's answer to an event" },
);
export type Verdict = Static<typeof Verdict>;

const check = TypeCompiler.Compile(Verdict);

/** True when the value is a verdict. Does not throw. */
export function isVerdict(value: unknown): value is Verdict {
	return check.Check(value);
}
