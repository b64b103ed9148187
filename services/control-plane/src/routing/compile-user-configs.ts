// What users have as their own, for the route table: only what is not as everybody has it. There can be thousands for each
// configuration that bindings make, and all are compiled with every change of the tenant, so nothing of everybody's is read again
// for each of them.
import type { RoutedPlugin, UserConfig } from "@hookbus/schemas";
import { canonicalJson, digestOfJson } from "../canonical-json.js";
import { secretFields } from "../config/config-schema.js";
import { type Config, mergeConfig } from "../config/merge-config.js";
import type { RoutingPlugin } from "./routing-input.js";
import { secretValues } from "./secret-values.js";

/**
 * Users for whom the plugin does not run as it does for everybody. Does not throw.
 *
 * @param forAll the plugin as it runs for everybody
 */
export function compileUserConfigs(plugin: RoutingPlugin, forAll: RoutedPlugin): UserConfig[] {
	if (plugin.users === undefined || plugin.users.length === 0) return [];
	const texts = textsOf(forAll.config);
	const { secrets: ofAll, grants, network, limits } = forAll;
	const rest = canonicalJson({ secrets: secretValues(ofAll), grants, network, limits, since: plugin.changedRevision });
	const fields = secretFields(plugin.manifest);
	return plugin.users.flatMap(({ user, config: own, secrets: sealed }) => {
		const differing = Object.entries(laidOver(forAll.config, own)).filter(
			([name, value]) => texts.get(name) !== canonicalJson(value),
		);
		const config = Object.fromEntries(differing);
		const secrets = Object.fromEntries(Object.entries(sealed).filter(([field]) => fields.has(field)));
		if (differing.length === 0 && Object.keys(secrets).length === 0) return [];
		// Over the whole configuration: whoever has the same runs the same, wherever the values come from.
		const whole = [...new Map([...texts, ...textsOf(config)])].sort(([a], [b]) => (a < b ? -1 : 1));
		return [{ user, configRevision: digestOfJson([whole, rest, secretValues(secrets)]).slice(0, 32), config, secrets }];
	});
}

function textsOf(config: Config): Map<string, string> {
	return new Map(Object.entries(config).map(([name, value]) => [name, canonicalJson(value)]));
}

/** The top-level properties that `own` names, as they are on top of everybody's. */
function laidOver(forAll: Config, own: Config): Config {
	const named = Object.keys(own).filter((name) => Object.hasOwn(forAll, name));
	return mergeConfig(Object.fromEntries(named.map((name) => [name, forAll[name]])), own);
}
