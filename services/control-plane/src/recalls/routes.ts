// REST: declare, list and lift recalls.
import { NewRecall, Recall, RecallChange, RecallList, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { declareRecall, takeBackRecall } from "./declare-recall.js";
import { listRecalls, type RecallRow } from "./repository.js";

const IdParams = Type.Object({
	id: Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", description: "UUID" }),
});

export interface RecallRoutesParts {
	readonly database: Database;
	readonly answerChange: AnswerChange;
}

export function addRecallRoutes(app: App, { database, answerChange }: RecallRoutesParts): void {
	const tags = ["trust"];

	app.get(
		"/api/v1/recalls",
		{
			schema: {
				tags,
				operationId: "listRecalls",
				summary: "List the recalls that count here, newest first, lifted ones too",
				response: answers(RecallList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const rows = await database.of(tenant).query((queries) => listRecalls(queries, tenant));
			return { items: rows.map(showRecall) };
		},
	);

	app.post(
		"/api/v1/recalls",
		{
			schema: {
				tags,
				operationId: "declareRecall",
				summary: "Recall versions: what runs one is disabled at once, and none can be installed or enabled again",
				querystring: WaitQuery,
				body: NewRecall,
				response: { ...answers(RecallChange), 201: RecallChange },
			},
		},
		async (request, reply) => {
			const caller = callerOf(request);
			const { result, revision } = await declareRecall(database, caller, request.body);
			const plugin = result.disabled[0]?.plugin ?? "";
			const change = await answerChange({ tenant: caller.tenant, revision, plugin }, request.query);
			return reply.code(201).send({ recall: showRecall(result.recall), disabled: [...result.disabled], ...change });
		},
	);

	app.delete(
		"/api/v1/recalls/:id",
		{
			schema: {
				tags,
				operationId: "liftRecall",
				summary: "Take a recall back that this tenant declared; what it disabled stays disabled until somebody enables it",
				params: IdParams,
				response: answers(Recall),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { result, revision } = await takeBackRecall(database, caller, request.params.id);
			await answerChange({ tenant: caller.tenant, revision, plugin: result.plugin ?? "" }, {});
			return showRecall(result);
		},
	);
}

function showRecall(row: RecallRow): Recall {
	return {
		id: row.id,
		...(row.digest === null ? {} : { digest: row.digest }),
		...(row.plugin === null ? {} : { plugin: row.plugin, versions: row.versions ?? "*" }),
		reason: row.reason,
		everywhere: row.everywhere,
		...(row.signer === null ? {} : { signer: row.signer }),
		declaredAt: row.declaredAt.toISOString(),
		declaredBy: row.declaredBy,
		...(row.liftedAt === null ? {} : { liftedAt: row.liftedAt.toISOString(), liftedBy: row.liftedBy ?? "" }),
	};
}
