// Says in a sentence why the bus did not do what a host function asked of it. That is never the plugin's fault.
import { describeError } from "@hookbus/foundation";
import { NatsError } from "nats";
import { failed } from "./host-call-errors.js";

/** Milliseconds that the bus gets for one answer. Plugins are seldom allowed to wait that long; then their deadline ends it. */
export const BUS_TIMEOUT_MS = 2_000;

/** The last message of the subject is another one than was expected; newer servers have a second code for it. */
const CHANGED: readonly number[] = [10_071, 10_164];
/** Limits of the stream, of the account and of the server. */
const FULL: readonly number[] = [10_002, 10_023, 10_028, 10_047, 10_077];
const NO_MESSAGE = 10_037;
/** "no message found" and "stream store EOF": what was to be removed is gone. */
const NOT_THERE = 10_057;

/**
 * What to throw for what the NATS client threw: a HostCallError `host_error` for a failure of the bus, anything else as it is.
 *
 * @param what did not succeed: "state cannot be read"
 */
export function busFailure(thrown: unknown, what: string): unknown {
	if (!(thrown instanceof NatsError)) return thrown;
	return failed(`${what}: ${reason(thrown)}`, { cause: thrown });
}

export function isChanged(thrown: unknown): boolean {
	return CHANGED.includes(apiCode(thrown));
}

export function isFull(thrown: unknown): boolean {
	return FULL.includes(apiCode(thrown));
}

/** No message has the subject that was asked for. */
export function isAbsent(thrown: unknown): boolean {
	return apiCode(thrown) === NO_MESSAGE;
}

/** The message that was to be removed does not exist any more. */
export function isGone(thrown: unknown): boolean {
	return apiCode(thrown) === NOT_THERE;
}

function apiCode(thrown: unknown): number {
	return thrown instanceof NatsError ? (thrown.api_error?.err_code ?? 0) : 0;
}

function reason(thrown: NatsError): string {
	if (isFull(thrown)) {
		const { description } = thrown.api_error as { description: string };
		return `its stream on the bus is full (${description}); an operator can give it more room`;
	}
	if (thrown.api_error !== undefined) return `the bus said "${describeError(thrown.api_error.description)}"`;
	switch (thrown.code) {
		case "TIMEOUT":
			return `the bus did not answer within ${BUS_TIMEOUT_MS} ms`;
		case "503":
			return "nothing on the bus takes it; JetStream or the stream is missing";
		case "CONNECTION_CLOSED":
		case "CONNECTION_DRAINING":
		case "DISCONNECT":
			return "the bus is not connected";
		default:
			return `the bus failed with ${describeError(thrown)}`;
	}
}
