// Finds the rule that allows a request. Without a rule that allows all of it, scheme to path, there is no request; and no rule goes
// beyond the hosts that the deployment allows.
import type { NetworkRule } from "@hookbus/schemas";
import { denied, type HostCallError } from "../host-call-errors.js";
import { hostMatches } from "./match-host.js";
import { isBelow } from "./path-below.js";

/** Rules that an error lists. */
const LISTED = 4;

/**
 * @param hosts what the deployment allows: patterns of hosts, or `*`
 * @throws HostCallError `denied`: names what was asked for and what is allowed
 */
export function requireRule(method: string, url: URL, rules: readonly NetworkRule[], hosts: readonly string[]): NetworkRule {
	const rule = rules.find((candidate) => ruleAllows(candidate, method, url));
	if (rule === undefined) throw deniedRequest(method, url, `the plugin was granted ${listed(rules.map(ruleText))}`);
	if (!hosts.some((pattern) => pattern === "*" || hostMatches(pattern, url.hostname))) {
		throw deniedRequest(method, url, `this deployment lets plugins reach ${listed(hosts)}`);
	}
	return rule;
}

/** The error for a request, by what it asks for: neither its query, which may hold secrets, nor anything else that it carries. */
export function deniedRequest(method: string, url: URL, why: string): HostCallError {
	return denied(`http_request: ${requestText(method, url)} is not allowed: ${why}`);
}

export function requestText(method: string, { origin, pathname }: URL): string {
	return `${method} ${origin}${pathname.length > 200 ? `${pathname.slice(0, 200)}…` : pathname}`;
}

function ruleAllows(rule: NetworkRule, method: string, url: URL): boolean {
	const scheme = schemeOf(rule);
	return (
		url.protocol === `${scheme}:` &&
		hostMatches(rule.host, url.hostname) &&
		Number(url.port || DEFAULT_PORTS[scheme]) === (rule.port ?? DEFAULT_PORTS[scheme]) &&
		methodsOf(rule).includes(method) &&
		isBelow(pathOf(rule), url.pathname)
	);
}

function ruleText(rule: NetworkRule): string {
	const port = rule.port === undefined ? "" : `:${rule.port}`;
	return `${methodsOf(rule).join("|")} ${schemeOf(rule)}://${rule.host}${port}${pathOf(rule)}`;
}

function listed(allowed: readonly string[]): string {
	if (allowed.length === 0) return "nothing";
	const more = allowed.length - LISTED;
	return `${allowed.slice(0, LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

export const DEFAULT_PORTS = { https: 443, http: 80 } as const;

function schemeOf({ scheme }: NetworkRule): "https" | "http" {
	return scheme ?? "https";
}

function methodsOf({ methods }: NetworkRule): readonly string[] {
	return methods ?? ["GET"];
}

function pathOf({ path }: NetworkRule): string {
	return path ?? "/";
}
