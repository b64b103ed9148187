// REST: the users who have a configuration of their own, and the removal of all that one user has.
import { PluginName, UserConfigList, UserConfigsRemoved, UserId, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { removeConfigsOfUser } from "./change-user-config.js";
import { decodeUserCursor, encodeUserCursor } from "./page-cursor.js";
import { pageUserConfigs } from "./repository.js";

const ListQuery = Type.Object(
	{
		limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "Most users of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 1_000, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);

export interface UserConfigRoutesParts {
	readonly database: Database;
	readonly answerChange: AnswerChange;
}

export function addUserConfigRoutes(app: App, { database, answerChange }: UserConfigRoutesParts): void {
	const tags = ["configuration"];

	app.get(
		"/api/v1/plugins/:name/config/users",
		{
			schema: {
				tags,
				operationId: "listUserConfigs",
				summary: "List the users who have a configuration of a plugin of their own",
				params: Type.Object({ name: PluginName }),
				querystring: ListQuery,
				response: answers(UserConfigList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const { name } = request.params;
			const { limit, cursor } = request.query;
			const after = cursor === undefined ? undefined : decodeUserCursor(cursor);
			return await database.of(tenant).query(async (queries) => {
				await requirePlugin(queries, tenant, name);
				const found = await pageUserConfigs(queries, tenant, name, limit + 1, after);
				const items = found.slice(0, limit).map(({ user, config, secrets, by, updatedAt }) => ({
					user,
					fields: [...Object.keys(config), ...Object.keys(secrets)].sort(),
					by,
					updatedAt: updatedAt.toISOString(),
				}));
				const last = items.at(-1);
				return { items, ...(found.length > limit && last !== undefined ? { next: encodeUserCursor(last.user) } : {}) };
			});
		},
	);

	app.delete(
		"/api/v1/users/:user/configs",
		{
			schema: {
				tags,
				operationId: "removeConfigsOfUser",
				summary: "Remove all that a user has as their own, of every plugin: for a user who leaves, or wants to be forgotten",
				params: Type.Object({ user: UserId }),
				querystring: WaitQuery,
				response: answers(UserConfigsRemoved),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { result, revision } = await removeConfigsOfUser({ database }, caller, request.params.user);
			const change = await answerChange({ tenant: caller.tenant, revision, plugin: result[0] ?? "" }, request.query);
			return { plugins: [...result], ...change };
		},
	);
}
