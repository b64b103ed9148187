// What a plugin may: what the manifest of its current version asks for and an admin granted. Network access is granted rule
// by rule, so a version that wants to reach another host is a version that asks for more, and waits like one.
import type { Manifest, NetworkRule, Permission } from "@hookbus/schemas";
import { canonicalJson } from "../canonical-json.js";
import { completeRule } from "./network-rules.js";

/** What an admin granted, for whichever version. */
export interface Granted {
	readonly grants: readonly Permission[];
	/** Rules that come with network_access; empty without it. */
	readonly network: readonly NetworkRule[];
}

export const NOTHING_GRANTED: Granted = { grants: [], network: [] };

type Asking = Pick<Manifest, "permissions" | "network">;

/** Permissions that are asked for and not granted, network_access also when one of its rules is not. */
export function missingGrants(manifest: Asking, granted: Granted): Permission[] {
	const uncovered = missingRules(manifest, granted).length > 0;
	return (manifest.permissions ?? []).filter(
		(permission) => !granted.grants.includes(permission) || (permission === "network_access" && uncovered),
	);
}

/** Network rules that are asked for and not granted. */
export function missingRules(manifest: Asking, granted: Granted): NetworkRule[] {
	const effective = networkRules(manifest, granted);
	return (manifest.network ?? []).filter((rule) => !effective.includes(rule));
}

/** Network rules that count: asked for and granted, nothing in them different. */
export function networkRules(manifest: Asking, { grants, network }: Granted): NetworkRule[] {
	return grants.includes("network_access") ? rulesAmong(manifest.network ?? [], network) : [];
}

/** Those rules that `others` has as well. */
export function rulesAmong(rules: readonly NetworkRule[], others: readonly NetworkRule[]): NetworkRule[] {
	const known = new Set(others.map((rule) => canonicalJson(completeRule(rule))));
	return rules.filter((rule) => known.has(canonicalJson(completeRule(rule))));
}
