// What to do with an event that the bus does not answer: the rule of its scope, from the service's own rules, else from
// the copy of the bus's policy. A pure function, because every failure path ends here and must end the same way.
import type { FailurePolicy, HookName, HookPolicy, HookPolicyRule } from "@hookbus/schemas";

/**
 * What is known of the bus's policy.
 * `unknown`: it was never read. `empty`: there is none for this tenant, so nothing is installed. `known`: this one.
 */
export type PolicyView =
	| { readonly state: "unknown" }
	| { readonly state: "empty" }
	| { readonly state: "known"; readonly policy: HookPolicy };

export interface PolicyDecision {
	/** open: the event goes on; closed: it is blocked. */
	readonly policy: FailurePolicy;
	/** A runtime should be there, so that "nobody listens" is a fault which may pass. */
	readonly chain: boolean;
}

export function decidePolicy(
	own: HookPolicy["hooks"],
	view: PolicyView,
	unknownPolicy: FailurePolicy,
	hook: HookName,
	assistant: string,
): PolicyDecision {
	const ownRule = ruleOf(own[hook], assistant);
	if (view.state === "unknown") {
		const policy = ownRule ?? unknownPolicy;
		return { policy, chain: policy === "closed" };
	}
	const busRule = view.state === "known" ? ruleOf(view.policy.hooks[hook], assistant) : undefined;
	return { policy: ownRule ?? busRule ?? "open", chain: busRule !== undefined || ownRule === "closed" };
}

function ruleOf(rule: HookPolicyRule | undefined, assistant: string): FailurePolicy | undefined {
	if (rule === undefined) return undefined;
	// An assistant may be called "constructor": only own keys count.
	return Object.hasOwn(rule.assistants, assistant) ? rule.assistants[assistant] : rule.all;
}
