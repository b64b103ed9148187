// Which permissions an admin took away since a snapshot. A version that does not ask for a permission loses it without anybody
// deciding so, and gets it back with a rollback; what an admin took away must stay away, or a rollback would grant it.
import type { NetworkRule } from "@hookbus/schemas";
import { canonicalJson } from "../canonical-json.js";
import { type Granted, networkRules } from "../routing/granted.js";
import { completeRule } from "../routing/network-rules.js";
import type { GrantedThen } from "./repository.js";

/**
 * What of a snapshot's grants a rollback to it may grant again.
 *
 * @param since grants from that snapshot on, oldest first
 */
export function grantsToRestore(since: readonly GrantedThen[]): Granted {
	const [then] = since;
	if (then === undefined) return { grants: [], network: [] };
	const revoked = new Set<string>();
	for (let index = 1; index < since.length; index += 1) {
		const before = since[index - 1] as GrantedThen;
		const after = since[index] as GrantedThen;
		const names = namesOf(after);
		if (after.version === before.version) {
			for (const name of namesOf(before)) if (!names.has(name)) revoked.add(name);
		}
		for (const name of names) revoked.delete(name);
	}
	const network = then.network.filter((rule) => !revoked.has(nameOf(rule)));
	const grants = then.grants.filter(
		(permission) => !revoked.has(permission) && (permission !== "network_access" || network.length > 0),
	);
	return { grants, network: networkRules({ network: [...network] }, { grants, network }) };
}

function namesOf({ grants, network }: GrantedThen): Set<string> {
	return new Set<string>([...grants, ...network.map(nameOf)]);
}

function nameOf(rule: NetworkRule): string {
	return canonicalJson(completeRule(rule));
}
