// What an admin knows of the plugins from the answers alone. A control plane that was killed is compared with this: whatever was
// acknowledged stands in it, and nothing else may be there.

export interface KnownPlugin {
	/** The current one. */
	readonly version: string;
	/** Digest by version, of all that were brought. */
	readonly versions: Readonly<Record<string, string>>;
	readonly enabled: boolean;
	readonly config: KnownConfig;
	/** Own setting of the assistant `bot`; undefined: it has none, and the binding of the tenant counts. */
	readonly bot: { readonly enabled: boolean; readonly order: number } | undefined;
}

export interface KnownConfig {
	readonly level: number | undefined;
	/** A secret; undefined: it is not set. */
	readonly token: string | undefined;
}

export type KnownState = Readonly<Record<string, KnownPlugin>>;

/** The state with a plugin replaced, or removed when it is undefined. */
export function withPlugin(state: KnownState, name: string, plugin: KnownPlugin | undefined): KnownState {
	const { [name]: _before, ...others } = state;
	return plugin === undefined ? others : { ...others, [name]: plugin };
}

/** As REST shows it: a secret is set or it is not. */
export function shown(state: KnownState): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(state).map(([name, { config, ...plugin }]) => [
			name,
			{ ...plugin, config: { level: config.level, token: config.token !== undefined } },
		]),
	);
}

/** The versions that run for an assistant, by plugin. */
export function running(state: KnownState, assistant: "bot" | "desk"): Record<string, string> {
	return Object.fromEntries(
		Object.entries(state)
			.filter(([, { enabled, bot }]) => enabled && (assistant === "desk" || bot?.enabled !== false))
			.map(([name, { version }]) => [name, version]),
	);
}
