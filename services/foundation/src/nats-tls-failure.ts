// Tells a TLS connection that cannot be trusted from a server that is only not there yet. The first is refused for good, with what to
// do about it: trying on would hide for ever that a certificate expired, or that somebody stands between.
import { ErrorCode } from "nats";

/** Codes of OpenSSL's verification, and of a client or a server that does not speak TLS as the other does. */
const UNTRUSTED =
	/^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET_ISSUER|VERIFY)|CERT_(UNTRUSTED|SIGNATURE|REVOKED|REJECTED|CHAIN)|INVALID_CA|ERR_(SSL|TLS)_)/;

/** Why TLS failed, with the way out; `undefined` when something else did, which may be over the next time. */
export function tlsFailure(thrown: unknown): string | undefined {
	const { code, message, chainedError } = thrown as { code?: unknown; message?: unknown; chainedError?: unknown };
	switch (code) {
		case ErrorCode.ServerOptionNotAvailable:
			return "the server offers no TLS; turn it on there, or find out who is between";
		case "CERT_HAS_EXPIRED":
		case "CERT_NOT_YET_VALID":
			return `the server's certificate is not valid today (${code}); renew it`;
		case "ERR_TLS_CERT_ALTNAME_INVALID":
			return `the server's certificate is for another name (${code}: ${String(message)}); reach it by the name that it is for`;
		default:
			break;
	}
	if (typeof code === "string" && UNTRUSTED.test(code)) {
		return `no authority that is trusted here signed the server's certificate (${code}); name the right one with HOOKBUS_NATS_CA`;
	}
	return chainedError === undefined ? undefined : tlsFailure(chainedError);
}
