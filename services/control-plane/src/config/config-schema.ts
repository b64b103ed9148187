// What a plugin's configuration schema says about single properties: which are secret, which no user may have as
// their own, and which have a default.
import type { Manifest, SealedSecret } from "@hookbus/schemas";
import { type Config, isObject, mergeConfig } from "./merge-config.js";

function properties(manifest: Manifest): [string, Config][] {
	const declared = manifest.config?.["properties"];
	if (!isObject(declared)) return [];
	return Object.entries(declared).filter((entry): entry is [string, Config] => isObject(entry[1]));
}

/** Names of the properties that are marked `secret: true`. */
export function secretFields(manifest: Manifest): Set<string> {
	return new Set(properties(manifest).flatMap(([name, schema]) => (schema["secret"] === true ? [name] : [])));
}

/** Those of the sealed secrets that the version has; the others are kept for a version that has them again, and are not used. */
export function knownSecrets(manifest: Manifest, secrets: Readonly<Record<string, SealedSecret>>): Record<string, SealedSecret> {
	const fields = secretFields(manifest);
	return Object.fromEntries(Object.entries(secrets).filter(([field]) => fields.has(field)));
}

/** Names of the properties that are marked `userScope: false`: they are the tenant's and its assistants' alone. */
export function fieldsBeyondUsers(manifest: Manifest): Set<string> {
	return new Set(properties(manifest).flatMap(([name, schema]) => (schema["userScope"] === false ? [name] : [])));
}

/** Defaults of the schema's properties, with the manifest's own `defaults` on top. */
export function defaultConfig(manifest: Manifest): Config {
	const bySchema = Object.fromEntries(
		properties(manifest).flatMap(([name, schema]) => (schema["default"] === undefined ? [] : [[name, schema["default"]]])),
	);
	return mergeConfig(bySchema, manifest.defaults ?? {});
}

/** The configuration that a plugin runs with: defaults, then what was set globally, then a binding's override, then the user's own. */
export function effectiveConfig(manifest: Manifest, global: Config, override: Config = {}, own: Config = {}): Config {
	return mergeConfig(mergeConfig(mergeConfig(defaultConfig(manifest), global), override), own);
}
