// What a thread is told about a plugin.
import type { EffectiveLimits, Permission, ToolDefinition } from "@hookbus/schemas";
import type { LinkedModules } from "./linked-modules.js";

/** It crosses a thread boundary, so it is plain data and shared modules. */
export interface PluginImage {
	/**
	 * Same key, same instance state: tenant, name, digest, configuration revision and the exports that its chains call; for an earlier
	 * version that goes on under other limits, the configuration revision that brought them too.
	 */
	readonly key: string;
	readonly name: string;
	readonly version: string;
	readonly digest: string;
	readonly modules: LinkedModules;
	/** Extism configuration: `config` is the whole as JSON, and every top-level property under its own name. */
	readonly config: Readonly<Record<string, string>>;
	/** Values in `config` that nobody else may see. */
	readonly secrets: readonly string[];
	readonly grants: readonly Permission[];
	/** Its calls may wait for the network or the bus. */
	readonly waits: boolean;
	readonly limits: Readonly<EffectiveLimits>;
	readonly tools: readonly ToolDefinition[];
	/** Runs for users with this configuration of their own. There can be thousands: each gets its instance when an event needs one. */
	readonly ofUsers?: true;
}
