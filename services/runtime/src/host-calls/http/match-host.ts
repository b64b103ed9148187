// Whether a host fits a pattern of a network rule, or of the deployment's list of hosts.
import { isIP } from "node:net";

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
