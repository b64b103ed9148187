// Stored executions, page by page.
import { type Static, Type } from "@sinclair/typebox";
import { Execution } from "../execution.js";
import { ExecutionStatus } from "./execution-status.js";

const { patch, patchOmitted, ...listed } = Execution.properties;

export const ExecutionRecord = Type.Object(
	{
		id: Type.String({ description: "Id of the record, for GET /plugin-executions/:id" }),
		status: ExecutionStatus,
		...listed,
	},
	{ additionalProperties: false, $id: "ExecutionRecord" },
);
export type ExecutionRecord = Static<typeof ExecutionRecord>;

export const ExecutionDetail = Type.Object(
	{
		...ExecutionRecord.properties,
		patch,
		patchOmitted,
		patchWithheld: Type.Optional(
			Type.Literal(true, { description: "There is a patch, which only keys of the role operator and above are shown" }),
		),
	},
	{ additionalProperties: false, $id: "ExecutionDetail" },
);
export type ExecutionDetail = Static<typeof ExecutionDetail>;

export const ExecutionPage = Type.Object(
	{
		items: Type.Array(ExecutionRecord, { description: "Newest first, by arrival at the control plane" }),
		next: Type.Optional(Type.String({ description: "Cursor of the next page; absent on the last" })),
	},
	{ additionalProperties: false, $id: "ExecutionPage" },
);
export type ExecutionPage = Static<typeof ExecutionPage>;
