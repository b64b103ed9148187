// What `config_get` finds: values by name, in UTF-8. Encoded once for each instance, because most plugins read their configuration in
// every call; a map, because names come from strangers and `toString` is in every object.
export type ConfigValues = ReadonlyMap<string, Uint8Array>;

/** @param config text by name */
export function encodeConfig(config: Readonly<Record<string, string>>): ConfigValues {
	const encoder = new TextEncoder();
	return new Map(Object.entries(config).map(([name, value]) => [name, encoder.encode(value)]));
}
