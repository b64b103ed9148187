// Outcomes by kind: what a filter asks for, what figures count, and what an admin does about it. Every outcome belongs to
// exactly one kind, so counts by kind always add up to the calls.
import { type Static, Type } from "@sinclair/typebox";
import type { Outcome } from "../verdict.js";

export const ExecutionStatus = Type.Union(
	[
		Type.Literal("ok"),
		Type.Literal("pending"),
		Type.Literal("failed"),
		Type.Literal("configuration"),
		Type.Literal("timeout"),
		Type.Literal("denied"),
		Type.Literal("refused"),
	],
	{
		$id: "ExecutionStatus",
		description:
			"Kind of an outcome. ok; pending: deferred, runs after the reply; failed: the plugin or the host erred; configuration: the module does not fit or could not be loaded; timeout: over its time limit; denied: a permission is missing; refused: not run, for lack of room, over a rate or cost limit, or because it kept failing",
	},
);
export type ExecutionStatus = Static<typeof ExecutionStatus>;

const STATUS_OF: Readonly<Record<Outcome, ExecutionStatus>> = {
	ok: "ok",
	deferred: "pending",
	timeout: "timeout",
	trap: "failed",
	memory: "failed",
	stack: "failed",
	guest_error: "failed",
	denied: "denied",
	bad_output: "failed",
	output_too_large: "failed",
	host_error: "failed",
	incompatible: "configuration",
	load_failed: "configuration",
	overloaded: "refused",
	rate_limited: "refused",
	over_budget: "refused",
	breaker_open: "refused",
};

/** The kind of an outcome. */
export function statusOfOutcome(outcome: Outcome): ExecutionStatus {
	return STATUS_OF[outcome];
}

/** The outcomes of these kinds. */
export function outcomesOf(...statuses: readonly ExecutionStatus[]): Outcome[] {
	return (Object.keys(STATUS_OF) as Outcome[]).filter((outcome) => statuses.includes(STATUS_OF[outcome]));
}

export const ExecutionStatusFilter = Type.Union([ExecutionStatus, Type.Literal("not_ok")], {
	description: "A kind of outcome; not_ok: every kind but ok and pending",
});
export type ExecutionStatusFilter = Static<typeof ExecutionStatusFilter>;
