// The record of one invocation. Runtimes send executions in batches through JetStream, never from the hot path.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Arm, BindingMode, Effect, HookName, ToolPhase } from "./hook.js";
import { Digest, ExternalId, PluginName, SemVer, SubjectToken } from "./identifiers.js";
import { Usage } from "./message.js";
import { PluginAction } from "./plugin-result.js";
import { Outcome } from "./verdict.js";

export const PluginLogLine = Type.Object({
	level: Type.Union([
		Type.Literal("trace"),
		Type.Literal("debug"),
		Type.Literal("info"),
		Type.Literal("warn"),
		Type.Literal("error"),
	]),
	text: Type.String({ maxLength: 1_024 }),
});
export type PluginLogLine = Static<typeof PluginLogLine>;

/** Most bytes, as JSON, of a patch that is kept with its execution. */
export const MAX_RECORDED_PATCH_BYTES = 8 * 1024;

export const Execution = Type.Object(
	{
		eventId: ExternalId,
		tenant: SubjectToken,
		assistant: SubjectToken,
		hook: HookName,
		phase: Type.Optional(ToolPhase),
		conversation: Type.Optional(ExternalId),
		user: Type.Optional(Type.String()),
		plugin: PluginName,
		version: SemVer,
		digest: Digest,
		effect: Effect,
		mode: BindingMode,
		arm: Type.Optional(Arm),
		outcome: Outcome,
		action: Type.Optional(PluginAction),
		reason: Type.Optional(Type.String()),
		error: Type.Optional(Type.String({ maxLength: 512 })),
		skipped: Type.Optional(Type.Boolean()),
		paths: Type.Optional(Type.Array(Type.String())),
		stripped: Type.Optional(Type.Array(Type.String())),
		startedAt: Type.String({ description: "RFC 3339, UTC" }),
		startMs: Type.Optional(Type.Number({ minimum: 0, description: "Milliseconds from the event's arrival to the invocation" })),
		durationMs: Type.Number({ minimum: 0 }),
		inputBytes: Type.Integer({ minimum: 0 }),
		outputBytes: Type.Integer({ minimum: 0 }),
		attempt: Type.Integer({ minimum: 1, description: "Delivery of a durable event that this was; 1 for the others" }),
		usage: Type.Optional(Usage),
		logs: Type.Optional(Type.Array(PluginLogLine)),
		logsDropped: Type.Optional(Type.Integer({ minimum: 1, description: "Log lines over the limit" })),
		patch: Type.Optional(
			Type.Record(Type.String(), Type.Unknown(), {
				description:
					"JSON Merge Patch (RFC 7386) of the event's data: what the plugin returned and was allowed, its secrets masked; only where the binding has recordPatches",
			}),
		),
		patchOmitted: Type.Optional(
			Type.Object(
				{ bytes: Type.Integer({ minimum: 0, description: "Bytes of the patch" }) },
				{
					description: `The patch was not kept: it has more than ${MAX_RECORDED_PATCH_BYTES} bytes, or those of its event together are too large`,
				},
			),
		),
		runtime: SubjectToken,
		revision: Type.Integer({ minimum: 0 }),
	},
	{ $id: "Execution", description: "One run of one plugin for one event; unique by tenant, eventId, hook, phase, plugin, arm" },
);
export type Execution = Static<typeof Execution>;

export const ExecutionBatch = Type.Object(
	{ spec: Type.Literal("1"), executions: Type.Array(Execution) },
	{ $id: "ExecutionBatch" },
);
export type ExecutionBatch = Static<typeof ExecutionBatch>;

const check = TypeCompiler.Compile(ExecutionBatch);

/** True when the value is a batch of executions. Does not throw. */
export function isExecutionBatch(value: unknown): value is ExecutionBatch {
	return check.Check(value);
}
