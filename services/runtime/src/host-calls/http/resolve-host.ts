// All addresses of a host, asked for once. What is connected to is what was found and checked here: a second look at a name can find
// another address.
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { HTTP_LIMITS } from "./http-limits.js";
import { isAddress } from "./match-host.js";
import { NoResponse } from "./no-response.js";

/** Milliseconds before a question is sent again; a deadline usually comes first. */
const RETRY_MS = 1_000;
const TRIES = 4;

/** Labels of letters, digits, hyphens and underscores: what is in use as the name of a host. */
const NAME = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

/**
 * The system's own look-up takes /etc/hosts into account, but cannot be stopped, and two slow names hold up all others in the process;
 * this asks name servers directly.
 *
 * @param servers host:port; empty: the system's name servers
 * @throws NoResponse
 */
export async function resolveHost(host: string, servers: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
	if (isAddress(host)) return [host.replace(/^\[|\]$/g, "")];
	if (!NAME.test(host)) throw new NoResponse(`${host} is no name of a host`);
	signal.throwIfAborted();
	const resolver = new Resolver({ timeout: RETRY_MS, tries: TRIES });
	if (servers.length > 0) resolver.setServers(servers);
	const cancel = () => resolver.cancel();
	signal.addEventListener("abort", cancel);
	try {
		const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
		// IPv4 first: a machine without a way out over IPv6 would wait for each of them.
		const addresses = [four, six].flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
		if (addresses.length > HTTP_LIMITS.addresses) {
			throw new NoResponse(`${host} has ${addresses.length} addresses; at most ${HTTP_LIMITS.addresses} are allowed`);
		}
		if (addresses.length > 0) return addresses;
		if (four.status === "rejected") throw NoResponse.because(`${host} does not resolve`, four.reason);
		throw new NoResponse(`${host} does not resolve: it has no address`);
	} finally {
		signal.removeEventListener("abort", cancel);
	}
}

/** @throws Error for a name server that is no address with a port */
export function checkNameServers(servers: readonly string[]): void {
	for (const server of servers) {
		const [, six, four, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(server) ?? [];
		if (isIP(six ?? four ?? "") === 0 || Number(port) < 1 || Number(port) > 65_535) {
			throw new Error(`${JSON.stringify(server)} is no name server, such as 10.0.0.53:53 or [fd00::53]:53`);
		}
	}
}
