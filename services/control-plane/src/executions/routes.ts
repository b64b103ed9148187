// REST: executions page by page, one execution, and the figures that are made from them.
import {
	ExecutionPage,
	ExecutionRecord,
	ExternalId,
	HookName,
	Outcome,
	PluginMetrics,
	PluginName,
	SubjectToken,
} from "@hookbus/schemas";
import { type Static, Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { decodeCursor, encodeCursor } from "./page-cursor.js";
import { type ExecutionFilter, findExecution, pageExecutions, pluginFigures } from "./repository.js";

const MAX_PAGE = 200;
/** Hours that the figures look back on when nothing else is asked for. */
const DEFAULT_METRICS_HOURS = 24;

const Time = Type.String({
	pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$",
	description: "RFC 3339",
});

const filterProperties = {
	plugin: Type.Optional(PluginName),
	assistant: Type.Optional(SubjectToken),
	conversation: Type.Optional(ExternalId),
	event: Type.Optional(ExternalId),
	hook: Type.Optional(HookName),
	outcome: Type.Optional(Outcome),
	since: Type.Optional(Time),
	until: Type.Optional(Time),
};

const PageQuery = Type.Object(
	{
		...filterProperties,
		limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 50, description: "Most executions of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 64, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);
const MetricsQuery = Type.Object(filterProperties, { additionalProperties: false });
type FilterQuery = Static<typeof MetricsQuery>;

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
			const found = await database.query((queries) => pageExecutions(queries, tenant, filterOf(query), limit + 1, before));
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
				summary: "Show an execution with its log lines",
				params: IdParams,
				response: answers(ExecutionRecord),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const found = await database.query((queries) => findExecution(queries, tenant, Number(request.params.id)));
			if (found === undefined)
				throw errors.execution_not_found(`execution ${request.params.id} does not exist; it may be past its retention`);
			return found;
		},
	);

	app.get(
		"/api/v1/plugins/metrics",
		{
			schema: {
				tags,
				operationId: "pluginMetrics",
				summary: `Calls, success rate and latency of each plugin; without since: of the last ${DEFAULT_METRICS_HOURS} hours`,
				querystring: MetricsQuery,
				response: answers(PluginMetrics),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const filter = filterOf(request.query);
			const until = filter.until ?? new Date();
			const since = filter.since ?? new Date(until.getTime() - DEFAULT_METRICS_HOURS * 3_600_000);
			const items = await database.query((queries) => pluginFigures(queries, tenant, { ...filter, since, until }));
			return { since: since.toISOString(), until: until.toISOString(), items };
		},
	);
}

function filterOf({ since, until, ...rest }: FilterQuery): ExecutionFilter {
	return { ...rest, since: timeOf("since", since), until: timeOf("until", until) };
}

function timeOf(name: string, text: string | undefined): Date | undefined {
	if (text === undefined) return undefined;
	const time = new Date(text);
	if (!Number.isNaN(time.getTime())) return time;
	throw errors.request_invalid(`/querystring/${name}: ${text} is no time; write such as 2026-01-31T12:00:00Z`);
}
