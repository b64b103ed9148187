// Compiles a tenant's plugins and bindings into the route table that runtimes work from. A pure function: the same input
// gives the same table, so every rule can be tested as a row of input and output.
import { HOOK_NAMES, type HookRoutes, type RoutedPlugin, type RouteStep, type RouteTable, SHARE_BUCKETS } from "@hookbus/schemas";
import { canonicalJson, digestOfJson } from "../canonical-json.js";
import { effectiveConfig } from "../config/config-schema.js";
import { effectiveLimits } from "./effective-limits.js";
import { networkRules } from "./granted.js";
import { type ChainLink, resolveChain } from "./resolve-chain.js";
import { indexBindings, type RoutingInput, type RoutingPlugin } from "./routing-input.js";

export interface TableHead {
	readonly tenant: string;
	readonly revision: number;
	/** RFC 3339, UTC. */
	readonly compiledAt: string;
}

/** Does not throw. */
export function compileRouteTable(head: TableHead, input: RoutingInput): RouteTable {
	const lookup = indexBindings(input.bindings);
	const assistants = boundAssistants(input);
	const routed = new RoutedPlugins();
	const optIns = new Map<string, readonly string[]>();
	const hooks: RouteTable["hooks"] = {};
	for (const hook of HOOK_NAMES) {
		const stepsOf = (assistant: string | null) =>
			resolveChain(input.plugins, lookup, hook, assistant).links.map((link) => stepOf(link, routed, optIns));
		const routes = routesOf(
			stepsOf(null),
			assistants.map((assistant) => [assistant, stepsOf(assistant)]),
		);
		if (routes !== undefined) hooks[hook] = routes;
	}
	const listed = [...optIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, users]) => [key, [...users]]);
	const lists = listed.length === 0 ? {} : { optIns: Object.fromEntries(listed) };
	const recalled = input.recalledDigests ?? [];
	const stopped = recalled.length === 0 ? {} : { recalled: [...recalled] };
	const recordings = input.recordings ?? [];
	const copied = recordings.length === 0 ? {} : { recordings: [...recordings] };
	return { spec: "1", ...head, plugins: routed.byKey(), ...lists, ...stopped, ...copied, hooks };
}

/** Assistants that have a binding of their own, sorted. */
export function boundAssistants(input: RoutingInput): string[] {
	return [...new Set(input.bindings.flatMap(({ assistant }) => (assistant === null ? [] : [assistant])))].sort();
}

function routesOf(all: RouteStep[], own: [string, RouteStep[]][]): HookRoutes | undefined {
	const forAll = canonicalJson(all);
	// An assistant is listed only where it differs; an empty list says that nothing runs for it.
	const different = own.filter(([, steps]) => canonicalJson(steps) !== forAll);
	if (all.length === 0 && different.length === 0) return undefined;
	return { ...(all.length === 0 ? {} : { all }), assistants: Object.fromEntries(different) };
}

function stepOf(link: ChainLink, routed: RoutedPlugins, optIns: Map<string, readonly string[]>): RouteStep {
	const { share, arm } = link;
	const { optIn } = link.binding;
	const optInKey =
		optIn === undefined ? undefined : optIn.assistant === null ? optIn.plugin : `${optIn.plugin}@${optIn.assistant}`;
	if (optInKey !== undefined) optIns.set(optInKey, optIn?.users ?? []);
	return {
		plugin: routed.keyOf(link.plugin, link.binding.config ?? {}, arm),
		effect: link.entry.effect,
		mode: link.binding.mode,
		onError: link.onError,
		order: link.place.order,
		timeoutMs: link.timeoutMs,
		paths: link.entry.paths ?? [],
		...(link.phases === undefined ? {} : { phases: [...link.phases] }),
		...(share.below - share.from === SHARE_BUCKETS ? {} : { share }),
		...(arm === "candidate" ? { arm } : {}),
		...(link.binding.recordPatches ? { recordPatches: true } : {}),
		...(optInKey === undefined ? {} : { optIn: optInKey }),
	};
}

/**
 * Collects the plugins that steps use: under their name, or as `name#hash` where a binding changes the configuration; the candidate of a
 * rollout with its version behind the name.
 */
class RoutedPlugins {
	readonly #keys = new Map<string, string>();
	readonly #routed = new Map<string, RoutedPlugin>();

	keyOf(plugin: RoutingPlugin, override: Record<string, unknown>, arm: ChainLink["arm"]): string {
		const name = arm === "candidate" ? `${plugin.name}@${plugin.version}` : plugin.name;
		const known = `${name} ${canonicalJson(override)}`;
		let key = this.#keys.get(known);
		if (key === undefined) {
			const routed = routedPlugin(plugin, override);
			const changed = routed.configRevision !== routedPlugin(plugin, {}).configRevision;
			key = changed ? `${name}#${routed.configRevision.slice(0, 12)}` : name;
			this.#keys.set(known, key);
			this.#routed.set(key, routed);
		}
		return key;
	}

	byKey(): Record<string, RoutedPlugin> {
		return Object.fromEntries([...this.#routed].sort(([a], [b]) => (a < b ? -1 : 1)));
	}
}

function routedPlugin(plugin: RoutingPlugin, override: Record<string, unknown>): RoutedPlugin {
	const asked = plugin.manifest.permissions ?? [];
	const grants = asked.filter((permission) => plugin.grants.includes(permission)).sort();
	const network = networkRules(plugin.manifest, plugin);
	const limits = effectiveLimits(plugin.manifest, plugin.limits);
	const config = effectiveConfig(plugin.manifest, plugin.config, override);
	const secrets = { ...plugin.secrets };
	// With the revision since which it runs so: a plugin that is disabled and enabled again begins anew in a runtime, whose breaker
	// has given it up, also when that runtime never saw the table between the two.
	const since = plugin.changedRevision;
	return {
		name: plugin.name,
		version: plugin.version,
		digest: plugin.digest,
		size: plugin.size,
		configRevision: digestOfJson({ config, secrets, grants, network, limits, since }).slice(0, 32),
		config,
		secrets,
		grants,
		network,
		limits,
		tools: plugin.manifest.tools ?? [],
	};
}
