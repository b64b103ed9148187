// Every code that this package can give, with its meaning: why the client's own policy decided or an event was not stored
// (FAILURES, in results, never thrown), and what connectHookbus throws or a status reports (CLIENT_ERRORS). Callers switch
// on these codes; the README's tables are compared with them by a test.

/** Why a verdict came from the client's policy, or why a durable event was not stored. */
export const FAILURES = {
	no_responders: "No runtime listens for this hook and assistant",
	timeout: "Nobody answered before the deadline; for afterResponse, the stream did not confirm in durableMaxWaitMs",
	disconnected: "There was no connection to NATS",
	bad_reply: "The reply was no verdict for this event",
	event_too_large: "The event is larger than maxEventBytes, or than the server's max_payload; nothing was sent",
	invalid_event: "The input does not make a valid event; nothing was sent",
	refused: "The runtime refused the event (problem says why); for afterResponse, the stream refused it for good",
	permission_denied: "The NATS user may not publish on the subject, or not subscribe to its inbox",
	overloaded: "Over maxPendingRequests or maxUnconfirmedBytes; nothing was sent",
	buffer_full: "afterResponse only: over durableBufferBytes; the event was dropped",
	closed: "The client is closed, or close() ran out of time",
	internal: "A defect of the client; detail holds the error",
} as const;

export type FailureCode = keyof typeof FAILURES;

export const FAILURE_CODES = Object.keys(FAILURES) as readonly FailureCode[];

/** Codes of {@link ClientError}. */
export const CLIENT_ERRORS = {
	invalid_options: "connectHookbus was given a setting that does not exist or a value that is not allowed",
	not_connected: "waitOnFirstConnect was set and there was no connection within connectTimeoutMs",
	connection_refused: "Nothing listens at the server's address",
	connection_timeout: "The server did not complete the handshake in time",
	connection_lost: "An established connection ended",
	authorization_violation: "The server did not accept the credentials",
	permission_denied: "The server does not allow an operation on a subject",
	tls_failed: "The TLS handshake failed",
	policy_unreadable: "The policy could not be read from the key-value bucket",
	policy_invalid: "The entry in the policy bucket is no hook policy of this tenant",
	nats_error: "Any other error of the NATS client; cause holds it",
} as const;

export type ClientErrorCode = keyof typeof CLIENT_ERRORS;

/** The only error that this package throws or reports; `cause` is the original where there is one. */
export class ClientError extends Error {
	override readonly name = "ClientError";
	readonly code: ClientErrorCode;

	constructor(code: ClientErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}
