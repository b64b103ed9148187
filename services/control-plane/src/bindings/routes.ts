// REST: bindings of an assistant, and the explanation of its chains. The id `*` stands for the tenant scope.
import {
	ALL_ASSISTANTS,
	AssistantScope,
	BindingChange,
	BindingList,
	BindingSettings,
	Change,
	Explanation,
	NewBinding,
	PluginName,
	UserId,
	WaitQuery,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { explain } from "../routing/explain.js";
import { loadScopeInput } from "../routing/load-routing-input.js";
import { tenantRevision } from "../tenants/repository.js";
import { type BindingParts, putBinding, removeBinding } from "./change-binding.js";
import { bindingsOfScope } from "./repository.js";
import { showBinding } from "./show-binding.js";

const ScopeParams = Type.Object({ id: AssistantScope });
const BindingParams = Type.Object({ id: AssistantScope, plugin: PluginName });
const ExplainQuery = Type.Object(
	{ user: Type.Optional(UserId) },
	{ additionalProperties: false, description: "user: says where this user has a configuration of their own" },
);

export interface BindingRoutesParts extends BindingParts {
	readonly answerChange: AnswerChange;
}

export function addBindingRoutes(app: App, parts: BindingRoutesParts): void {
	const { database, answerChange } = parts;
	const tags = ["assistants"];
	const scopeOf = (id: string) => (id === ALL_ASSISTANTS ? null : id);

	app.get(
		"/api/v1/assistants/:id/plugins",
		{
			schema: {
				tags,
				operationId: "listBindings",
				summary: "List the bindings of exactly this scope; what an assistant inherits is shown by explain",
				params: ScopeParams,
				response: answers(BindingList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const rows = await database.of(tenant).query((queries) => bindingsOfScope(queries, tenant, scopeOf(request.params.id)));
			return { items: rows.map(showBinding) };
		},
	);

	app.post(
		"/api/v1/assistants/:id/plugins",
		{
			schema: {
				tags,
				operationId: "createBinding",
				summary: "Bind a plugin",
				params: ScopeParams,
				querystring: WaitQuery,
				body: NewBinding,
				response: { ...answers(BindingChange), 201: BindingChange },
			},
		},
		async (request, reply) => {
			const caller = callerOf(request);
			const { plugin, ...settings } = request.body;
			const place = { plugin, assistant: scopeOf(request.params.id) };
			const { result, revision } = await putBinding(parts, caller, place, settings, "create");
			const change = await answerChange({ tenant: caller.tenant, revision, plugin }, request.query);
			return reply.code(201).send({ binding: showBinding(result), ...change });
		},
	);

	app.put(
		"/api/v1/assistants/:id/plugins/:plugin",
		{
			schema: {
				tags,
				operationId: "putBinding",
				summary: "Give a binding these settings, all of them; makes it when it is not there",
				params: BindingParams,
				querystring: WaitQuery,
				body: BindingSettings,
				response: answers(BindingChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { plugin, id } = request.params;
			const { result, revision } = await putBinding(parts, caller, { plugin, assistant: scopeOf(id) }, request.body, "put");
			const change = await answerChange({ tenant: caller.tenant, revision, plugin }, request.query);
			return { binding: showBinding(result), ...change };
		},
	);

	app.delete(
		"/api/v1/assistants/:id/plugins/:plugin",
		{
			schema: {
				tags,
				operationId: "deleteBinding",
				summary: "Remove a binding; an assistant then inherits the tenant's again",
				params: BindingParams,
				querystring: WaitQuery,
				response: answers(Change),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { plugin, id } = request.params;
			const { revision } = await removeBinding(parts, caller, { plugin, assistant: scopeOf(id) });
			return await answerChange({ tenant: caller.tenant, revision, plugin }, request.query);
		},
	);

	app.get(
		"/api/v1/assistants/:id/explain",
		{
			schema: {
				tags,
				operationId: "explainAssistant",
				summary: "The resolved chain of each hook in order, with the reason for each plugin, and what does not run and why",
				params: ScopeParams,
				querystring: ExplainQuery,
				response: answers(Explanation),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			return await database
				.of(tenant)
				.query(async (queries) =>
					explain(
						await loadScopeInput(queries, tenant, scopeOf(request.params.id)),
						await tenantRevision(queries, tenant),
						scopeOf(request.params.id),
						request.query.user,
					),
				);
		},
	);
}
