// The order of a chain: one number for each step, then the plugin's name. The rules, in one place:
//
// - Ascending by number. A binding's own number counts as it stands, on every hook of the plugin.
// - Without an own number the manifest's `order` of that hook counts, else 100.
// - On response hooks (HOOKS[hook].order "reverse") a number that is not a binding's own is mirrored: 10 becomes -10. So
//   plugins without own numbers run there in exactly the reverse of their order elsewhere, and what was done first on the
//   way in is undone last on the way out. On that scale an own -1000 runs before, and any own number from 0 on runs after
//   every plugin without one.
// - Equal numbers: plugins with an own number first, those by name ascending; the others by name, on response hooks
//   descending, so that the reverse stays exact.
import { HOOKS, type HookName } from "@hookbus/schemas";

/** Number of a plugin for which neither manifest nor binding names one. */
export const DEFAULT_ORDER = 100;

export interface Place {
	readonly plugin: string;
	/** What is sorted by, and stands in the route table. */
	readonly order: number;
	readonly own: boolean;
}

/** The place of a plugin at a hook; `own` is the binding's number, `manifest` the hook entry's. */
export function placeAt(hook: HookName, plugin: string, own: number | null, manifest: number | undefined): Place {
	if (own !== null) return { plugin, order: own, own: true };
	const order = manifest ?? DEFAULT_ORDER;
	// 0 - order and not -order: a negative zero would be another number in JSON comparisons.
	return { plugin, order: HOOKS[hook].order === "reverse" ? 0 - order : order, own: false };
}

/** Compares two places of one hook's chain, for sort(). */
export function comparePlaces(hook: HookName, a: Place, b: Place): number {
	if (a.order !== b.order) return a.order - b.order;
	if (a.own !== b.own) return a.own ? -1 : 1;
	const byName = a.plugin < b.plugin ? -1 : a.plugin > b.plugin ? 1 : 0;
	return !a.own && HOOKS[hook].order === "reverse" ? 0 - byName : byName;
}
