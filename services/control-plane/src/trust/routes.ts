// REST: trusted publishers, the trust policy, and whose plugin a plugin is.
import {
	KeyId,
	NewPublisher,
	PluginDetail,
	PluginName,
	PublisherPinBody,
	TrustedPublisher,
	TrustedPublisherList,
	TrustPolicy,
	TrustPolicyBody,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Database } from "../database/database.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { describePlugin } from "../plugins/describe-plugin.js";
import { addPublisher, changePolicy, pinPublisher, readPolicy, removePublisher } from "./change-trust.js";
import { listPublishers, showPublisher } from "./repository.js";

export interface TrustRoutesParts {
	readonly database: Database;
	readonly fleet: RuntimeFleet;
}

export function addTrustRoutes(app: App, { database, fleet }: TrustRoutesParts): void {
	const tags = ["trust"];

	app.get(
		"/api/v1/trusted-publishers",
		{
			schema: {
				tags,
				operationId: "listTrustedPublishers",
				summary: "List the publishers whose signatures count",
				response: answers(TrustedPublisherList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const rows = await database.of(tenant).query((queries) => listPublishers(queries, tenant));
			return { items: rows.map(showPublisher) };
		},
	);

	app.post(
		"/api/v1/trusted-publishers",
		{
			schema: {
				tags,
				operationId: "trustPublisher",
				summary: "Trust a publisher's key",
				body: NewPublisher,
				response: { ...answers(TrustedPublisher), 201: TrustedPublisher },
			},
		},
		async (request, reply) => reply.code(201).send(showPublisher(await addPublisher(database, callerOf(request), request.body))),
	);

	app.delete(
		"/api/v1/trusted-publishers/:id",
		{
			schema: {
				tags,
				operationId: "distrustPublisher",
				summary: "Trust a publisher's key no more; what it signed stays as it is and cannot be enabled again",
				params: Type.Object({ id: KeyId }),
				response: answers(TrustedPublisher),
			},
		},
		async (request) => showPublisher(await removePublisher(database, callerOf(request), request.params.id)),
	);

	app.get(
		"/api/v1/trust-policy",
		{
			schema: {
				tags,
				operationId: "getTrustPolicy",
				summary: "Show what is demanded of packages, and which plugins do not fulfil it",
				response: answers(TrustPolicy),
			},
		},
		(request) => readPolicy(database, callerOf(request).tenant),
	);

	app.put(
		"/api/v1/trust-policy",
		{
			schema: {
				tags,
				operationId: "setTrustPolicy",
				summary: "Set what is demanded of packages from now on; what runs goes on",
				body: TrustPolicyBody,
				response: answers(TrustPolicy),
			},
		},
		(request) => changePolicy(database, callerOf(request), request.body.requireSignature),
	);

	app.put(
		"/api/v1/plugins/:name/publisher",
		{
			schema: {
				tags,
				operationId: "setPublisher",
				summary: "Accept another publisher for a plugin, or that its next package says who it is",
				params: Type.Object({ name: PluginName }),
				body: PublisherPinBody,
				response: answers(PluginDetail),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			await pinPublisher(database, caller, name, request.body.keyId);
			return await describePlugin(database, fleet, caller.tenant, name);
		},
	);
}
