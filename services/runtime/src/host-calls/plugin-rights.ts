// What a plugin may ask of the host: asked for in its manifest, granted by an admin, and allowed by this deployment. Kept in the
// main thread under the key of the plugin's image; nothing of it ever reaches a thread that runs plugin code.
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
