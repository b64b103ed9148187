// One event that waits for its verdict: the record that PendingRequests keeps of it. Only PendingRequests changes it.
import type { Problem } from "@hookbus/schemas";
import type { BuiltEvent } from "./build-event.js";
import type { FailureCode } from "./client-errors.js";
import type { HookVerdict } from "./hook-verdict.js";
import type { WheelEntry } from "./timer-wheel.js";

/** What each means stands above PendingRequests. */
type State = "waiting" | "retrying" | "parked" | "settled";

interface Send {
	readonly token: string;
	readonly at: number;
	heard: boolean;
}

export interface PendingRequest extends WheelEntry {
	readonly event: BuiltEvent;
	readonly resolve: (verdict: HookVerdict<unknown>) => void;
	readonly startedAt: number;
	readonly deadlineAt: number;
	state: State;
	/** Every time that it was sent; each has its own reply token. */
	readonly sends: Send[];
	/** waiting: when it was last sent or something was heard. */
	heardAt: number;
	/** How many silences it has had. */
	silences: number;
	/** How many times in a row nobody listened. */
	refusals: number;
	/** retrying: when it is sent again. */
	retryAt: number;
	/** retrying, parked: what the verdict says when time is up. */
	failure: FailureCode;
	detail: string;
	problem: Problem | undefined;
}

/** A request that was never sent. */
export function newRequest(event: BuiltEvent, resolve: PendingRequest["resolve"], now: number): PendingRequest {
	return {
		event,
		resolve,
		startedAt: now,
		deadlineAt: now + event.deadlineMs,
		state: "waiting",
		sends: [],
		heardAt: now,
		silences: 0,
		refusals: 0,
		retryAt: 0,
		failure: "timeout",
		detail: "",
		problem: undefined,
		wheelTick: -1,
	};
}
