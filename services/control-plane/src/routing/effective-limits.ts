// The limits that a plugin runs with: the defaults, the manifest's over them, and what an admin set over both.
import {
	DEFAULT_LIMITS,
	type EffectiveLimits,
	type LimitSource,
	type LimitsDetail,
	type Manifest,
	type PluginLimits,
} from "@hookbus/schemas";

/** @param set by an admin; null: nothing */
export function effectiveLimits({ limits }: Pick<Manifest, "limits">, set: PluginLimits | null = null): EffectiveLimits {
	return { ...DEFAULT_LIMITS, ...limits, ...set };
}

/** The limits as REST shows them, each with where it comes from. */
export function describeLimits(manifest: Pick<Manifest, "limits">, set: PluginLimits | null): LimitsDetail {
	const effective = effectiveLimits(manifest, set);
	const sourceOf = (name: string): LimitSource => {
		if (Object.hasOwn(set ?? {}, name)) return "admin";
		return Object.hasOwn(manifest.limits ?? {}, name) ? "manifest" : "default";
	};
	return { set: set ?? {}, effective, from: Object.fromEntries(Object.keys(effective).map((name) => [name, sourceOf(name)])) };
}
