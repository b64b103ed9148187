// REST: rollouts of a plugin.
import { NewRollout, PluginName, Rollout, RolloutChange, RolloutList, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { type Caller, callerOf } from "../http/authentication.js";
import type { InstallParts } from "../plugins/install-plugin.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { promoteRollout, requireRollout, startRollout, stopRollout } from "./change-rollout.js";
import { listRollouts } from "./repository.js";
import { showRollout } from "./show-rollout.js";

const NameParams = Type.Object({ name: PluginName });
const IdParams = Type.Object({
	name: PluginName,
	id: Type.String({ pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description: "UUID of a rollout" }),
});

export interface RolloutRoutesParts extends InstallParts {
	readonly answerChange: AnswerChange;
}

export function addRolloutRoutes(app: App, parts: RolloutRoutesParts): void {
	const { database, answerChange } = parts;
	const tags = ["rollouts"];
	const show = (tenant: string, plugin: string, id: string) =>
		database.of(tenant).query(async (queries) => showRollout(queries, await requireRollout(queries, tenant, plugin, id)));

	const showChange = async (caller: Caller, plugin: string, id: string, revision: number, query: WaitQuery) => {
		const change = await answerChange({ tenant: caller.tenant, revision, plugin }, query);
		return { rollout: await show(caller.tenant, plugin, id), ...change };
	};

	app.get(
		"/api/v1/plugins/:name/rollouts",
		{
			schema: {
				tags,
				operationId: "listRollouts",
				summary: "List the rollouts of a plugin, newest first, with what both versions did",
				params: NameParams,
				response: answers(RolloutList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			return await database.of(tenant).query(async (queries) => {
				await requirePlugin(queries, tenant, request.params.name);
				const items: Rollout[] = [];
				for (const row of await listRollouts(queries, tenant, request.params.name)) items.push(await showRollout(queries, row));
				return { items };
			});
		},
	);

	app.post(
		"/api/v1/plugins/:name/rollouts",
		{
			schema: {
				tags,
				operationId: "startRollout",
				summary: "Let another version run for a share of the conversations, beside the current one",
				params: NameParams,
				querystring: WaitQuery,
				body: NewRollout,
				response: { ...answers(RolloutChange), 201: RolloutChange },
			},
		},
		async (request, reply) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const { result, revision } = await startRollout(parts, caller, name, request.body);
			return reply.code(201).send(await showChange(caller, name, result.id, revision, request.query));
		},
	);

	app.get(
		"/api/v1/plugins/:name/rollouts/:id",
		{
			schema: {
				tags,
				operationId: "getRollout",
				summary: "Show a rollout with what both versions did",
				params: IdParams,
				response: answers(Rollout),
			},
		},
		(request) => show(callerOf(request).tenant, request.params.name, request.params.id),
	);

	const ends = [
		{ verb: "promote", end: promoteRollout, summary: "Make the candidate the current version, for everybody" },
		{ verb: "stop", end: stopRollout, summary: "End a rollout; the current version goes on for everybody" },
	] as const;
	for (const { verb, end, summary } of ends) {
		app.post(
			`/api/v1/plugins/:name/rollouts/:id/${verb}`,
			{
				schema: {
					tags,
					operationId: `${verb}Rollout`,
					summary,
					params: IdParams,
					querystring: WaitQuery,
					response: answers(RolloutChange),
				},
			},
			async (request) => {
				const caller = callerOf(request);
				const { name, id } = request.params;
				const { revision } = await end(parts, caller, name, id);
				return await showChange(caller, name, id, revision, request.query);
			},
		);
	}
}
