// What a plugin asks for becomes a request that is allowed, or an error. It touches nothing: names are resolved and addresses are
// checked when it runs. The requests of redirects come through here as well.
import { HttpMethod, type NetworkRule } from "@hookbus/schemas";
import type { HttpRequest } from "../host-call.js";
import { denied, invalid } from "../host-call-errors.js";
import type { PluginRights } from "../plugin-rights.js";
import { cleanHeaders } from "./clean-headers.js";
import { requireRule } from "./match-rule.js";
import { requireSecrets } from "./place-secrets.js";
import { checkRequestSize, checkUrlSize } from "./request-size.js";

/** A request that a rule allows, without its secrets. */
export interface PreparedRequest {
	readonly method: string;
	/** http or https, without credentials, its host without a dot at the end. */
	readonly url: URL;
	/** What the plugin gave and may give, by lower-case name. */
	readonly headers: ReadonlyMap<string, string>;
	readonly body: Uint8Array | undefined;
	/** The rule that allows it. */
	readonly rule: NetworkRule;
	/** Milliseconds that the plugin waits; `undefined`: until its own time is over. */
	readonly timeoutMs: number | undefined;
}

const METHODS: readonly unknown[] = HttpMethod.anyOf.map((literal) => literal.const);

/**
 * @param hosts what the deployment allows: patterns of hosts, or `*`
 * @throws HostCallError `denied`, `guest_error`
 */
export function prepareRequest(request: HttpRequest, rights: PluginRights, hosts: readonly string[]): PreparedRequest {
	checkRequestSize(request);
	const method = readMethod(request.method);
	const url = readUrl(request.url);
	const body = request.body?.byteLength === 0 ? undefined : request.body;
	const rule = requireRule(method, url, rights.network, hosts);
	const headers = cleanHeaders(request.headers);
	requireSecrets(method, url, rule, rights.secrets);
	return { method, url, headers, body, rule, timeoutMs: request.timeoutMs };
}

function readMethod(given: string): string {
	// No method is as long.
	const start = given.slice(0, 32);
	const method = start.toUpperCase();
	if (METHODS.includes(method)) return method;
	throw denied(`http_request: the method ${JSON.stringify(start)} is not allowed; there are ${METHODS.join(", ")}`);
}

/** Errors show little of a URL: it may hold secrets of the plugin. */
function readUrl(text: string): URL {
	const url = parseUrl(text);
	if (url === undefined) {
		throw invalid(`http_request: the URL (${text.length} characters) is none; it needs a scheme and a host: https://…`);
	}
	// Written out it can be longer.
	checkUrlSize(url.href);
	if (url.protocol !== "https:" && url.protocol !== "http:") {
		throw denied(`http_request: the scheme ${url.protocol.slice(0, 32)} is not allowed; there are https: and http:`);
	}
	if (url.username !== "" || url.password !== "") {
		throw denied(`http_request: credentials in the URL of ${url.hostname} are not allowed; secrets are put in by network rules`);
	}
	url.hash = "";
	// The same host to DNS, another one to a comparison.
	if (url.hostname.endsWith(".")) url.hostname = url.hostname.slice(0, -1);
	return url;
}

function parseUrl(text: string): URL | undefined {
	return URL.canParse(text) ? new URL(text) : undefined;
}
