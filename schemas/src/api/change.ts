// What every changing call of the REST API answers about the fleet: the revision that the change made, and, when the caller
// asked to wait for it, which runtimes run it.
import { type Static, Type } from "@sinclair/typebox";
import { SubjectToken } from "../identifiers.js";
import { ActivationFault } from "../runtime-status.js";

/** Longer than a control plane needs after its start until it knows which runtimes live. */
export const DEFAULT_WAIT_MS = 10_000;
export const MAX_WAIT_MS = 60_000;

export const WaitQuery = Type.Object(
	{
		wait: Type.Optional(
			Type.Literal("applied", { description: "Answer only when every live runtime has applied the change, or has failed to" }),
		),
		waitMs: Type.Optional(
			Type.Integer({
				minimum: 0,
				maximum: MAX_WAIT_MS,
				default: DEFAULT_WAIT_MS,
				description: "Milliseconds to wait; after them 504 not_applied_in_time, while the change stays stored",
			}),
		),
	},
	{ additionalProperties: false, $id: "WaitQuery" },
);
export type WaitQuery = Static<typeof WaitQuery>;

export const AppliedRuntime = Type.Object(
	{
		id: SubjectToken,
		revision: Type.Integer({ minimum: 0 }),
		faults: Type.Array(ActivationFault, {
			description: "Plugins that this runtime could not take into service at this revision",
		}),
	},
	{ additionalProperties: false, $id: "AppliedRuntime" },
);
export type AppliedRuntime = Static<typeof AppliedRuntime>;

export const Applied = Type.Object(
	{
		revision: Type.Integer({ minimum: 0 }),
		runtimes: Type.Array(AppliedRuntime, { description: "Every live runtime; empty when none is" }),
	},
	{ additionalProperties: false, $id: "Applied" },
);
export type Applied = Static<typeof Applied>;

/** Properties that every answer to a changing call has. */
export const changeProperties = {
	revision: Type.Integer({ minimum: 0, description: "Revision of the tenant's route table that holds the change" }),
	applied: Type.Optional(Applied),
};

export const Change = Type.Object(changeProperties, {
	additionalProperties: false,
	$id: "Change",
	description: "The change is stored; applied is there when wait=applied was asked for",
});
export type Change = Static<typeof Change>;
