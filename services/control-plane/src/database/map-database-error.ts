// The only reader of driver errors: decides which mean "the database cannot serve now". Everything else is a defect of ours
// and goes on as it is, to be logged and answered without detail.
import { CodedError } from "@hookbus/foundation";
import { DrizzleQueryError } from "drizzle-orm/errors";
import { errors } from "../errors.js";

/** Codes of sockets and of postgres.js for a server that is not there, or that hung up. */
const CONNECTION_CODES = new Set([
	"ECONNREFUSED",
	"ECONNRESET",
	"EPIPE",
	"ETIMEDOUT",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"ENOTFOUND",
	"EAI_AGAIN",
	"ENOENT",
	"CONNECT_TIMEOUT",
	"CONNECTION_CLOSED",
	"CONNECTION_DESTROYED",
	"CONNECTION_ENDED",
]);

/**
 * SQLSTATE classes and codes after which the same transaction can succeed: 08 connection, 53 resources, 58 system,
 * 57P0x shutdown, 57014 statement timeout, 40001 and 40P01 serialisation and deadlock, 55P03 lock timeout, 25006 read-only
 * (a failover is under way), 25P03 idle transaction ended.
 */
const RETRYABLE_STATES = /^(08|53|58|57P0|57014|40001|40P01|55P03|25006|25P03)/;

/** Codes of a certificate that is over its time, for another name, or signed by nobody who is trusted. */
const UNTRUSTED = /^(CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET_ISSUER|VERIFY)|INVALID_CA|ERR_TLS_CERT)/;

/** Of these, the SQLSTATEs after which the server closes the connection. */
const CLOSING_STATES = /^(08|57P0|25P03)/;

/** What to throw for something that a driver threw. */
export function mapDatabaseError(thrown: unknown): unknown {
	const error = unwrap(thrown);
	const code = codeOf(error);
	if (code !== undefined && UNTRUSTED.test(code)) {
		return errors.database_tls_failed(
			`the database's certificate is not to be trusted (${code}: ${error instanceof Error ? error.message : ""}); renew it, reach the ` +
				"server by the name that it is for, or name its authority with HOOKBUS_DATABASE_CA",
			{ cause: error },
		);
	}
	if (code === undefined || !(CONNECTION_CODES.has(code) || RETRYABLE_STATES.test(code))) return error;
	return errors.database_unavailable(`the database cannot serve this request now (${code}); try again in a few seconds`, {
		cause: error,
	});
}

/** True when what a driver threw means that the connection is gone, or was never there. */
export function isConnectionLost(thrown: unknown): boolean {
	const code = codeOf(unwrap(thrown));
	return code !== undefined && (CONNECTION_CODES.has(code) || CLOSING_STATES.test(code));
}

/** Without drizzle's wrapper, which repeats the query with all its parameters, down to a module's bytes: they belong in no log. */
function unwrap(thrown: unknown): unknown {
	return thrown instanceof DrizzleQueryError && thrown.cause instanceof Error ? thrown.cause : thrown;
}

/** True for violated unique and foreign keys and for values that the database does not take: repeating does not help. */
export function isDataError(thrown: unknown): boolean {
	return /^2[123]\w{3}$/.test(codeOf(thrown) ?? "");
}

/** SQLSTATE, or the code of a socket or of the driver. */
function codeOf(thrown: unknown): string | undefined {
	const code = thrown instanceof Error ? (thrown as Error & { code?: unknown }).code : undefined;
	return typeof code === "string" && !(thrown instanceof CodedError) ? code : undefined;
}

/** True for what {@link mapDatabaseError} makes of a database that cannot serve now. */
export function isUnavailable(thrown: unknown): boolean {
	return thrown instanceof CodedError && thrown.code === "database_unavailable";
}
