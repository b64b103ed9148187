// Stored executions, page by page, and the figures that are made from them.
import { type Static, Type } from "@sinclair/typebox";
import { Execution } from "../execution.js";
import { PluginName } from "../identifiers.js";
import { ExecutionStatus } from "./execution-status.js";

export const ExecutionRecord = Type.Object(
	{
		id: Type.String({ description: "Id of the record, for GET /plugin-executions/:id" }),
		status: ExecutionStatus,
		...Execution.properties,
	},
	{ additionalProperties: false, $id: "ExecutionRecord" },
);
export type ExecutionRecord = Static<typeof ExecutionRecord>;

export const ExecutionPage = Type.Object(
	{
		items: Type.Array(ExecutionRecord, { description: "Newest first, by arrival at the control plane" }),
		next: Type.Optional(Type.String({ description: "Cursor of the next page; absent on the last" })),
	},
	{ additionalProperties: false, $id: "ExecutionPage" },
);
export type ExecutionPage = Static<typeof ExecutionPage>;

export const PluginFigures = Type.Object(
	{
		plugin: PluginName,
		calls: Type.Integer({ minimum: 0 }),
		errors: Type.Integer({ minimum: 0, description: "Calls whose outcome was not ok" }),
		successRate: Type.Number({ minimum: 0, maximum: 1 }),
		p50Ms: Type.Number({ minimum: 0 }),
		p95Ms: Type.Number({ minimum: 0 }),
		p99Ms: Type.Number({ minimum: 0 }),
	},
	{ additionalProperties: false, $id: "PluginFigures" },
);
export type PluginFigures = Static<typeof PluginFigures>;

export const PluginMetrics = Type.Object(
	{
		since: Type.String({ description: "RFC 3339, UTC" }),
		until: Type.String({ description: "RFC 3339, UTC" }),
		items: Type.Array(PluginFigures, { description: "One for each plugin that was called in this time, by name" }),
	},
	{ additionalProperties: false, $id: "PluginMetrics" },
);
export type PluginMetrics = Static<typeof PluginMetrics>;
