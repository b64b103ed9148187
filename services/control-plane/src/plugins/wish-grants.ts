// From what somebody wishes to grant to what is granted: only what the manifest asks for, network access with its rules. What
// is granted without being asked for would count the day a later version asks, although nobody saw that version.
import type { GrantsBody, Manifest, NetworkRule, Permission } from "@hookbus/schemas";
import { errors } from "../errors.js";
import { type Granted, networkRules, rulesAmong } from "../routing/granted.js";
import { describeRule } from "../routing/network-rules.js";
import type { Upload } from "./receive-upload.js";

/**
 * What a body of PUT grants asks for. Without rules of its own, network_access is granted with all rules of the manifest.
 *
 * @throws CodedError `request_invalid`, `grant_not_asked`
 */
export function grantsWished(manifest: Manifest, { permissions, network }: GrantsBody): Granted {
	requireAsked(manifest, permissions);
	const withNetwork = permissions.includes("network_access");
	if (network !== undefined && !withNetwork) {
		throw errors.request_invalid("network rules are granted with the permission network_access; add it, or drop network", {
			errors: [{ path: "/network", message: "needs network_access in permissions" }],
		});
	}
	requireAskedRules(manifest, network ?? []);
	return granted(manifest, permissions, withNetwork ? (network ?? manifest.network ?? []) : []);
}

/**
 * Grants after a package came: those that were given and are still asked for, and those that are wished now. What the new
 * version does not ask for is taken back, so that a later one that asks again has to be granted again.
 *
 * @throws CodedError `grant_not_asked`
 */
export function grantsAfterUpload(manifest: Manifest, before: Granted, wished: Upload["grants"]): Granted {
	const asked = manifest.permissions ?? [];
	const now = wished === "all" ? asked : (wished ?? []);
	requireAsked(manifest, now);
	const network = now.includes("network_access") ? (manifest.network ?? []) : networkRules(manifest, before);
	return granted(
		manifest,
		asked.filter((permission) => before.grants.includes(permission) || now.includes(permission)),
		network,
	);
}

/** In one order, so that equal grants are equal; network access without any rule is none. */
function granted(manifest: Manifest, permissions: readonly Permission[], network: readonly NetworkRule[]): Granted {
	const rules = rulesAmong(manifest.network ?? [], network);
	return {
		grants: permissions.filter((permission) => permission !== "network_access" || rules.length > 0).sort(),
		network: rules,
	};
}

function requireAsked(manifest: Manifest, permissions: readonly Permission[]): void {
	const asked = manifest.permissions ?? [];
	const surplus = permissions.filter((permission) => !asked.includes(permission));
	if (surplus.length === 0) return;
	throw errors.grant_not_asked(
		`plugin ${manifest.name} ${manifest.version} does not ask for ${surplus.join(", ")}; it asks for ${asked.join(", ") || "nothing"}`,
		{ errors: surplus.map((permission) => ({ path: `/permissions/${permission}`, message: "is not asked for" })) },
	);
}

function requireAskedRules(manifest: Manifest, network: readonly NetworkRule[]): void {
	const asked = rulesAmong(network, manifest.network ?? []);
	const surplus = network.flatMap((rule, index) =>
		asked.includes(rule) ? [] : [{ path: `/network/${index}`, message: `${describeRule(rule)} is not asked for` }],
	);
	const [first] = surplus;
	if (first === undefined) return;
	throw errors.grant_not_asked(
		`plugin ${manifest.name} ${manifest.version}: ${first.message} like this; GET /api/v1/plugins/${manifest.name} shows its rules`,
		{ errors: surplus },
	);
}
