// The host function http_request: HTTP requests of plugins, each of which a rule allows that an admin granted. Plugins are hostile, and
// so are the servers and the name servers that they choose; this is the only way from a plugin to a network.
//
//   prepared → resolved → every address checked → connected to one of these → sent → response
//                                                                                 → redirect → prepared, 5 times at most
//   not allowed, at any of these     denied: ends the plugin's call
//   no response, or one too large    status 0 with the reason; one that is later than the plugin waits for it as well
//   too many at the same time        the same
//   the signal                       closes what is open, timeout
import { createSecureContext, rootCertificates } from "node:tls";
import { AddressGuard } from "@hookbus/foundation";
import type { HttpResponse } from "../host-call.js";
import { timedOut } from "../host-call-errors.js";
import type { HostFunction } from "../host-function.js";
import type { PluginRights } from "../plugin-rights.js";
import { ExchangeSlots } from "./exchange-slots.js";
import { isRedirect, redirectedRequest } from "./follow-redirect.js";
import { HTTP_LIMITS } from "./http-limits.js";
import { ResponseMask } from "./mask-response.js";
import { checkHostPatterns } from "./match-host.js";
import { deniedRequest, requestText } from "./match-rule.js";
import { NoResponse } from "./no-response.js";
import { openConnection } from "./open-connection.js";
import { placeableSecrets, placeSecrets } from "./place-secrets.js";
import { type PreparedRequest, prepareRequest } from "./prepare-request.js";
import { checkNameServers, resolveHost } from "./resolve-host.js";
import { sendRequest, type WireResponse } from "./send-request.js";
import { withinTime } from "./within-time.js";

export interface HttpOptions {
	/** CIDRs, such as 10.1.0.0/16, that plugins may reach although they are not public or this machine's; default: none. */
	readonly allowedRanges: readonly string[];
	/** Hosts that this deployment lets plugins reach, whatever an admin grants: patterns as in network rules, or `*` for any. */
	readonly hosts: readonly string[];
	/** Name servers as host:port; empty: the system's. Names in /etc/hosts are not found in either case. */
	readonly dnsServers: readonly string[];
	/** Certificates (PEM) of authorities to trust besides the public ones; NODE_EXTRA_CA_CERTS does not count then. Default: none. */
	readonly ca?: readonly string[];
}

/** @throws Error for an option with a value that is none, and shows the value */
export function createHttpFunction(options: HttpOptions): HostFunction<"http_request", PreparedRequest> {
	checkHostPatterns(options.hosts);
	checkNameServers(options.dnsServers);
	const guard = new AddressGuard(options.allowedRanges);
	const slots = new ExchangeSlots();
	const ca = options.ca ?? [];
	const secureContext = ca.length === 0 ? undefined : createSecureContext({ ca: [...rootCertificates, ...ca] });

	/** One request and its response, from the name to the last byte. */
	async function exchange(request: PreparedRequest, rights: PluginRights, signal: AbortSignal): Promise<WireResponse> {
		const { method, body } = request;
		const addresses = await resolveHost(request.url.hostname, options.dnsServers, signal);
		const refusal = guard.refusal(...addresses);
		if (refusal !== undefined) {
			const why = `${request.url.hostname} has an address that is not public (${refusal}); only ranges that this deployment allows may be reached besides`;
			throw deniedRequest(method, request.url, why);
		}
		const socket = await openConnection(request.url, addresses, secureContext, signal);
		try {
			return await sendRequest(socket, { method, body, ...placeSecrets(request, rights.secrets) }, signal);
		} finally {
			// One connection for each request: a kept one would be used without its address being checked.
			socket.destroy();
		}
	}

	async function exchangeAll(first: PreparedRequest, rights: PluginRights, signal: AbortSignal): Promise<HttpResponse> {
		const mask = new ResponseMask(placeableSecrets(rights));
		let request = first;
		for (let redirects = 0; ; redirects += 1) {
			const response = await exchange(request, rights, signal);
			const headers = new Map([...response.headers].map(([name, value]) => [name, mask.header(value)]));
			if (!isRedirect(response.status, headers)) {
				return { status: response.status, headers: Object.fromEntries(headers), body: mask.bytes(response.body) };
			}
			if (redirects === HTTP_LIMITS.redirects) {
				throw new NoResponse(`${first.url.hostname} redirects more than ${HTTP_LIMITS.redirects} times`);
			}
			const next = redirectedRequest(request, response.status, headers.get("location") ?? "");
			if (mask.isIn(new URL(next.url))) {
				throw deniedRequest(request.method, request.url, "it redirects to a URL with a secret of the plugin");
			}
			request = prepareRequest(next, rights, options.hosts);
		}
	}

	return {
		callsPerInvocation: HTTP_LIMITS.callsPerInvocation,
		prepare: (request, rights) => prepareRequest(request, rights, options.hosts),
		async run(prepared, rights, { signal }) {
			try {
				return await slots.use(rights, () =>
					withinTime(prepared.timeoutMs, signal, (limited) => exchangeAll(prepared, rights, limited)),
				);
			} catch (thrown) {
				if (signal.aborted) {
					const what = requestText(prepared.method, prepared.url);
					throw timedOut(`http_request: ${what} was not done before the plugin's time was over`, { cause: thrown });
				}
				if (thrown instanceof NoResponse) return thrown.toResponse();
				throw thrown;
			}
		},
	};
}
