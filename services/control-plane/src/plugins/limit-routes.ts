// REST: a plugin's limits.
import { LimitsBody, LimitsChange, LimitsDetail, PluginName, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { changeLimits, readLimits } from "./change-limits.js";

const NameParams = Type.Object({ name: PluginName });

export interface LimitRoutesParts {
	readonly database: Database;
	readonly answerChange: AnswerChange;
}

export function addLimitRoutes(app: App, { database, answerChange }: LimitRoutesParts): void {
	const tags = ["plugins"];

	app.get(
		"/api/v1/plugins/:name/limits",
		{
			schema: {
				tags,
				operationId: "getLimits",
				summary: "Show a plugin's limits, and where each comes from",
				params: NameParams,
				response: answers(LimitsDetail),
			},
		},
		(request) => readLimits(database, callerOf(request).tenant, request.params.name),
	);

	app.put(
		"/api/v1/plugins/:name/limits",
		{
			schema: {
				tags,
				operationId: "setLimits",
				summary: "Set a plugin's limits, all of them; what is null or absent is as the manifest says",
				params: NameParams,
				querystring: WaitQuery,
				body: LimitsBody,
				response: answers(LimitsChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const { result, revision } = await changeLimits(database, caller, name, request.body);
			return { ...result, ...(await answerChange({ tenant: caller.tenant, revision, plugin: name }, request.query)) };
		},
	);
}
