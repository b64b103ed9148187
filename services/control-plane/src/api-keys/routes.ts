// REST: make, list and revoke API keys of the caller's tenant.
import { ApiKey, ApiKeyCreated, ApiKeyList, NewApiKey } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import { recordAudit } from "../audit/record-audit.js";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { lockTenant } from "../tenants/repository.js";
import { makeKey } from "./make-key.js";
import { type ApiKeyRow, countActiveAdmins, findKey, insertKey, listKeys, revokeKey } from "./repository.js";

const IdParams = Type.Object({
	id: Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", description: "UUID" }),
});

export function addApiKeyRoutes(app: App, { database }: { readonly database: Database }): void {
	const tags = ["api keys"];

	app.get(
		"/api/v1/api-keys",
		{ schema: { tags, operationId: "listApiKeys", summary: "List API keys, revoked ones too", response: answers(ApiKeyList) } },
		async (request) => {
			const rows = await database.query((queries) => listKeys(queries, callerOf(request).tenant));
			return { items: rows.map(showKey) };
		},
	);

	app.post(
		"/api/v1/api-keys",
		{
			schema: {
				tags,
				operationId: "createApiKey",
				summary: "Make an API key; it is shown in this answer only",
				body: NewApiKey,
				response: { ...answers(ApiKeyCreated), 201: ApiKeyCreated },
			},
		},
		async (request, reply) => {
			const caller = callerOf(request);
			const { name, role } = request.body;
			const made = makeKey();
			const row = await database.transaction(async (queries) => {
				const inserted = await insertKey(queries, { tenant: caller.tenant, name, role, made });
				await recordAudit(queries, caller, { action: "api_key.create", target: inserted.id, detail: { name, role } }, null);
				return inserted;
			});
			return reply.code(201).send({ apiKey: showKey(row), key: made.key });
		},
	);

	app.delete(
		"/api/v1/api-keys/:id",
		{
			schema: {
				tags,
				operationId: "revokeApiKey",
				summary: "Revoke an API key; it is refused from now on",
				params: IdParams,
				response: answers(ApiKey),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { id } = request.params;
			return await database.transaction(async (queries) => {
				// Two admins that revoke each other at the same moment must not both succeed.
				await lockTenant(queries, caller.tenant);
				const row = await findKey(queries, caller.tenant, id);
				if (row === undefined)
					throw errors.api_key_not_found(`API key ${id} does not exist; GET /api/v1/api-keys lists what does`);
				if (row.revokedAt !== null) return showKey(row);
				if (row.role === "admin" && (await countActiveAdmins(queries, caller.tenant)) === 1) {
					throw errors.last_admin_key("this is the last admin key; without one nobody could make another, so make that first");
				}
				await revokeKey(queries, caller.tenant, id);
				await recordAudit(
					queries,
					caller,
					{ action: "api_key.revoke", target: id, detail: { name: row.name, role: row.role } },
					null,
				);
				return showKey((await findKey(queries, caller.tenant, id)) ?? row);
			});
		},
	);
}

function showKey(row: ApiKeyRow): ApiKey {
	return {
		id: row.id,
		name: row.name,
		role: row.role,
		prefix: row.prefix,
		createdAt: row.createdAt.toISOString(),
		...(row.revokedAt === null ? {} : { revokedAt: row.revokedAt.toISOString() }),
	};
}
