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
import type { BindingLookup, RoutingPlugin } from "./routing-input.js";

export interface ChainLink {
	readonly plugin: RoutingPlugin;
	readonly entry: HookEntry;
	readonly binding: ResolvedBinding;
	readonly place: Place;
	readonly onError: FailurePolicy;
	/** Milliseconds for one invocation. */
	readonly timeoutMs: number;
	/** on_tool_call only. */
	readonly phases: readonly ToolPhase[] | undefined;
}

export interface ResolvedChain {
	/** In the order in which they run. */
	readonly links: readonly ChainLink[];
	readonly leftOut: readonly LeftOut[];
}

/** @param assistant null: the chain of every assistant without a binding of its own */
export function resolveChain(
	plugins: readonly RoutingPlugin[],
	lookup: BindingLookup,
	hook: HookName,
	assistant: string | null,
): ResolvedChain {
	const links: ChainLink[] = [];
	const leftOut: LeftOut[] = [];
	for (const plugin of plugins) {
		const entry = plugin.manifest.hooks.find((candidate) => candidate.hook === hook);
		if (entry === undefined) continue;
		const own = assistant === null ? undefined : lookup(plugin.name, assistant);
		const binding = resolveBinding(lookup(plugin.name, null), own);
		const why = reasonToLeaveOut(plugin, binding);
		if (why !== undefined) leftOut.push({ plugin: plugin.name, ...why });
		else if (binding !== undefined) links.push(linkOf(plugin, entry, binding));
	}
	links.sort((a, b) => comparePlaces(hook, a.place, b.place));
	leftOut.sort((a, b) => (a.plugin < b.plugin ? -1 : 1));
	return { links, leftOut };
}

function reasonToLeaveOut(
	plugin: RoutingPlugin,
	binding: ResolvedBinding | undefined,
): Pick<LeftOut, "code" | "reason"> | undefined {
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
	if (binding === undefined) return { code: "not_bound", reason: "no binding puts it here" };
	if (!binding.enabled) return { code: "binding_disabled", reason: `the ${binding.scope}'s binding is switched off` };
	if (binding.mode === "off") return { code: "mode_off", reason: `the ${binding.scope}'s binding has mode off` };
	return undefined;
}

function linkOf(plugin: RoutingPlugin, entry: HookEntry, binding: ResolvedBinding): ChainLink {
	return {
		plugin,
		entry,
		binding,
		place: placeAt(entry.hook, plugin.name, binding.order, entry.order),
		onError: failurePolicy(entry.effect, binding),
		timeoutMs: binding.timeoutMs ?? effectiveLimits(plugin.manifest, plugin.limits).timeoutMs,
		phases: entry.hook === "on_tool_call" ? (entry.phases ?? defaultPhases(entry.effect)) : undefined,
	};
}

/** An observer runs after the reply and its result is ignored, so its failure cannot block anything. */
function failurePolicy(effect: Effect, binding: ResolvedBinding): FailurePolicy {
	if (effect === "observe") return DEFAULT_FAILURE_POLICY.observe;
	return binding.onError ?? DEFAULT_FAILURE_POLICY[effect];
}

function defaultPhases(effect: Effect): ToolPhase[] {
	return effect === "claim" ? ["request"] : ["request", "result"];
}
