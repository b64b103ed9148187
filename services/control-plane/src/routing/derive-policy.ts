// Derives from a route table what clients apply by themselves when no runtime answers: closed where an enforced step fails
// closed, open where a chain has none such, nothing where there is no chain.
import {
	type FailurePolicy,
	HOOK_NAMES,
	type HookPolicy,
	type HookPolicyRule,
	type RouteStep,
	type RouteTable,
} from "@hookbus/schemas";

/** Does not throw. */
export function derivePolicy(table: RouteTable): HookPolicy {
	const hooks: HookPolicy["hooks"] = {};
	for (const hook of HOOK_NAMES) {
		const routes = table.hooks[hook];
		if (routes === undefined) continue;
		const all = routes.all && policyOf(routes.all);
		// An assistant with an empty chain is open: without an entry the rule for all would count for it. One for which the same comes
		// out needs none, so that the policy of a large tenant stays small.
		const own = Object.entries(routes.assistants).map(([name, steps]): [string, FailurePolicy] => [name, policyOf(steps)]);
		const rule: HookPolicyRule = {
			...(all === undefined ? {} : { all }),
			assistants: Object.fromEntries(own.filter(([, policy]) => policy !== all)),
		};
		hooks[hook] = rule;
	}
	return { spec: "1", tenant: table.tenant, revision: table.revision, hooks };
}

function policyOf(steps: readonly RouteStep[]): FailurePolicy {
	return steps.some((step) => step.mode === "enforce" && step.onError === "closed") ? "closed" : "open";
}
