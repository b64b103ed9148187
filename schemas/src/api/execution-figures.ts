// Figures that are made from executions: for plugins and for assistants, over a range and bucket by bucket.
import { type Static, Type } from "@sinclair/typebox";
import { PluginName, SubjectToken } from "../identifiers.js";

/** How far a latency in figures may be from the exact one, as a share of it. */
export const LATENCY_ERROR = 0.02;

export const FigureUnit = Type.Union([Type.Literal("minute"), Type.Literal("hour"), Type.Literal("day")], {
	$id: "FigureUnit",
	description: "Length of a bucket; hours and days are those of UTC",
});
export type FigureUnit = Static<typeof FigureUnit>;

const count = (description: string) => Type.Integer({ minimum: 0, description });
const latency = (share: string) =>
	Type.Number({
		minimum: 0,
		description: `${share} of the calls took at most so many milliseconds; within ${LATENCY_ERROR * 100} %`,
	});

const figureProperties = {
	calls: count("Executions; each delivery of a durable event replaces the one before"),
	errors: count("Calls that did not end ok"),
	successRate: Type.Number({ minimum: 0, maximum: 1, description: "Share of the calls that ended ok; 1 without calls" }),
	outcomes: Type.Object(
		{
			ok: count("Went well"),
			failed: count("The plugin or the host erred"),
			configuration: count("The module does not fit or could not be loaded"),
			timeout: count("Over the time limit"),
			denied: count("A permission is missing"),
			refused: count("Not run, for lack of room, over a rate or cost limit, or because it kept failing"),
		},
		{ additionalProperties: false, description: "Calls by kind of outcome, see ExecutionStatus; they add up to calls" },
	),
	p50Ms: latency("Half"),
	p95Ms: latency("95 %"),
	p99Ms: latency("99 %"),
	meanMs: Type.Number({ minimum: 0 }),
	cost: Type.Number({ minimum: 0, description: "US dollars, as the plugins reported" }),
	inputTokens: count("As the plugins reported"),
	outputTokens: count("As the plugins reported"),
};

export const FigureBucket = Type.Object(
	{ start: Type.String({ description: "RFC 3339, UTC" }), ...figureProperties },
	{ additionalProperties: false, $id: "FigureBucket" },
);
export type FigureBucket = Static<typeof FigureBucket>;

const series = Type.Optional(
	Type.Array(FigureBucket, { description: "With bucket: oldest first; a bucket without calls is absent" }),
);

export const Figures = Type.Object({ ...figureProperties, series }, { additionalProperties: false, $id: "Figures" });
export type Figures = Static<typeof Figures>;

export const PluginFigures = Type.Object(
	{ plugin: PluginName, ...figureProperties, series },
	{ additionalProperties: false, $id: "PluginFigures" },
);
export type PluginFigures = Static<typeof PluginFigures>;

const metricsProperties = {
	since: Type.String({ description: "Begin of what was counted: RFC 3339, UTC" }),
	until: Type.String({ description: "End of what was counted: RFC 3339, UTC" }),
	bucket: Type.Optional(FigureUnit),
	total: Type.Object(Figures.properties, { additionalProperties: false, description: "All plugins together" }),
	items: Type.Array(PluginFigures, { description: "One for each plugin that was called in this time, by name" }),
	next: Type.Optional(Type.String({ description: "Cursor of the next page of plugins; absent on the last" })),
};

export const PluginMetrics = Type.Object(metricsProperties, { additionalProperties: false, $id: "PluginMetrics" });
export type PluginMetrics = Static<typeof PluginMetrics>;

export const AssistantMetrics = Type.Object(
	{ assistant: SubjectToken, ...metricsProperties },
	{ additionalProperties: false, $id: "AssistantMetrics" },
);
export type AssistantMetrics = Static<typeof AssistantMetrics>;
