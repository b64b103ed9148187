// Replays as REST shows and takes them: recorded events through two versions of a plugin, and where their verdicts differ.
import { type Static, Type } from "@sinclair/typebox";
import { HookName } from "../hook.js";
import { ExternalId, PluginName, SemVer, SubjectToken } from "../identifiers.js";
import { ReplayComparison } from "../replay.js";
import { RecordedPlace, RecordingId } from "./recording.js";

export const ReplayId = Type.String({ pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description: "UUID of a replay" });

export const NewReplay = Type.Object(
	{
		recording: RecordingId,
		version: SemVer,
		against: Type.Optional(SemVer),
	},
	{
		additionalProperties: false,
		$id: "NewReplay",
		description: "The version is compared with against; where that is absent, with the current one",
	},
);
export type NewReplay = Static<typeof NewReplay>;

export const ReplayState = Type.Union(
	[Type.Literal("running"), Type.Literal("done"), Type.Literal("failed"), Type.Literal("cancelled"), Type.Literal("interrupted")],
	{ $id: "ReplayState", description: "interrupted: the control plane that worked on it ended; start it again" },
);
export type ReplayState = Static<typeof ReplayState>;

const count = (description: string) => Type.Integer({ minimum: 0, description });

export const ReplaySums = Type.Object(
	{
		same: count("Events with which both versions did the same"),
		different: count("Events with which they did not"),
		failedOnlyInVersion: count("Of the different ones: only the new version failed"),
		failedOnlyInAgainst: count("Of the different ones: only the version that it is compared with failed"),
		skipped: count("Events that the plugin does not get: another hook or scope, or not bound there"),
		refused: count("Events that cannot be run: they are not valid, or are gone"),
	},
	{ additionalProperties: false, $id: "ReplaySums" },
);
export type ReplaySums = Static<typeof ReplaySums>;

export const ReplayTimes = Type.Object(
	{
		p50Ms: Type.Optional(Type.Number({ minimum: 0 })),
		p95Ms: Type.Optional(Type.Number({ minimum: 0 })),
	},
	{ additionalProperties: false, $id: "ReplayTimes", description: "Of one version's invocations; absent: there were none" },
);
export type ReplayTimes = Static<typeof ReplayTimes>;

export const Replay = Type.Object(
	{
		id: ReplayId,
		plugin: PluginName,
		recording: RecordingId,
		version: SemVer,
		against: SemVer,
		state: ReplayState,
		total: count("Events of the recording"),
		done: count("Events that were worked on"),
		sums: ReplaySums,
		times: Type.Object({ version: ReplayTimes, against: ReplayTimes }, { additionalProperties: false }),
		error: Type.Optional(Type.String({ description: "Why it failed or was interrupted" })),
		startedAt: Type.String({ description: "RFC 3339, UTC" }),
		startedBy: Type.String(),
		endedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC" })),
	},
	{ additionalProperties: false, $id: "Replay" },
);
export type Replay = Static<typeof Replay>;

export const ReplayList = Type.Object(
	{ items: Type.Array(Replay, { description: "Newest first; the last 20 are kept" }) },
	{ additionalProperties: false, $id: "ReplayList" },
);
export type ReplayList = Static<typeof ReplayList>;

export const ReplayVerdict = Type.Union(
	[Type.Literal("same"), Type.Literal("different"), Type.Literal("skipped"), Type.Literal("refused")],
	{ $id: "ReplayVerdict" },
);
export type ReplayVerdict = Static<typeof ReplayVerdict>;

export const ReplayResult = Type.Object(
	{
		event: RecordedPlace,
		eventId: Type.Optional(ExternalId),
		hook: Type.Optional(HookName),
		assistant: Type.Optional(SubjectToken),
		result: ReplayVerdict,
		...ReplayComparison.properties,
		detail: Type.Optional(Type.String({ description: "Why it was refused" })),
	},
	{ additionalProperties: false, $id: "ReplayResult" },
);
export type ReplayResult = Static<typeof ReplayResult>;

export const ReplayResultPage = Type.Object(
	{
		items: Type.Array(ReplayResult, { description: "In the order in which they were recorded" }),
		next: Type.Optional(Type.String({ description: "Cursor of the next page; absent when this is all so far" })),
	},
	{ additionalProperties: false, $id: "ReplayResultPage" },
);
export type ReplayResultPage = Static<typeof ReplayResultPage>;
