// REST: figures of plugins and of assistants, over a range and bucket by bucket.
import {
	AssistantMetrics,
	FigureUnit,
	LATENCY_ERROR,
	PluginMetrics,
	type PluginMetrics as PluginMetricsAnswer,
	SubjectToken,
} from "@hookbus/schemas";
import { type Static, Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { figureRange } from "./figure-range.js";
import { filterOf, filterProperties, timeProperties } from "./filter-query.js";
import { decodePluginCursor, encodePluginCursor } from "./page-cursor.js";
import { countFigures, readStoredFigures } from "./read-figures.js";

const MetricsQuery = Type.Object(
	{
		...filterProperties,
		...timeProperties,
		bucket: Type.Optional(FigureUnit),
		limit: Type.Integer({
			minimum: 1,
			maximum: 200,
			default: 50,
			description: "Most plugins of a page; long series make a page shorter",
		}),
		cursor: Type.Optional(Type.String({ maxLength: 128, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);
type MetricsQuery = Static<typeof MetricsQuery>;
const AssistantMetricsQuery = Type.Omit(MetricsQuery, ["assistant"], { additionalProperties: false });

const DESCRIPTION =
	"Without since: of the last 24 hours. Filtered by plugin and assistant at most, the range is widened to whole minutes (up to an hour " +
	"long), hours (up to 48 hours) or days, or to whole buckets; the answer names what was counted. Any other filter counts the executions " +
	`themselves, for at most 7 days. Latencies are within ${LATENCY_ERROR * 100} % of the exact ones.`;

export function addMetricsRoutes(app: App, { database }: { readonly database: Database }): void {
	const tags = ["executions"];

	app.get(
		"/api/v1/plugins/metrics",
		{
			schema: {
				tags,
				operationId: "pluginMetrics",
				summary: "Calls, outcomes, latency, cost and tokens of each plugin, and of all together",
				description: DESCRIPTION,
				querystring: MetricsQuery,
				response: answers(PluginMetrics),
			},
		},
		(request) => readMetrics(database, callerOf(request).tenant, request.query),
	);

	app.get(
		"/api/v1/assistants/:id/metrics",
		{
			schema: {
				tags,
				operationId: "assistantMetrics",
				summary: "Calls, outcomes, latency, cost and tokens of an assistant, by plugin and in all",
				description: DESCRIPTION,
				params: Type.Object({ id: SubjectToken }),
				querystring: AssistantMetricsQuery,
				response: answers(AssistantMetrics),
			},
		},
		async (request) => {
			const { id } = request.params;
			return { assistant: id, ...(await readMetrics(database, callerOf(request).tenant, { ...request.query, assistant: id })) };
		},
	);
}

async function readMetrics(database: Database, tenant: string, query: MetricsQuery): Promise<PluginMetricsAnswer> {
	const { bucket, limit: asked, cursor, ...rest } = query;
	const after = cursor === undefined ? undefined : decodePluginCursor(cursor);
	const filter = filterOf(rest);
	const { stored, since, until, unit, limit } = figureRange(filter, bucket, asked);
	const wanted = { tenant, filter: { ...filter, since, until }, unit, series: bucket !== undefined, limit, after };
	const read = stored ? readStoredFigures : countFigures;
	const { total, items, more } = await database.of(tenant).query((queries) => read(queries, wanted));
	const last = items.at(-1);
	return {
		since: since.toISOString(),
		until: until.toISOString(),
		...(bucket === undefined ? {} : { bucket }),
		total,
		items,
		...(more && last !== undefined ? { next: encodePluginCursor(last.plugin) } : {}),
	};
}
