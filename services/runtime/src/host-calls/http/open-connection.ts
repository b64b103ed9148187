// Opens a connection to an address that was checked, and to no other: an address is not resolved again, and a connection is never
// taken from a pool. For https the other side must prove to be the host before anything is sent, the secrets above all.
import { connect, type Socket } from "node:net";
import { type SecureContext, connect as secure } from "node:tls";
import { eventOrEnd } from "./event-or-end.js";
import { HTTP_LIMITS } from "./http-limits.js";
import { isAddress } from "./match-host.js";
import { DEFAULT_PORTS } from "./match-rule.js";
import { NoResponse } from "./no-response.js";

/**
 * @param addresses checked; tried one after the other until one of them takes the connection
 * @param secureContext whom to trust; `undefined`: whom Node.js trusts
 * @throws NoResponse
 */
export async function openConnection(
	url: URL,
	addresses: readonly string[],
	secureContext: SecureContext | undefined,
	signal: AbortSignal,
): Promise<Socket> {
	const isSecure = url.protocol === "https:";
	const port = Number(url.port || DEFAULT_PORTS[isSecure ? "https" : "http"]);
	const { socket, address } = await connectToFirst(url, addresses, port, signal);
	if (!isSecure) return socket;
	const secured = secure({
		socket,
		// Without a server name, which an address cannot be, the certificate must be for the address.
		host: address,
		servername: isAddress(url.hostname) ? "" : url.hostname,
		ALPNProtocols: ["http/1.1"],
		...(secureContext === undefined ? {} : { secureContext }),
	});
	try {
		await eventOrEnd(secured, "secureConnect");
		return secured;
	} catch (thrown) {
		socket.destroy();
		throw NoResponse.because(`no secure connection to ${url.hostname}`, thrown);
	}
}

async function connectToFirst(
	url: URL,
	addresses: readonly string[],
	port: number,
	signal: AbortSignal,
): Promise<{ readonly socket: Socket; readonly address: string }> {
	let last: unknown;
	for (const address of addresses.slice(0, HTTP_LIMITS.connectionAttempts)) {
		signal.throwIfAborted();
		// The signal ends it at any time, also as a part of a secure connection.
		const socket = connect({ host: address, port, signal });
		try {
			await eventOrEnd(socket, "connect");
			return { socket, address };
		} catch (thrown) {
			last = thrown;
		}
	}
	throw NoResponse.because(`no connection to ${url.hostname}`, last);
}
