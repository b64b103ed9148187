// Compiles a tenant's plugins and bindings into the route table that runtimes work from. A pure function: the same input
// gives the same table, so every rule can be tested as a row of input and output.
import { sealedWith, TimeSlices } from "@hookbus/foundation";
import {
	HOOK_NAMES,
	type HookRoutes,
	type RoutedPlugin,
	type RouteStep,
	type RouteTable,
	type SealedSecret,
	SHARE_BUCKETS,
	type UserConfig,
} from "@hookbus/schemas";
import { canonicalJson, digestOfJson } from "../canonical-json.js";
import { effectiveConfig } from "../config/config-schema.js";
import { compileUserConfigs } from "./compile-user-configs.js";
import { effectiveLimits } from "./effective-limits.js";
import { networkRules } from "./granted.js";
import type { ResolvedBinding } from "./resolve-binding.js";
import { type ChainLink, ChainResolver } from "./resolve-chain.js";
import type { RoutingInput, RoutingPlugin } from "./routing-input.js";
import { secretValues } from "./secret-values.js";

export interface TableHead {
	readonly tenant: string;
	readonly revision: number;
	/** RFC 3339, UTC. */
	readonly compiledAt: string;
}

/** All at once. Does not throw. */
export function compileRouteTable(head: TableHead, input: RoutingInput): RouteTable {
	const compilation = compile(head, input);
	for (;;) {
		const { done, value } = compilation.next();
		if (done === true) return value;
	}
}

/** In slices of time, for a service that answers others meanwhile. Does not reject. */
export async function compileInSlices(head: TableHead, input: RoutingInput): Promise<RouteTable> {
	const slices = new TimeSlices();
	const compilation = compile(head, input);
	for (;;) {
		const { done, value } = compilation.next();
		if (done === true) return value;
		if (slices.isOver()) await slices.pause();
	}
}

/** Stops after each chain. */
function* compile(head: TableHead, input: RoutingInput): Generator<void, RouteTable> {
	const resolver = new ChainResolver(input.bindings);
	const bound = boundPlugins(input);
	const routed = new RoutedPlugins();
	const optIns = new Map<string, readonly string[]>();
	const hooks: RouteTable["hooks"] = {};
	for (const hook of HOOK_NAMES) {
		const stepsOf = (plugins: readonly RoutingPlugin[], assistant: string | null) =>
			resolver.resolve(plugins, hook, assistant).links.map((link) => stepOf(link, routed, optIns));
		const all = stepsOf(bound.tenant, null);
		const own: [string, RouteStep[]][] = [];
		for (const [assistant, plugins] of bound.assistants) {
			own.push([assistant, stepsOf([...bound.tenant, ...plugins], assistant)]);
			yield;
		}
		const routes = routesOf(all, own);
		if (routes !== undefined) hooks[hook] = routes;
	}
	const listed = [...optIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, users]) => [key, [...users]]);
	const lists = listed.length === 0 ? {} : { optIns: Object.fromEntries(listed) };
	const recalled = input.recalledDigests ?? [];
	const stopped = recalled.length === 0 ? {} : { recalled: [...recalled] };
	const plugins = routed.byKey();
	const own = routed.userConfigs();
	const owners = Object.keys(own).length === 0 ? {} : { userConfigs: own };
	const sealed = [...Object.values(plugins), ...Object.values(own).flat()].flatMap(({ secrets }) => Object.values(secrets));
	const recordings = input.recordings ?? [];
	const copied = recordings.length === 0 ? {} : { recordings: [...recordings] };
	return { spec: "1", ...head, plugins, ...lists, ...owners, ...keysOf(sealed, input), ...stopped, ...copied, hooks };
}

/** The data keys that these secrets were sealed with, and no others: a runtime gets what it needs. */
function keysOf(sealed: readonly SealedSecret[], { dataKeys = {} }: RoutingInput): Pick<RouteTable, "dataKeys"> {
	const used = new Set(sealed.map(sealedWith));
	const its = Object.entries(dataKeys).filter(([id]) => used.has(id));
	return its.length === 0 ? {} : { dataKeys: Object.fromEntries(its) };
}

interface BoundPlugins {
	/** Plugins that a binding puts into the whole tenant. */
	readonly tenant: readonly RoutingPlugin[];
	/** Assistants that have a binding of their own, sorted, with the plugins of those that are not in `tenant`. */
	readonly assistants: readonly (readonly [string, readonly RoutingPlugin[]])[];
}

/** Which plugins can be in a chain at all: of ten thousand, an assistant has a few. */
function boundPlugins({ plugins, bindings }: RoutingInput): BoundPlugins {
	const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]));
	const inTenant = new Set(bindings.flatMap(({ plugin, assistant }) => (assistant === null ? [plugin] : [])));
	const own = new Map<string, RoutingPlugin[]>();
	for (const { plugin, assistant } of bindings) {
		if (assistant === null) continue;
		const known = own.get(assistant) ?? [];
		own.set(assistant, known);
		const found = inTenant.has(plugin) ? undefined : byName.get(plugin);
		if (found !== undefined) known.push(found);
	}
	return {
		tenant: plugins.filter(({ name }) => inTenant.has(name)),
		assistants: [...own].sort(([a], [b]) => (a < b ? -1 : 1)),
	};
}

function routesOf(all: RouteStep[], own: [string, RouteStep[]][]): HookRoutes | undefined {
	// Steps are all made in one place, so equal ones give the same text.
	const forAll = JSON.stringify(all);
	// An assistant is listed only where it differs; an empty list says that nothing runs for it.
	const different = own.filter(([, steps]) => JSON.stringify(steps) !== forAll);
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
		plugin: routed.keyOf(link.plugin, link.binding, arm),
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
	readonly #users = new Map<string, UserConfig[]>();

	keyOf(plugin: RoutingPlugin, binding: Pick<ResolvedBinding, "config" | "mandatory">, arm: ChainLink["arm"]): string {
		const override = binding.config ?? {};
		const name = arm === "candidate" ? `${plugin.name}@${plugin.version}` : plugin.name;
		const known = `${name} ${canonicalJson(override)}`;
		let key = this.#keys.get(known);
		if (key === undefined) {
			const routed = routedPlugin(plugin, override);
			const isPlain = Object.keys(override).length === 0;
			const changed = !isPlain && routed.configRevision !== routedPlugin(plugin, {}).configRevision;
			key = changed ? `${name}#${routed.configRevision.slice(0, 12)}` : name;
			this.#keys.set(known, key);
			this.#routed.set(key, routed);
			// Another configuration would switch off what is mandatory as well as `enabled: false`.
			const users = binding.mandatory ? [] : compileUserConfigs(plugin, routed);
			if (users.length > 0) this.#users.set(key, users);
		}
		return key;
	}

	byKey(): Record<string, RoutedPlugin> {
		return sorted(this.#routed);
	}

	userConfigs(): Record<string, UserConfig[]> {
		return sorted(this.#users);
	}
}

function sorted<T>(byKey: ReadonlyMap<string, T>): Record<string, T> {
	return Object.fromEntries([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
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
		configRevision: digestOfJson({ config, secrets: secretValues(secrets), grants, network, limits, since }).slice(0, 32),
		config,
		secrets,
		grants,
		network,
		limits,
		tools: plugin.manifest.tools ?? [],
	};
}
