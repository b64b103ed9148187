// Stored executions, page by page.
import { type Static, Type } from "@sinclair/typebox";
import { Execution } from "../execution.js";
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
