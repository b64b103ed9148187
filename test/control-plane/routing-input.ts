// Short ways to write the input of the route compiler: what a test does not name has an everyday value.
import type { RoutingBinding, RoutingPlugin } from "@hookbus/control-plane";
import type { HookEntry, Manifest } from "@hookbus/schemas";

export interface PluginInput extends Partial<Omit<RoutingPlugin, "manifest">> {
	readonly name: string;
	readonly hooks?: HookEntry[];
	readonly manifest?: Partial<Manifest>;
}

/** An enabled plugin with one transform on on_chat_message and one on on_before_response. */
export function plugin({ hooks, manifest, ...rest }: PluginInput): RoutingPlugin {
	return {
		enabled: true,
		version: "1.0.0",
		digest: "ab".repeat(32),
		size: 100,
		grants: [],
		network: [],
		limits: null,
		changedRevision: null,
		purgePending: false,
		config: {},
		secrets: {},
		manifest: {
			name: rest.name,
			version: "1.0.0",
			description: "test",
			hookbus: "^1.0.0",
			hooks: hooks ?? [
				{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] },
				{ hook: "on_before_response", effect: "transform", paths: ["/response"] },
			],
			...manifest,
		},
		...rest,
	};
}

/** The tenant's binding of a plugin, or with `assistant` that assistant's. */
export function binding(plugin: string, values: Partial<RoutingBinding> = {}): RoutingBinding {
	return {
		plugin,
		assistant: null,
		enabled: true,
		order: null,
		mode: null,
		onError: null,
		timeoutMs: null,
		config: null,
		percentage: null,
		optIn: null,
		mandatory: false,
		...values,
	};
}
