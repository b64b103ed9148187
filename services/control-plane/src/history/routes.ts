// REST: what a plugin ran with over time, and the way back to it.
import { PluginChange, PluginHistory, PluginName, RollbackBody, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { describePlugin } from "../plugins/describe-plugin.js";
import type { InstallParts } from "../plugins/install-plugin.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { pageSnapshots } from "./repository.js";
import { rollBack } from "./roll-back.js";
import { showSnapshot } from "./show-snapshot.js";

const NameParams = Type.Object({ name: PluginName });
const HistoryQuery = Type.Object(
	{
		limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "Most snapshots of a page" }),
		before: Type.Optional(Type.Integer({ minimum: 1, description: "Only those of an older revision; next of the page before" })),
	},
	{ additionalProperties: false },
);

export interface HistoryRoutesParts extends InstallParts {
	readonly fleet: RuntimeFleet;
	readonly answerChange: AnswerChange;
}

export function addHistoryRoutes(app: App, parts: HistoryRoutesParts): void {
	const { database, fleet, answerChange } = parts;
	const tags = ["plugins"];

	app.get(
		"/api/v1/plugins/:name/history",
		{
			schema: {
				tags,
				operationId: "listHistory",
				summary: "List what a plugin ran with, newest first: version, configuration, grants and limits after each change",
				params: NameParams,
				querystring: HistoryQuery,
				response: answers(PluginHistory),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const { limit, before } = request.query;
			return await database.of(tenant).query(async (queries) => {
				await requirePlugin(queries, tenant, request.params.name);
				const found = await pageSnapshots(queries, tenant, request.params.name, limit + 1, before);
				const items = found.slice(0, limit).map(showSnapshot);
				const last = items.at(-1);
				return { items, ...(found.length > limit && last !== undefined ? { next: last.revision } : {}) };
			});
		},
	);

	app.post(
		"/api/v1/plugins/:name/rollback",
		{
			schema: {
				tags,
				operationId: "rollBackPlugin",
				summary: "Go back to the version, configuration, grants and limits that ran before, or that are named",
				params: NameParams,
				querystring: WaitQuery,
				body: Type.Union([RollbackBody, Type.Null()]),
				response: answers(PluginChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const { revision } = await rollBack(parts, caller, name, request.body ?? {});
			const change = await answerChange({ tenant: caller.tenant, revision, plugin: name }, request.query);
			return { plugin: await describePlugin(database, fleet, caller.tenant, name), created: false, warnings: [], ...change };
		},
	);
}
