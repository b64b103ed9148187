// How the keys of secrets stand, for people: what a rotation has left, and whether the previous master key is still needed.
import type { KeyStatus } from "@hookbus/schemas";

export function describeKeys({ masterKey, previousMasterKey, dataKeys, done, left, unreadable }: KeyStatus): string[] {
	const counts: readonly (readonly [count: number, what: string])[] = [
		[left.dataKeys, "data keys that another master key wrapped"],
		[left.values, "secrets that an earlier key sealed"],
		[left.retiredKeys, "replaced data keys that are not deleted yet"],
		[left.tables, "tenants whose newest route table is not on the bus, or holds something of these"],
	];
	const open = counts.filter(([count]) => count > 0).map(([count, what]) => `left         ${count} ${what}`);
	if (left.runtimes.length > 0) {
		const names = left.runtimes.includes("*")
			? "not known yet: the control plane has just started, or NATS is away"
			: left.runtimes.join(", ");
		open.push(`runtimes     that have not taken the newest route table: ${names}`);
	}
	if (left.tenants.length > 0) open.push(`tenants      ${left.tenants.join(", ")}`);
	const previous =
		previousMasterKey === undefined
			? []
			: [
					`previous key ${previousMasterKey}${done ? ", no longer needed: take HOOKBUS_MASTER_KEY_PREVIOUS away" : ", still needed"}`,
				];
	return [
		`master key   ${masterKey}`,
		...previous,
		`data keys    ${dataKeys}`,
		...(done ? ["left         nothing"] : open),
		...(unreadable === 0 ? [] : [`unreadable   ${unreadable} secrets whose key nobody has; they have to be set again`]),
	];
}
