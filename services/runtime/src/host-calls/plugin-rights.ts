// What a plugin may ask of the host: asked for in its manifest, granted by an admin, and allowed by this deployment. Kept in the
// main thread under the key of the plugin's image, and decided by there. A thread that runs plugin code knows of it only the grants and
// the limits that stand in the image; network rules, and secrets that it may not read, never reach it.
import type { EffectiveLimits, NetworkRule, Permission } from "@hookbus/schemas";

export interface PluginRights {
	readonly tenant: string;
	readonly plugin: string;
	readonly permissions: ReadonlySet<Permission>;
	readonly network: readonly NetworkRule[];
	/** Opened secrets by their field, for the placements of `network`. */
	readonly secrets: Readonly<Record<string, string>>;
	readonly limits: Readonly<EffectiveLimits>;
}
