// REST: replays of recorded events against another version of a plugin.
import {
	NewReplay,
	PluginName,
	Replay,
	ReplayId,
	ReplayList,
	type ReplayResult,
	ReplayResultPage,
	ReplayVerdict,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { BusLink } from "../bus/bus-link.js";
import type { Queries } from "../database/database.js";
import { decodeCursor, encodeCursor } from "../executions/page-cursor.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import type { InstallParts } from "../plugins/install-plugin.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { RecordedEvents } from "../recordings/recorded-events.js";
import type { ReplayRunner } from "./replay-runner.js";
import { listReplays, pageResults, type ReplayRow, type ResultRow, replayFigures } from "./repository.js";
import { cancelReplay, requireReplay, startReplay } from "./start-replay.js";

export interface ReplayRoutesParts extends InstallParts {
	readonly link: BusLink;
	readonly replayRunner: ReplayRunner;
}

const NameParams = Type.Object({ name: PluginName });
const IdParams = Type.Object({ name: PluginName, id: ReplayId });
const PageQuery = Type.Object(
	{
		result: Type.Optional(ReplayVerdict),
		limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "Most results of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 64, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);

export function addReplayRoutes(app: App, parts: ReplayRoutesParts): void {
	const { database, link, replayRunner } = parts;
	const tags = ["replays"];
	const events = new RecordedEvents(link);

	app.post(
		"/api/v1/plugins/:name/replays",
		{
			schema: {
				tags,
				operationId: "startReplay",
				summary: "Run the events of a recording through two versions and compare what they do; nothing of it leaves the runtime",
				params: NameParams,
				body: NewReplay,
				response: { ...answers(Replay), 202: Replay },
			},
		},
		async (request, reply) => {
			const caller = callerOf(request);
			const started = await startReplay(
				{ ...parts, countEvents: (recording) => events.count(recording) },
				caller,
				request.params.name,
				request.body,
			);
			replayRunner.run(started.row, started.plan);
			return reply.code(202).send(await database.of(caller.tenant).query((queries) => showReplay(queries, started.row)));
		},
	);

	app.get(
		"/api/v1/plugins/:name/replays",
		{
			schema: {
				tags,
				operationId: "listReplays",
				summary: "List the replays of a plugin, newest first",
				params: NameParams,
				response: answers(ReplayList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			return await database.of(tenant).query(async (queries) => {
				await requirePlugin(queries, tenant, request.params.name);
				const items: Replay[] = [];
				for (const row of await listReplays(queries, tenant, request.params.name)) items.push(await showReplay(queries, row));
				return { items };
			});
		},
	);

	app.get(
		"/api/v1/plugins/:name/replays/:id",
		{
			schema: {
				tags,
				operationId: "getReplay",
				summary: "Show a replay, how far it is, and its sums",
				params: IdParams,
				response: answers(Replay),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const { name, id } = request.params;
			return await database
				.of(tenant)
				.query(async (queries) => showReplay(queries, await requireReplay(queries, tenant, name, id)));
		},
	);

	app.get(
		"/api/v1/plugins/:name/replays/:id/results",
		{
			schema: {
				tags,
				operationId: "listReplayResults",
				summary: "Show what both versions did with each event, and where they differ",
				params: IdParams,
				querystring: PageQuery,
				response: answers(ReplayResultPage),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const { name, id } = request.params;
			const { result, limit, cursor } = request.query;
			const after = cursor === undefined ? 0 : decodeCursor(cursor);
			const found = await database.of(tenant).query(async (queries) => {
				await requireReplay(queries, tenant, name, id);
				// One more than asked for, to know whether there is another page.
				return await pageResults(queries, id, result, limit + 1, after);
			});
			const items = found.slice(0, limit);
			const last = items.at(-1);
			return {
				items: items.map(showResult),
				...(found.length > limit && last !== undefined ? { next: encodeCursor(last.place) } : {}),
			};
		},
	);

	app.post(
		"/api/v1/plugins/:name/replays/:id/cancel",
		{
			schema: {
				tags,
				operationId: "cancelReplay",
				summary: "End a replay; what it found so far is kept",
				params: IdParams,
				response: answers(Replay),
			},
		},
		async (request) => {
			const { name, id } = request.params;
			const caller = callerOf(request);
			const row = await cancelReplay(database, caller, name, id);
			replayRunner.ended(id);
			return await database.of(caller.tenant).query((queries) => showReplay(queries, row));
		},
	);
}

async function showReplay(queries: Queries, row: ReplayRow): Promise<Replay> {
	const { id, plugin, recording, version, against, state, total, done, error, startedAt, startedBy, endedAt } = row;
	return {
		id,
		plugin,
		recording,
		version,
		against,
		state,
		total,
		done,
		...(await replayFigures(queries, id)),
		...(error === null ? {} : { error }),
		startedAt: startedAt.toISOString(),
		startedBy,
		...(endedAt === null ? {} : { endedAt: endedAt.toISOString() }),
	};
}

function showResult(row: ResultRow): ReplayResult {
	const { place, eventId, hook, assistant, result, comparison, detail } = row;
	return {
		event: String(place),
		...(eventId === null ? {} : { eventId }),
		...(hook === null ? {} : { hook }),
		...(assistant === null ? {} : { assistant }),
		result,
		...(comparison ?? { differences: [] }),
		...(detail === null ? {} : { detail }),
	};
}
