// How configurations are laid over each other: defaults, global configuration, a binding's override, what a user
// has as their own.

export type Config = Record<string, unknown>;

/**
 * `over` on top of `base`: objects are merged property by property, everything else (arrays too) is replaced. Neither is
 * changed.
 */
export function mergeConfig(base: Config, over: Config): Config {
	const merged = new Map<string, unknown>(Object.entries(base));
	for (const [key, value] of Object.entries(over)) {
		const below = merged.get(key);
		merged.set(key, isObject(below) && isObject(value) ? mergeConfig(below, value) : value);
	}
	// fromEntries defines own properties, so that a key __proto__ stays an ordinary key.
	return Object.fromEntries(merged);
}

export function isObject(value: unknown): value is Config {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
