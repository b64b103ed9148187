// Rollouts over REST: another version of a plugin beside the current one, for a share of the conversations, with figures for both.
import { type Static, Type } from "@sinclair/typebox";
import { PluginName, SemVer } from "../identifiers.js";
import { changeProperties } from "./change.js";

export const RolloutMode = Type.Union([Type.Literal("canary"), Type.Literal("shadow"), Type.Literal("ab")], {
	$id: "RolloutMode",
	description:
		"canary: the candidate instead of the current version, for its share; shadow: beside it, changing nothing; ab: as canary, to compare two versions, so it is stopped only by limits that are named",
});
export type RolloutMode = Static<typeof RolloutMode>;

export const RolloutState = Type.Union([Type.Literal("running"), Type.Literal("promoted"), Type.Literal("stopped")], {
	$id: "RolloutState",
});
export type RolloutState = Static<typeof RolloutState>;

const MaxErrorRate = Type.Number({
	minimum: 0,
	maximum: 1,
	description: "Stopped when a larger share of the candidate's executions fails; absent: 0.05, with mode ab no limit",
});
const MaxP95Ms = Type.Number({
	exclusiveMinimum: 0,
	maximum: 60_000,
	description: "Stopped when the 95th percentile of the candidate's times is over so many milliseconds; absent: no limit",
});
const Percentage = Type.Number({
	exclusiveMinimum: 0,
	maximum: 100,
	description: "Share of the conversations for which the candidate runs, among those for which the binding runs at all",
});

export const NewRollout = Type.Object(
	{
		version: SemVer,
		mode: Type.Optional(RolloutMode),
		percentage: Percentage,
		maxErrorRate: Type.Optional(MaxErrorRate),
		maxP95Ms: Type.Optional(MaxP95Ms),
		minEvents: Type.Optional(
			Type.Integer({
				minimum: 1,
				maximum: 1_000_000,
				description: "Executions of the candidate before its limits are looked at; absent: 50",
			}),
		),
	},
	{ additionalProperties: false, $id: "NewRollout" },
);
export type NewRollout = Static<typeof NewRollout>;

export const ArmFigures = Type.Object(
	{
		version: SemVer,
		calls: Type.Integer({
			minimum: 0,
			description: "Executions since the start, without those that were over a limit before they began",
		}),
		errors: Type.Integer({ minimum: 0 }),
		errorRate: Type.Number({ minimum: 0, maximum: 1, description: "0 without calls" }),
		p50Ms: Type.Optional(Type.Number({ minimum: 0 })),
		p95Ms: Type.Optional(Type.Number({ minimum: 0 })),
		p99Ms: Type.Optional(Type.Number({ minimum: 0 })),
		cost: Type.Number({ minimum: 0, description: "US dollars that its results reported" }),
	},
	{ additionalProperties: false, $id: "ArmFigures", description: "What one of the two versions did" },
);
export type ArmFigures = Static<typeof ArmFigures>;

export const RolloutArms = Type.Object(
	{ current: ArmFigures, candidate: ArmFigures },
	{ additionalProperties: false, $id: "RolloutArms" },
);
export type RolloutArms = Static<typeof RolloutArms>;

export const Rollout = Type.Object(
	{
		id: Type.String({ description: "UUID" }),
		plugin: PluginName,
		version: Type.String({ description: "The candidate" }),
		from: Type.String({ description: "The current version when it began" }),
		mode: RolloutMode,
		percentage: Percentage,
		maxErrorRate: Type.Optional(MaxErrorRate),
		maxP95Ms: Type.Optional(MaxP95Ms),
		minEvents: Type.Integer({ minimum: 1 }),
		state: RolloutState,
		startedAt: Type.String({ description: "RFC 3339, UTC" }),
		startedBy: Type.String({ description: "Name of the API key" }),
		endedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC" })),
		endedBy: Type.Optional(Type.String({ description: "Name of the API key, or system when it was stopped automatically" })),
		reason: Type.Optional(Type.String({ description: "Why it was stopped" })),
		arms: RolloutArms,
	},
	{ additionalProperties: false, $id: "Rollout" },
);
export type Rollout = Static<typeof Rollout>;

export const RolloutList = Type.Object(
	{ items: Type.Array(Rollout, { description: "Newest first, at most 50" }) },
	{ additionalProperties: false, $id: "RolloutList" },
);
export type RolloutList = Static<typeof RolloutList>;

export const RolloutChange = Type.Object(
	{ rollout: Rollout, ...changeProperties },
	{ additionalProperties: false, $id: "RolloutChange" },
);
export type RolloutChange = Static<typeof RolloutChange>;
