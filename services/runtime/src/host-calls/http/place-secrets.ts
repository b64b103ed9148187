// Puts a plugin's secrets into a request, where the rule that allows the request says. Only here are they part of one; what a plugin
// prepares, what errors show and what a redirect goes on with never has them.
import type { NetworkRule, SecretPlacement } from "@hookbus/schemas";
import type { PluginRights } from "../plugin-rights.js";
import { isHeaderValue, isHostHeader } from "./clean-headers.js";
import { deniedRequest } from "./match-rule.js";

/** @throws HostCallError `denied`: names the field of the configuration that has to be set */
export function requireSecrets(method: string, url: URL, rule: NetworkRule, secrets: PluginRights["secrets"]): void {
	for (const placement of rule.secrets ?? []) {
		const field = placement.secret;
		if (secretOf(placement, secrets) === "") {
			throw deniedRequest(method, url, `it needs the secret ${field}; set ${field} in the plugin's configuration`);
		}
		const { header } = placement;
		if (header !== undefined && isHostHeader(header)) {
			throw deniedRequest(method, url, `its rule puts the secret ${field} into the header ${header}, which is the host's own`);
		}
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

/** A copy of a request with the secrets of its rule, in place of what the plugin has put there. */
export function placeSecrets(
	{ url, headers, rule }: { readonly url: URL; readonly headers: ReadonlyMap<string, string>; readonly rule: NetworkRule },
	secrets: PluginRights["secrets"],
): RequestWithSecrets {
	let pairs = url.search === "" ? [] : url.search.slice(1).split("&");
	const placed = new Map(headers);
	for (const placement of rule.secrets ?? []) {
		const { header, query } = placement;
		const value = placedValue(placement, secrets);
		if (header !== undefined) placed.set(header.toLowerCase(), value);
		// The other pairs stay as they were written: a server may check a signature of them.
		if (query !== undefined) {
			pairs = [...pairs.filter((pair) => !new URLSearchParams(pair).has(query)), `${query}=${encodeURIComponent(value)}`];
		}
	}
	const withSecrets = new URL(url);
	withSecrets.search = pairs.join("&");
	return { url: withSecrets, headers: placed };
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
