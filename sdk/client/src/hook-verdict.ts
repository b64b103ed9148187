// What a caller gets for an event, always complete: the bus's verdict, or the one that the client's policy gives in its
// place. One shape for both, so that a chat service has one code path and cannot forget the bad day.
import type { HookName, Problem, TrailEntry, Verdict, VerdictAction, VerdictReason } from "@hookbus/schemas";
import type { FailureCode } from "./client-errors.js";

/** Reason code of a block that the client's policy gave. */
export const BUS_UNAVAILABLE = "bus_unavailable";

interface VerdictFields<Data> {
	/** Id of the event. */
	readonly id: string;
	readonly hook: HookName;
	/** continue: go on with `data`, as it was; modified: go on with `data`; blocked: stop, see `reason`; claimed: `result` is the answer. */
	readonly action: VerdictAction;
	/** The event's data after all patches; the data that was passed in when nothing changed it. */
	readonly data: Data;
	/** action claimed: the answer. */
	readonly result?: unknown;
	/** action blocked: why. */
	readonly reason?: VerdictReason;
	/** Facts from plugins, under each plugin's name; empty when there are none. */
	readonly annotations: NonNullable<Verdict["annotations"]>;
	/** What each plugin did, in order; empty when the policy decided. */
	readonly trail: readonly TrailEntry[];
	/** Milliseconds from the call to this outcome. */
	readonly durationMs: number;
	/** How often the event was sent; 0 when it never was. */
	readonly attempts: number;
}

/** The bus has answered. */
export interface BusVerdict<Data> extends VerdictFields<Data> {
	readonly source: "bus";
	/** Revision of the route table that the event ran on. */
	readonly revision: number;
	readonly failure?: undefined;
}

/** The bus has not answered, and the failure policy decided: action `continue` (open) or `blocked` (closed). */
export interface PolicyVerdict<Data> extends VerdictFields<Data> {
	readonly source: "policy";
	readonly failure: FailureCode;
	/** One sentence for the operator. */
	readonly detail: string;
	/** failure refused: what the runtime said. */
	readonly problem?: Problem;
}

export type HookVerdict<Data> = BusVerdict<Data> | PolicyVerdict<Data>;

/** An event and what was done to get its verdict. */
export interface Asked {
	readonly id: string;
	readonly hook: HookName;
	readonly data: unknown;
	readonly durationMs: number;
	readonly attempts: number;
}

export function busVerdict(asked: Asked, verdict: Verdict): BusVerdict<unknown> {
	return {
		...asked,
		source: "bus",
		action: verdict.action,
		data: verdict.data === undefined ? asked.data : verdict.data,
		...(verdict.result === undefined ? {} : { result: verdict.result }),
		...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
		annotations: verdict.annotations ?? {},
		trail: verdict.trail,
		revision: verdict.revision,
	};
}

export function policyVerdict(
	asked: Asked,
	policy: "open" | "closed",
	failure: FailureCode,
	detail: string,
	problem?: Problem,
): PolicyVerdict<unknown> {
	return {
		...asked,
		source: "policy",
		action: policy === "closed" ? "blocked" : "continue",
		...(policy === "closed" ? { reason: { code: BUS_UNAVAILABLE } } : {}),
		annotations: {},
		trail: [],
		failure,
		detail,
		...(problem === undefined ? {} : { problem }),
	};
}
