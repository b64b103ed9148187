// REST: executions page by page, and one execution.
import { ExecutionDetail, ExecutionPage } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { ANSWER_FIELD_ROLES, isAllowed } from "../http/access-policy.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { filterOf, filterProperties, timeProperties } from "./filter-query.js";
import { decodeCursor, encodeCursor } from "./page-cursor.js";
import { findExecution, pageExecutions } from "./repository.js";

const MAX_PAGE = 200;

const PageQuery = Type.Object(
	{
		...filterProperties,
		...timeProperties,
		limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 50, description: "Most executions of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 64, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);

const IdParams = Type.Object({ id: Type.String({ pattern: "^[1-9]\\d{0,15}$" }) });

export function addExecutionRoutes(app: App, { database }: { readonly database: Database }): void {
	const tags = ["executions"];

	app.get(
		"/api/v1/plugin-executions",
		{
			schema: {
				tags,
				operationId: "listExecutions",
				summary: "List executions, newest first",
				querystring: PageQuery,
				response: answers(ExecutionPage),
			},
		},
		async (request) => {
			const { limit, cursor, ...query } = request.query;
			const { tenant } = callerOf(request);
			const before = cursor === undefined ? undefined : decodeCursor(cursor);
			// One more than asked for, to know whether there is another page.
			const found = await database
				.of(tenant)
				.query((queries) => pageExecutions(queries, tenant, filterOf(query), limit + 1, before));
			const items = found.slice(0, limit);
			const last = items.at(-1);
			return { items, ...(found.length > limit && last !== undefined ? { next: encodeCursor(Number(last.id)) } : {}) };
		},
	);

	app.get(
		"/api/v1/plugin-executions/:id",
		{
			schema: {
				tags,
				operationId: "getExecution",
				summary: "Show an execution with its log lines, and with its patch where the binding has recordPatches",
				params: IdParams,
				response: answers(ExecutionDetail),
			},
		},
		async (request) => {
			const { tenant, role } = callerOf(request);
			const found = await database.of(tenant).query((queries) => findExecution(queries, tenant, Number(request.params.id)));
			if (found === undefined)
				throw errors.execution_not_found(`execution ${request.params.id} does not exist; it may be past its retention`);
			const { patch, ...rest } = found;
			if (patch === undefined || isAllowed(role, ANSWER_FIELD_ROLES.patch)) return found;
			return { ...rest, patchWithheld: true as const };
		},
	);
}
