// REST: make, list and revoke API keys of the caller's tenant.
import { ApiKey, ApiKeyCreated, ApiKeyList, NewApiKey } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import { recordAudit } from "../audit/record-audit.js";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { commitUnrouted } from "../routing/commit-unrouted.js";
import { makeKey } from "./make-key.js";
import { countLastingAdmins, findKey, insertKey, listKeys, revokeKey } from "./repository.js";
import { showKey } from "./show-key.js";

const IdParams = Type.Object({
	id: Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", description: "UUID" }),
});

export function addApiKeyRoutes(app: App, { database }: { readonly database: Database }): void {
	const tags = ["api keys"];

	app.get(
		"/api/v1/api-keys",
		{ schema: { tags, operationId: "listApiKeys", summary: "List API keys, revoked ones too", response: answers(ApiKeyList) } },
		async (request) => {
			const { tenant } = callerOf(request);
			const rows = await database.of(tenant).query((queries) => listKeys(queries, tenant));
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
			const expiresAt = readExpiry(request.body.expiresAt);
			const made = makeKey();
			const row = await database.of(caller.tenant).transaction(async (queries) => {
				const inserted = await insertKey(queries, { tenant: caller.tenant, name, role, expiresAt, made });
				const detail = { name, role, ...(expiresAt === null ? {} : { expiresAt: expiresAt.toISOString() }) };
				await recordAudit(queries, caller, { action: "api_key.create", target: inserted.id, detail }, null);
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
			// With the tenant locked: two admins that revoke each other at the same moment must not both succeed.
			return await commitUnrouted(database, caller, async (queries) => {
				const row = await findKey(queries, caller.tenant, id);
				if (row === undefined)
					throw errors.api_key_not_found(`API key ${id} does not exist; GET /api/v1/api-keys lists what does`);
				if (row.revokedAt !== null) return showKey(row);
				const isLasting = row.role === "admin" && row.expiresAt === null;
				if (isLasting && (await countLastingAdmins(queries, caller.tenant)) === 1) {
					throw errors.last_admin_key(
						"this is the last admin key that does not expire; without one nobody could make another, so make that first",
					);
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

/** @throws CodedError `request_invalid` for what is no time, or one that has passed */
function readExpiry(text: string | undefined): Date | null {
	if (text === undefined) return null;
	const at = new Date(text);
	if (at.getTime() > Date.now()) return at;
	const message = "is no time in the future; name one, such as 2031-01-31T00:00:00Z, or leave it out";
	throw errors.request_invalid(`/expiresAt: ${text} ${message}`, { errors: [{ path: "/expiresAt", message }] });
}
