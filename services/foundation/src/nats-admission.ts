// Whether a NATS server admits a connection without credentials. What the server says of itself is not enough to know: the only
// proof that it refuses strangers is a stranger that it refused.
import { type ConnectionOptions, connect, type NatsConnection } from "nats";

/** Milliseconds that the server has to answer the stranger. */
const PROBE_MS = 5_000;

/**
 * @param connection one with our credentials
 * @param place servers and TLS, without credentials
 * @param prove try it as well, when the server says that it asks for credentials
 */
export async function admitsAnybody(
	connection: NatsConnection,
	place: Pick<ConnectionOptions, "servers" | "tls">,
	prove: boolean,
): Promise<boolean> {
	// False also with no_auth_user, under which whoever has no credentials is let in.
	if (connection.info?.auth_required !== true) return true;
	if (!prove) return false;
	try {
		const options = { ...place, name: "hookbus probe without credentials", reconnect: false, timeout: PROBE_MS };
		const stranger = await connect(options);
		await stranger.close();
		return true;
	} catch {
		// Refused, or not reached; with the server gone there is nothing to say, and its word of before stands.
		return false;
	}
}
