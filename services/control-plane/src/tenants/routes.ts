// REST: make and list tenants. Only admins of the tenant that the first start made (`default`) may: they run the deployment,
// and all that they get of another tenant is its first key.
import { NewTenant, type Tenant, TenantCreated, TenantList } from "@hookbus/schemas";
import { makeKey } from "../api-keys/make-key.js";
import { insertKey } from "../api-keys/repository.js";
import { showKey } from "../api-keys/show-key.js";
import { recordAudit } from "../audit/record-audit.js";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { createTenant, listTenants, type TenantRow } from "./repository.js";

export function addTenantRoutes(app: App, { database }: { readonly database: Database }): void {
	const tags = ["tenants"];

	app.get(
		"/api/v1/tenants",
		{
			schema: {
				tags,
				operationId: "listTenants",
				summary: "List tenants; for admins of the tenant default",
				response: answers(TenantList),
			},
		},
		async () => ({ items: (await database.acrossTenants.query(listTenants)).map(showTenant) }),
	);

	app.post(
		"/api/v1/tenants",
		{
			schema: {
				tags,
				operationId: "createTenant",
				summary: "Make a tenant and its first admin key, which is shown in this answer only; for admins of the tenant default",
				body: NewTenant,
				response: { ...answers(TenantCreated), 201: TenantCreated },
			},
		},
		async (request, reply) => {
			const caller = callerOf(request);
			const { id } = request.body;
			const made = makeKey();
			const created = await database.acrossTenants.transaction(async (queries) => {
				const tenant = await createTenant(queries, id);
				if (tenant === undefined) throw errors.tenant_exists(`tenant ${id} exists already; GET /api/v1/tenants lists all`);
				const key = await insertKey(queries, { tenant: id, name: "first admin key", role: "admin", expiresAt: null, made });
				await recordAudit(queries, caller, { action: "tenant.create", target: id, detail: {} }, null);
				const detail = { name: key.name, role: key.role };
				await recordAudit(queries, { ...caller, tenant: id }, { action: "api_key.create", target: key.id, detail }, null);
				return { tenant: showTenant(tenant), apiKey: showKey(key), key: made.key };
			});
			return reply.code(201).send(created);
		},
	);
}

function showTenant({ id, revision, createdAt }: TenantRow): Tenant {
	return { id, revision, createdAt: createdAt.toISOString() };
}
