// Whether a host fits a pattern of a network rule, or of the deployment's list of hosts.
import { isIP } from "node:net";
import { NetworkRule } from "@hookbus/schemas";
import { Value } from "@sinclair/typebox/value";

/**
 * @param pattern a name; or `*.example.com`: every name below example.com, not itself
 * @param host as {@link URL} normalises it, without a dot at its end
 */
export function hostMatches(pattern: string, host: string): boolean {
	if (!pattern.startsWith("*.")) return pattern === host;
	// An address has no names below it: `*.0.0.1` must not stand for 127.0.0.1.
	return !isAddress(host) && host.endsWith(pattern.slice(1)) && host.length >= pattern.length;
}

/** Whether it is an IPv4 address, or an IPv6 address in brackets, and no name. */
export function isAddress(host: string): boolean {
	return isIP(host) !== 0 || host.startsWith("[");
}

/** @throws Error for what is no pattern: it would fit no host, without a word */
export function checkHostPatterns(patterns: readonly string[]): void {
	for (const pattern of patterns) {
		if (pattern === "*" || Value.Check(NetworkRule.properties.host, pattern)) continue;
		throw new Error(`${JSON.stringify(pattern)} is no pattern of hosts, such as api.example.com, *.example.com, or * for any`);
	}
}
