// What a control plane asks of a runtime to replay a recorded event, and the answers. A request is a head as JSON, a line feed, and the
// event's body as it was recorded: JSON written by us has no line feed in it.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Execution } from "./execution.js";
import { JsonPointer } from "./identifiers.js";
import { PluginAction } from "./plugin-result.js";
import { RouteTable } from "./route-table.js";
import { Outcome } from "./verdict.js";

/** Milliseconds between two signs of life of a runtime that works on a request. */
export const REPLAY_SIGN_MS = 2_000;

export const ReplayHead = Type.Object(
	{
		spec: Type.Literal("1"),
		subject: Type.String({ description: "Subject by which the event came" }),
		version: Type.Optional(RouteTable),
		against: Type.Optional(RouteTable),
	},
	{
		$id: "ReplayHead",
		description:
			"One table for each version, with the one step that the event would run; absent: the version does not have the hook",
	},
);
export type ReplayHead = Static<typeof ReplayHead>;

/** What one version did with an event. */
export const ReplaySide = Type.Object(
	{
		outcome: Outcome,
		action: Type.Optional(PluginAction),
		reason: Type.Optional(Type.String()),
		message: Type.Optional(Type.String({ description: "Text for the user" })),
		error: Type.Optional(Type.String()),
		patch: Execution.properties.patch,
		patchOmitted: Execution.properties.patchOmitted,
		stripped: Type.Optional(Type.Array(Type.String())),
		durationMs: Type.Number({ minimum: 0 }),
		calls: Type.Optional(
			Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
				description: "What it asked of the host, how often; nothing of it left the runtime",
			}),
		),
	},
	{ additionalProperties: false, $id: "ReplaySide" },
);
export type ReplaySide = Static<typeof ReplaySide>;

export const ReplayComparison = Type.Object(
	{
		version: Type.Optional(ReplaySide),
		against: Type.Optional(ReplaySide),
		differences: Type.Array(JsonPointer, {
			description:
				"Where the two differ: /outcome, /action, /reason, /message, /result, /annotations, /stripped, /calls, and /data for the event's data after it; the empty pointer: only one of the two runs for the event. At most 64",
		}),
	},
	{
		additionalProperties: false,
		$id: "ReplayComparison",
		description: "A side is absent when that version does not run for the event",
	},
);
export type ReplayComparison = Static<typeof ReplayComparison>;

export const ReplayFrame = Type.Union(
	[
		Type.Object({ type: Type.Literal("working") }),
		Type.Object({ type: Type.Literal("done"), comparison: ReplayComparison }),
		Type.Object({ type: Type.Literal("refused"), code: Type.String(), detail: Type.String() }),
		Type.Object({ type: Type.Literal("failed"), detail: Type.String() }),
	],
	{
		$id: "ReplayFrame",
		description:
			"working: a sign of life, others follow; refused: the event is none that can be run; failed: this runtime cannot do it, another may",
	},
);
export type ReplayFrame = Static<typeof ReplayFrame>;

const checkHead = TypeCompiler.Compile(ReplayHead);
const checkFrame = TypeCompiler.Compile(ReplayFrame);

/** True when the value is the head of a request. Does not throw. */
export function isReplayHead(value: unknown): value is ReplayHead {
	return checkHead.Check(value);
}

/** True when the value is an answer. Does not throw. */
export function isReplayFrame(value: unknown): value is ReplayFrame {
	return checkFrame.Check(value);
}
