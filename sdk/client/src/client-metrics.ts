// Counts what the client did. Nothing is decided by the policy, sent twice, ignored or dropped without a number here.
import { FAILURE_CODES, type FailureCode } from "./client-errors.js";

export interface ClientMetrics {
	/** Calls of the four hooks that wait for a verdict. */
	readonly requests: number;
	/** Verdicts from the bus. */
	readonly busVerdicts: number;
	/** Verdicts from the client's policy, by failure. */
	readonly policyVerdicts: Readonly<Record<FailureCode, number>>;
	/** Events sent again because of silence or a lost connection. */
	readonly resends: number;
	/** Events sent again because nobody listened, or the runtime was not ready. */
	readonly retries: number;
	/** Progress frames received. */
	readonly frames: number;
	/** Replies that came after their event had its verdict: second verdicts of events that were sent again, and late ones. */
	readonly lateReplies: number;
	/** Connections made; one less is the number of reconnects. */
	readonly connects: number;
	/** Events that wait for a verdict now. */
	readonly pendingRequests: number;
	/** Smoothed round trip in milliseconds that the tolerance for silence is derived from. */
	readonly roundTripMs: number;
	readonly durable: {
		/** Calls of afterResponse. */
		readonly events: number;
		/** Confirmed by the stream. */
		readonly stored: number;
		/** Of those: known to the stream before. */
		readonly duplicates: number;
		/** Attempts after the first. */
		readonly retries: number;
		/** Not stored, by failure. */
		readonly dropped: Readonly<Record<FailureCode, number>>;
		/** Events and bytes that wait for the stream now. */
		readonly pendingEvents: number;
		readonly pendingBytes: number;
	};
}

/** The numbers that only grow; the rest of {@link ClientMetrics} is read off the parts. */
export class Counters {
	requests = 0;
	busVerdicts = 0;
	readonly policyVerdicts = zeros();
	resends = 0;
	retries = 0;
	frames = 0;
	lateReplies = 0;
	durableEvents = 0;
	durableStored = 0;
	durableDuplicates = 0;
	durableRetries = 0;
	readonly durableDropped = zeros();
}

function zeros(): Record<FailureCode, number> {
	return Object.fromEntries(FAILURE_CODES.map((code) => [code, 0])) as Record<FailureCode, number>;
}
