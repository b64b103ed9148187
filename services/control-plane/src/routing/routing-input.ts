// What the compiler of route tables starts from: a tenant's plugins and bindings, as they are stored.
import type { DataKeys } from "@hookbus/foundation";
import type {
	BindingMode,
	FailurePolicy,
	Manifest,
	PluginLimits,
	RolloutMode,
	RoutedRecording,
	SealedSecret,
} from "@hookbus/schemas";
import type { Config } from "../config/merge-config.js";
import type { Granted } from "./granted.js";

/** The version that a running rollout tries out. */
export interface RoutingCandidate {
	readonly version: string;
	readonly digest: string;
	readonly size: number;
	readonly manifest: Manifest;
	readonly mode: RolloutMode;
	/** Of the conversations for which the binding runs. */
	readonly percentage: number;
}

export interface RoutingPlugin extends Granted {
	readonly name: string;
	readonly enabled: boolean;
	readonly version: string;
	readonly digest: string;
	readonly size: number;
	readonly manifest: Manifest;
	/** What an admin set over the manifest's; null: nothing. */
	readonly limits: PluginLimits | null;
	/** Revision since which it runs as it is; null: since before that was written down. */
	readonly changedRevision: number | null;
	/** What an earlier plugin of this name kept is not removed yet; it must not be found. */
	readonly purgePending: boolean;
	/** Why its version was recalled; absent: it was not. */
	readonly recalled?: string;
	/** Global configuration, without defaults. */
	readonly config: Config;
	readonly secrets: Readonly<Record<string, SealedSecret>>;
	/** Users with a configuration of their own, by id; absent: none. */
	readonly users?: readonly RoutingUser[];
	/** Absent: no rollout runs. */
	readonly candidate?: RoutingCandidate | undefined;
}

/** What one user has as their own. */
export interface RoutingUser {
	readonly user: string;
	/** Laid over everybody's. */
	readonly config: Config;
	/** Sealed for the user. */
	readonly secrets: Readonly<Record<string, SealedSecret>>;
}

export interface RoutingBinding {
	readonly plugin: string;
	/** null: the tenant scope. */
	readonly assistant: string | null;
	readonly enabled: boolean;
	readonly order: number | null;
	readonly mode: BindingMode | null;
	readonly onError: FailurePolicy | null;
	readonly timeoutMs: number | null;
	readonly config: Config | null;
	/** Share of conversations, 0 to 100; null: inherited. */
	readonly percentage: number | null;
	/** null: inherited. */
	readonly optIn: boolean | null;
	/** Users who opted in, sorted; absent: none. */
	readonly users?: readonly string[];
	/** Executions hold the patch; null or absent: inherited. */
	readonly recordPatches?: boolean | null;
	readonly mandatory: boolean;
}

export interface RoutingInput {
	readonly plugins: readonly RoutingPlugin[];
	readonly bindings: readonly RoutingBinding[];
	/** Wrapped data keys of the tenant by their id; absent: none. */
	readonly dataKeys?: DataKeys;
	/** Digests of versions that were recalled, sorted; absent: none. */
	readonly recalledDigests?: readonly string[];
	/** Recordings that run; absent: none. */
	readonly recordings?: readonly RoutedRecording[];
}

/** Finds the binding of a plugin in exactly one scope (null: the tenant's), in constant time. */
export type BindingLookup = (plugin: string, assistant: string | null) => RoutingBinding | undefined;

export function indexBindings(bindings: readonly RoutingBinding[]): BindingLookup {
	const index = new Map(bindings.map((binding) => [keyOf(binding.plugin, binding.assistant), binding]));
	return (plugin, assistant) => index.get(keyOf(plugin, assistant));
}

function keyOf(plugin: string, assistant: string | null): string {
	return assistant === null ? plugin : `${plugin} ${assistant}`;
}
