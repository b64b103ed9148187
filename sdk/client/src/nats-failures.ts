// Translates the errors of the NATS client into ours. The only file that looks at their codes; without it a change of
// wording in a dependency would change what a chat service sees.
import { ErrorCode, NatsError } from "nats";
import { ClientError, type ClientErrorCode, type FailureCode } from "./client-errors.js";

/** JetStream API codes (`err_code`) that this client must tell apart; the numbers are part of the server's protocol. */
const STREAM_NOT_FOUND = 10_059;
const STREAM_MISMATCH = 10_060;
const MESSAGE_TOO_LARGE = 10_054;

export interface Failure {
	readonly failure: FailureCode;
	readonly detail: string;
}

export interface DurableFailure extends Failure {
	/** Another attempt with the same id may succeed. */
	readonly retryable: boolean;
}

/** An error of the connection, as what a status reports. */
export function connectionError(cause: unknown, what: string): ClientError {
	const code = connectionCode(cause);
	return new ClientError(code, `${what}: ${messageOf(cause)}`, { cause });
}

/** True when a subscription's callback was called because the server does not allow it. */
export function isPermissionViolation(cause: unknown): boolean {
	return codeOf(cause) === ErrorCode.PermissionsViolation;
}

/** What `publish` threw, as the failure of the request. */
export function publishFailure(cause: unknown): Failure {
	const detail = messageOf(cause);
	switch (codeOf(cause)) {
		case ErrorCode.MaxPayloadExceeded:
			return { failure: "event_too_large", detail: "the event is larger than the server's max_payload" };
		case ErrorCode.ConnectionClosed:
		case ErrorCode.ConnectionDraining:
		case ErrorCode.Disconnect:
			return { failure: "disconnected", detail: "the connection to NATS has just ended" };
		default:
			return { failure: "internal", detail };
	}
}

/** What a JetStream publish rejected with, and whether it makes sense to try again. */
export function durableFailure(cause: unknown): DurableFailure {
	const detail = messageOf(cause);
	const apiCode = apiCodeOf(cause);
	if (apiCode === STREAM_MISMATCH) return { failure: "refused", detail, retryable: false };
	if (apiCode === MESSAGE_TOO_LARGE) return { failure: "event_too_large", detail, retryable: false };
	// A full stream, a stream without a leader, a server short of resources: all of them pass.
	if (apiCode !== undefined) return { failure: "refused", detail, retryable: true };
	switch (codeOf(cause)) {
		case ErrorCode.NoResponders:
			return { failure: "no_responders", detail: "no stream takes durable events", retryable: true };
		case ErrorCode.Timeout:
			return { failure: "timeout", detail: "the stream did not confirm in time", retryable: true };
		case ErrorCode.PermissionsViolation:
			return { failure: "permission_denied", detail, retryable: false };
		case ErrorCode.MaxPayloadExceeded:
			return { failure: "event_too_large", detail: "the event is larger than the server's max_payload", retryable: false };
		case ErrorCode.ConnectionClosed:
		case ErrorCode.ConnectionDraining:
		case ErrorCode.Disconnect:
			return { failure: "disconnected", detail: "the connection to NATS has just ended", retryable: true };
		default:
			return { failure: "internal", detail, retryable: true };
	}
}

export type PolicyReadFailure =
	/** An answer: nothing has been installed on this bus yet. */
	| { readonly kind: "no_bucket" }
	/** `passing`: no answer came, and the next attempt may get one. */
	| { readonly kind: "failed"; readonly error: ClientError; readonly passing: boolean };

/** Why the policy cannot be watched. */
export function policyReadFailure(cause: unknown): PolicyReadFailure {
	if (apiCodeOf(cause) === STREAM_NOT_FOUND) return { kind: "no_bucket" };
	const code = isPermissionViolation(cause) ? "permission_denied" : "policy_unreadable";
	const error = new ClientError(code, `the policy cannot be read: ${messageOf(cause)}`, { cause });
	return { kind: "failed", error, passing: codeOf(cause) === ErrorCode.Timeout };
}

/** The error's sentence; never throws. */
export function messageOf(cause: unknown): string {
	return cause instanceof Error ? cause.message || cause.name : String(cause);
}

function connectionCode(cause: unknown): ClientErrorCode {
	switch (codeOf(cause)) {
		case ErrorCode.ConnectionRefused:
		case "ECONNREFUSED":
			return "connection_refused";
		case ErrorCode.Timeout:
		case ErrorCode.ConnectionTimeout:
		case "ETIMEDOUT":
			return "connection_timeout";
		case ErrorCode.AuthorizationViolation:
		case ErrorCode.AuthenticationExpired:
		case ErrorCode.AuthenticationTimeout:
		case ErrorCode.AccountExpired:
		case ErrorCode.BadAuthentication:
		case ErrorCode.BadCreds:
			return "authorization_violation";
		case ErrorCode.PermissionsViolation:
			return "permission_denied";
		case ErrorCode.Tls:
			return "tls_failed";
		case ErrorCode.Disconnect:
		case ErrorCode.ConnectionClosed:
		case "ECONNRESET":
		case "EPIPE":
			return "connection_lost";
		default:
			return "nats_error";
	}
}

function codeOf(cause: unknown): string | undefined {
	const code = (cause as { code?: unknown } | null | undefined)?.code;
	return typeof code === "string" ? code : undefined;
}

function apiCodeOf(cause: unknown): number | undefined {
	return cause instanceof NatsError ? cause.api_error?.err_code : undefined;
}
