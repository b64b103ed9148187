// Puts a plugin's secrets into a request, where the rule that allows the request says. Only here are they part of one; what a plugin
// prepares, what errors show and what a redirect goes on with never has them.
import type { NetworkRule, SecretPlacement } from "@hookbus/schemas";
import type { PluginRights } from "../plugin-rights.js";
import { isHeaderValue } from "./clean-headers.js";
import { deniedRequest } from "./match-rule.js";

/** Lower-case names of the headers that carry secrets of a rule. */
export function placedHeaders({ secrets }: NetworkRule): string[] {
	return (secrets ?? []).flatMap(({ header }) => (header === undefined ? [] : [header.toLowerCase()]));
}

/** The URL without the query parameters that carry secrets of a rule: the plugin must not set them beside the host. */
export function withoutPlaced(url: URL, { secrets }: NetworkRule): URL {
	const placed = (secrets ?? []).flatMap(({ query }) => (query === undefined ? [] : [query]));
	const kept = pairsOf(url).filter((pair) => ![...new URLSearchParams(pair).keys()].some((name) => placed.includes(name)));
	return withPairs(url, kept);
}

/** @throws HostCallError `denied`: names the field of the configuration that has to be set */
export function requireSecrets(method: string, url: URL, rule: NetworkRule, secrets: PluginRights["secrets"]): void {
	for (const placement of rule.secrets ?? []) {
		const field = placement.secret;
		if (secretOf(placement, secrets) === "") {
			throw deniedRequest(method, url, `it needs the secret ${field}; set ${field} in the plugin's configuration`);
		}
		const { header } = placement;
		if (header !== undefined && !isHeaderValue(header, placedValue(placement, secrets))) {
			throw deniedRequest(
				method,
				url,
				`the secret ${field} has characters that the header ${header} cannot carry, such as a line break; set ${field} in the plugin's configuration anew`,
			);
		}
	}
}

export interface RequestWithSecrets {
	readonly url: URL;
	readonly headers: Map<string, string>;
}

/** A copy of a request with the secrets of its rule. */
export function placeSecrets(
	{ url, headers, rule }: { readonly url: URL; readonly headers: ReadonlyMap<string, string>; readonly rule: NetworkRule },
	secrets: PluginRights["secrets"],
): RequestWithSecrets {
	const pairs = pairsOf(url);
	const placed = new Map(headers);
	for (const placement of rule.secrets ?? []) {
		const value = placedValue(placement, secrets);
		if (placement.header !== undefined) placed.set(placement.header.toLowerCase(), value);
		if (placement.query !== undefined) pairs.push(`${encodeURIComponent(placement.query)}=${encodeURIComponent(value)}`);
	}
	return { url: withPairs(url, pairs), headers: placed };
}

/** The secrets that a plugin's rules place anywhere. */
export function placeableSecrets({ network, secrets }: Pick<PluginRights, "network" | "secrets">): string[] {
	const placements = network.flatMap((rule) => rule.secrets ?? []);
	return placements.map((placement) => secretOf(placement, secrets)).filter((secret) => secret !== "");
}

function placedValue(placement: SecretPlacement, secrets: PluginRights["secrets"]): string {
	return `${placement.prefix ?? ""}${secretOf(placement, secrets)}`;
}

/** Empty: not set. */
function secretOf({ secret }: SecretPlacement, secrets: PluginRights["secrets"]): string {
	return Object.hasOwn(secrets, secret) ? (secrets[secret] ?? "") : "";
}

function pairsOf({ search }: URL): string[] {
	return search.length > 1 ? search.slice(1).split("&") : [];
}

/** The other pairs stay as they were written: a server may have signed them. */
function withPairs(url: URL, pairs: readonly string[]): URL {
	const changed = new URL(url);
	changed.search = pairs.join("&");
	return changed;
}
