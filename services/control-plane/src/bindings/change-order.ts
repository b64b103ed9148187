// Puts a scope's own bindings into the order of a list, all at once: one after the other, the chain would pass through orders that nobody
// wanted while events flow.
import { ALL_ASSISTANTS, ORDER_STEP } from "@hookbus/schemas";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import type { Caller } from "../http/authentication.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { type BindingRow, bindingsOfScope, setBindingOrder } from "./repository.js";

/**
 * @param assistant null: the tenant scope
 * @param plugins all that are bound to exactly this scope, in the wanted order, without repetition
 * @returns the bindings in their new order
 * @throws CodedError `binding_not_found` when one of them is not bound there, `binding_invalid` when one that is bound is left out
 */
export function orderBindings(
	database: Database,
	actor: Caller,
	assistant: string | null,
	plugins: readonly string[],
): Promise<Committed<BindingRow[]>> {
	const { tenant } = actor;
	const scope = assistant === null ? "the tenant" : `assistant ${assistant}`;
	return commitChange(database, actor, async (queries) => {
		const bound = new Map((await bindingsOfScope(queries, tenant, assistant)).map((row) => [row.plugin, row]));
		const unknown = plugins.filter((plugin) => !bound.has(plugin));
		if (unknown.length > 0) {
			throw errors.binding_not_found(
				`${unknown.join(", ")}: no binding at ${scope}; GET /api/v1/assistants/${assistant ?? ALL_ASSISTANTS}/plugins lists them`,
			);
		}
		const missing = [...bound.keys()].filter((plugin) => !plugins.includes(plugin));
		if (missing.length > 0) {
			throw errors.binding_invalid(`the order leaves out ${missing.join(", ")}, bound to ${scope} too; name all of them`, {
				errors: missing.map((plugin) => ({ path: "/plugins", message: `${plugin} is missing` })),
			});
		}
		const orders = plugins.map((plugin, index) => ({ plugin, order: (index + 1) * ORDER_STEP }));
		const changed = orders.filter(({ plugin, order }) => bound.get(plugin)?.order !== order);
		for (const { plugin, order } of changed) await setBindingOrder(queries, tenant, plugin, assistant, order);
		const after = changed.length === 0 ? [...bound.values()] : await bindingsOfScope(queries, tenant, assistant);
		const result = after.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
		const audit = { action: "binding.order", target: assistant ?? ALL_ASSISTANTS, detail: { plugins } };
		return { result, audit: changed.length === 0 ? undefined : audit };
	});
}
