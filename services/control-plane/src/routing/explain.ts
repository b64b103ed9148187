// Says for one scope what runs at each hook, in which order and why, and what does not run and why not.
import {
	ALL_ASSISTANTS,
	type ExplainedHook,
	type ExplainedStep,
	type Explanation,
	HOOKS,
	type HookName,
	SHARE_BUCKETS,
} from "@hookbus/schemas";
import { describeDependencies } from "../plugins/dependencies.js";
import { DEFAULT_ORDER } from "./chain-order.js";
import { type ChainLink, ChainResolver } from "./resolve-chain.js";
import type { RoutingInput, RoutingPlugin } from "./routing-input.js";

/**
 * @param assistant null: the tenant scope
 * @param input `unlisted`: further plugins that no binding puts there; absent: none
 * @param user whose own configurations are shown; absent: how many users have one
 */
export function explain(
	input: RoutingInput & { readonly unlisted?: number },
	revision: number,
	assistant: string | null,
	user?: string,
): Explanation {
	const resolver = new ChainResolver(input.bindings);
	const { unlisted = 0 } = input;
	const byName = new Map(input.plugins.map((plugin) => [plugin.name, plugin]));
	const hook = (name: HookName): ExplainedHook => {
		const { links, leftOut } = resolver.resolve(input.plugins, name, assistant);
		return { chain: links.map((link) => explainStep(name, link, byName, user)), leftOut: [...leftOut] };
	};
	return {
		assistant: assistant ?? ALL_ASSISTANTS,
		revision,
		...(unlisted === 0 ? {} : { unlisted }),
		hooks: {
			on_chat_message: hook("on_chat_message"),
			on_tool_call: hook("on_tool_call"),
			on_before_response: hook("on_before_response"),
			on_after_response: hook("on_after_response"),
		},
	};
}

function explainStep(
	hook: HookName,
	link: ChainLink,
	byName: ReadonlyMap<string, RoutingPlugin>,
	user: string | undefined,
): ExplainedStep {
	const { binding, entry, place, plugin } = link;
	const percentage = percentageOf(link);
	const ownConfigs = ownConfigsAt(link, user);
	const dependencies = describeDependencies(plugin.manifest, (name) => byName.get(name));
	return {
		plugin: plugin.name,
		version: plugin.version,
		effect: entry.effect,
		mode: binding.mode,
		onError: link.onError,
		timeoutMs: link.timeoutMs,
		order: place.order,
		...(link.phases === undefined ? {} : { phases: [...link.phases] }),
		scope: binding.scope,
		mandatory: binding.mandatory,
		...(percentage === 100 ? {} : { percentage }),
		...(link.arm === "candidate" ? { arm: link.arm } : {}),
		...(binding.optIn === undefined ? {} : { optedIn: binding.optIn.users?.length ?? 0 }),
		...(ownConfigs === 0 ? {} : { ownConfigs }),
		...(dependencies.length === 0 ? {} : { dependencies }),
		reason: [whoBinds(link), ...forWhom(link), ...withWhat(ownConfigs, user), whereItStands(hook, link)].join("; "),
	};
}

function whoBinds({ binding }: ChainLink): string {
	if (binding.mandatory) {
		return binding.overruled
			? "bound by the tenant as mandatory, the assistant's own binding does not count"
			: "bound by the tenant as mandatory";
	}
	return binding.scope === "tenant" ? "bound by the tenant" : "bound by the assistant";
}

/** Of all conversations. */
function percentageOf({ share: { from, below } }: ChainLink): number {
	return ((below - from) * 100) / SHARE_BUCKETS;
}

function forWhom(link: ChainLink): string[] {
	const { optIn } = link.binding;
	const percentage = percentageOf(link);
	return [
		...(link.arm === undefined ? [] : [`the ${link.arm === "current" ? "current version" : "candidate"} of a rollout`]),
		...(percentage === 100 ? [] : [`for ${percentage} % of the conversations`]),
		...(optIn === undefined ? [] : [`for ${optIn.users?.length ?? 0} users who opted in`]),
	];
}

/** Users, or whether this one, with a configuration of their own; at a mandatory binding none counts. */
function ownConfigsAt({ binding, plugin: { users = [] } }: ChainLink, user: string | undefined): number {
	if (binding.mandatory) return 0;
	return user === undefined ? users.length : users.filter((own) => own.user === user).length;
}

function withWhat(ownConfigs: number, user: string | undefined): string[] {
	if (ownConfigs === 0) return [];
	return [user === undefined ? `${ownConfigs} users have a configuration of their own` : "with the user's own configuration"];
}

function whereItStands(hook: HookName, { entry, place }: ChainLink): string {
	if (place.own) return `order ${place.order} is the binding's own`;
	const source = entry.order === undefined ? `default order ${DEFAULT_ORDER}` : `the manifest's order ${entry.order}`;
	return HOOKS[hook].order === "reverse" ? `${source}, mirrored to ${place.order} on a response hook` : source;
}
