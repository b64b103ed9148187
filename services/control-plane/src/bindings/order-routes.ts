// REST: the order of a scope's bindings as a list. A plugin that is called order can be bound with POST only.
import { ALL_ASSISTANTS, AssistantScope, BindingOrderBody, BindingOrderChange, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { orderBindings } from "./change-order.js";
import { showBinding } from "./show-binding.js";

export interface OrderRoutesParts {
	readonly database: Database;
	readonly answerChange: AnswerChange;
}

export function addOrderRoutes(app: App, { database, answerChange }: OrderRoutesParts): void {
	app.put(
		"/api/v1/assistants/:id/plugins/order",
		{
			schema: {
				tags: ["assistants"],
				operationId: "orderBindings",
				summary: "Put all bindings of exactly this scope into this order, at once",
				params: Type.Object({ id: AssistantScope }),
				querystring: WaitQuery,
				body: BindingOrderBody,
				response: answers(BindingOrderChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { plugins } = request.body;
			const assistant = request.params.id === ALL_ASSISTANTS ? null : request.params.id;
			const { result, revision } = await orderBindings(database, caller, assistant, plugins);
			// An order makes no plugin ready anew, so a fault of the first counts as much as one of any other.
			const [plugin = ""] = plugins;
			const change = await answerChange({ tenant: caller.tenant, revision, plugin }, request.query);
			return { items: result.map(showBinding), ...change };
		},
	);
}
