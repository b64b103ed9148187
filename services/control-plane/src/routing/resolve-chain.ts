// Resolves the chain of one hook in one scope, and says of every plugin that has the hook why it stands there or why not.
// The compiler makes steps of it, "explain" shows it: both read the same answer, so they cannot differ.
import {
	DEFAULT_FAILURE_POLICY,
	type Effect,
	type FailurePolicy,
	type HookEntry,
	type HookName,
	type LeftOut,
	type ToolPhase,
} from "@hookbus/schemas";
import { comparePlaces, type Place, placeAt } from "./chain-order.js";
import { effectiveLimits } from "./effective-limits.js";
import { missingGrants, missingRules } from "./granted.js";
import { describeRule } from "./network-rules.js";
import { type ResolvedBinding, resolveBinding } from "./resolve-binding.js";
import { type BindingLookup, indexBindings, type RoutingInput, type RoutingPlugin } from "./routing-input.js";
import { type Share, shareOf, splitShare } from "./split-rollout.js";

export interface ChainLink {
	readonly plugin: RoutingPlugin;
	readonly entry: HookEntry;
	readonly binding: ResolvedBinding;
	readonly place: Place;
	readonly onError: FailurePolicy;
	/** Milliseconds for one invocation. */
	readonly timeoutMs: number;
	/** Conversations that it is for. */
	readonly share: NonNullable<Share>;
	/** Of a rollout that runs: which of its versions this is. */
	readonly arm: "current" | "candidate" | undefined;
	/** on_tool_call only. */
	readonly phases: readonly ToolPhase[] | undefined;
}

export interface ResolvedChain {
	/** In the order in which they run. */
	readonly links: readonly ChainLink[];
	readonly leftOut: readonly LeftOut[];
}

/** Resolves chains of one input. What does not depend on the scope is found out once for each plugin. */
export class ChainResolver {
	readonly #lookup: BindingLookup;
	readonly #versions = new Map<HookName, Map<RoutingPlugin, VersionAt[]>>();
	readonly #flaws = new Map<RoutingPlugin, Reason | undefined>();

	constructor(bindings: RoutingInput["bindings"]) {
		this.#lookup = indexBindings(bindings);
	}

	/**
	 * @param plugins those that may stand in the chain, or be left out of it
	 * @param assistant null: the chain of every assistant without a binding of its own
	 */
	resolve(plugins: Iterable<RoutingPlugin>, hook: HookName, assistant: string | null): ResolvedChain {
		const links: ChainLink[] = [];
		const leftOut: LeftOut[] = [];
		for (const plugin of plugins) {
			const versions = this.#versionsAt(plugin, hook);
			if (versions.length === 0) continue;
			const own = assistant === null ? undefined : this.#lookup(plugin.name, assistant);
			const binding = resolveBinding(this.#lookup(plugin.name, null), own);
			const why = this.#flawOf(plugin) ?? reasonOfBinding(binding);
			if (why !== undefined) leftOut.push({ plugin: plugin.name, ...why });
			else if (binding !== undefined) links.push(...versions.flatMap((version) => linkOf(version, binding)));
		}
		links.sort((a, b) => comparePlaces(hook, a.place, b.place));
		leftOut.sort((a, b) => (a.plugin < b.plugin ? -1 : 1));
		return { links, leftOut };
	}

	#versionsAt(plugin: RoutingPlugin, hook: HookName): VersionAt[] {
		let ofHook = this.#versions.get(hook);
		if (ofHook === undefined) {
			ofHook = new Map();
			this.#versions.set(hook, ofHook);
		}
		let versions = ofHook.get(plugin);
		if (versions === undefined) {
			versions = versionsAt(plugin, hook);
			ofHook.set(plugin, versions);
		}
		return versions;
	}

	#flawOf(plugin: RoutingPlugin): Reason | undefined {
		if (!this.#flaws.has(plugin)) this.#flaws.set(plugin, reasonOfPlugin(plugin));
		return this.#flaws.get(plugin);
	}
}

type Reason = Pick<LeftOut, "code" | "reason">;

interface VersionAt {
	readonly plugin: RoutingPlugin;
	readonly entry: HookEntry;
	readonly arm: ChainLink["arm"];
}

/** The versions of a plugin that have the hook: the current one, and beside it the candidate of its rollout. */
function versionsAt(plugin: RoutingPlugin, hook: HookName): VersionAt[] {
	const { candidate } = plugin;
	const isTried = candidate !== undefined && missingGrants(candidate.manifest, plugin).length === 0;
	const versions: Omit<VersionAt, "entry">[] = [{ plugin, arm: isTried ? "current" : undefined }];
	if (isTried) {
		const { version, digest, size, manifest } = candidate;
		versions.push({ plugin: { ...plugin, version, digest, size, manifest }, arm: "candidate" });
	}
	return versions.flatMap((version) => {
		const entry = version.plugin.manifest.hooks.find((one) => one.hook === hook);
		return entry === undefined ? [] : [{ ...version, entry }];
	});
}

/** Why a plugin runs nowhere. */
function reasonOfPlugin(plugin: RoutingPlugin): Reason | undefined {
	if (plugin.recalled !== undefined)
		return { code: "recalled", reason: `version ${plugin.version} was recalled: ${plugin.recalled}` };
	if (!plugin.enabled) return { code: "plugin_disabled", reason: `plugin ${plugin.name} is disabled` };
	const missing = missingGrants(plugin.manifest, plugin);
	if (missing.length > 0) {
		const rules = missingRules(plugin.manifest, plugin).map(describeRule);
		return { code: "grants_missing", reason: `not granted: ${[...missing, ...rules].join(", ")}` };
	}
	if (plugin.purgePending) {
		return { code: "purge_pending", reason: `what an earlier plugin ${plugin.name} kept is still being removed` };
	}
	return undefined;
}

/** Why the binding, or its absence, keeps a plugin out. */
function reasonOfBinding(binding: ResolvedBinding | undefined): Reason | undefined {
	if (binding === undefined) return { code: "not_bound", reason: "no binding puts it here" };
	if (!binding.enabled) return { code: "binding_disabled", reason: `the ${binding.scope}'s binding is switched off` };
	if (binding.mode === "off") return { code: "mode_off", reason: `the ${binding.scope}'s binding has mode off` };
	if (binding.percentage === 0) return { code: "percentage_zero", reason: "it is for 0 % of the conversations" };
	return undefined;
}

/** None for a version that no conversation gets. */
function linkOf({ plugin, entry, arm }: VersionAt, whole: ResolvedBinding): ChainLink[] {
	const rollout = arm === undefined ? undefined : plugin.candidate;
	const bound = shareOf(whole.percentage);
	const share =
		rollout === undefined
			? bound
			: splitShare(bound, rollout.percentage, rollout.mode)[arm === "candidate" ? "candidate" : "current"];
	if (share === undefined) return [];
	const binding: ResolvedBinding = arm === "candidate" && rollout?.mode === "shadow" ? { ...whole, mode: "shadow" } : whole;
	return [
		{
			plugin,
			entry,
			binding,
			share,
			arm,
			place: placeAt(entry.hook, plugin.name, binding.order, entry.order),
			onError: failurePolicy(entry.effect, binding),
			timeoutMs: binding.timeoutMs ?? effectiveLimits(plugin.manifest, plugin.limits).timeoutMs,
			phases: entry.hook === "on_tool_call" ? (entry.phases ?? defaultPhases(entry.effect)) : undefined,
		},
	];
}

/** An observer runs after the reply and its result is ignored, so its failure cannot block anything. */
function failurePolicy(effect: Effect, binding: ResolvedBinding): FailurePolicy {
	if (effect === "observe") return DEFAULT_FAILURE_POLICY.observe;
	return binding.onError ?? DEFAULT_FAILURE_POLICY[effect];
}

function defaultPhases(effect: Effect): ToolPhase[] {
	return effect === "claim" ? ["request"] : ["request", "result"];
}
