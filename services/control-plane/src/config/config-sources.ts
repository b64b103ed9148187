// Where each value of a merged configuration comes from. Follows the rule of mergeConfig: objects are merged property by property,
// everything else is replaced as a whole, so in an object that several lay over each other each value has its own source.
import type { ConfigSource } from "@hookbus/schemas";
import { escapeToken } from "../checks/json-schema-faults.js";
import { type Config, isObject } from "./merge-config.js";

/** What one source says. */
export interface ConfigLayer {
	readonly from: ConfigSource;
	readonly config: Config;
}

/** The source of a value, or the values of an object, each with its own. */
type Traced = ConfigSource | Map<string, Traced>;

/**
 * The source of each value by its JSON Pointer; an object without properties is a value.
 *
 * @param layers each over those before it
 */
export function configSources(layers: readonly ConfigLayer[]): Record<string, ConfigSource> {
	const traced = new Map<string, Traced>();
	for (const { from, config } of layers) lay(traced, config, from);
	const sources: [string, ConfigSource][] = [];
	collect(traced, "", sources);
	return Object.fromEntries(sources);
}

function lay(below: Map<string, Traced>, config: Config, from: ConfigSource): void {
	for (const [name, value] of Object.entries(config)) {
		if (!isObject(value) || Object.keys(value).length === 0) {
			// Nothing laid over an object leaves it as it is.
			if (!(isObject(value) && below.get(name) instanceof Map)) below.set(name, from);
			continue;
		}
		const known = below.get(name);
		const inner = known instanceof Map ? known : new Map<string, Traced>();
		lay(inner, value, from);
		below.set(name, inner);
	}
}

function collect(traced: ReadonlyMap<string, Traced>, at: string, sources: [string, ConfigSource][]): void {
	for (const [name, value] of traced) {
		const path = `${at}/${escapeToken(name)}`;
		if (value instanceof Map) collect(value, path, sources);
		else sources.push([path, value]);
	}
}
