// REST: the users who opted in to a binding.
import { ALL_ASSISTANTS, AssistantScope, Change, OptInList, PluginName, UserId, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import type { BindingPlace } from "./change-binding.js";
import { changeOptIn, readOptIns } from "./change-opt-in.js";

const BindingParams = Type.Object({ id: AssistantScope, plugin: PluginName });
const UserParams = Type.Object({ id: AssistantScope, plugin: PluginName, user: UserId });

export interface OptInRoutesParts {
	readonly database: Database;
	readonly answerChange: AnswerChange;
}

export function addOptInRoutes(app: App, { database, answerChange }: OptInRoutesParts): void {
	const tags = ["assistants"];
	const placeOf = ({ id, plugin }: { id: string; plugin: string }): BindingPlace => ({
		plugin,
		assistant: id === ALL_ASSISTANTS ? null : id,
	});

	app.get(
		"/api/v1/assistants/:id/plugins/:plugin/users",
		{
			schema: {
				tags,
				operationId: "listOptIns",
				summary: "List the users who opted in to a binding",
				params: BindingParams,
				response: answers(OptInList),
			},
		},
		(request) => readOptIns(database, callerOf(request).tenant, placeOf(request.params)),
	);

	const ways = [
		{ method: "PUT", to: "in", operationId: "optIn", summary: "Let a binding with optIn run for this user" },
		{ method: "DELETE", to: "out", operationId: "optOut", summary: "Let a binding with optIn not run for this user any more" },
	] as const;
	for (const { method, to, operationId, summary } of ways) {
		app.route({
			method,
			url: "/api/v1/assistants/:id/plugins/:plugin/users/:user",
			schema: { tags, operationId, summary, params: UserParams, querystring: WaitQuery, response: answers(Change) },
			handler: async (request) => {
				const caller = callerOf(request);
				const { plugin, user } = request.params;
				const { revision } = await changeOptIn(database, caller, placeOf(request.params), user, to);
				return await answerChange({ tenant: caller.tenant, revision, plugin }, request.query);
			},
		});
	}
}
