// Tenants as REST shows them. The first admin key of a tenant is in one answer only, the one that creates the tenant.
import { type Static, Type } from "@sinclair/typebox";
import { ApiKey } from "./api-key.js";

/** Not `control_plane`, and not beginning with `runtime_`: such a tenant's inboxes on the bus would be those of a service. */
const TenantId = Type.String({
	pattern: "^(?!runtime_|control_plane$)[A-Za-z0-9_-]{1,64}$",
	description: "1–64 of A–Z a–z 0–9 _ -; not control_plane, and not beginning with runtime_",
});

export const NewTenant = Type.Object({ id: TenantId }, { additionalProperties: false, $id: "NewTenant" });
export type NewTenant = Static<typeof NewTenant>;

export const Tenant = Type.Object(
	{
		id: Type.String(),
		revision: Type.Integer({ minimum: 0, description: "Revision of its newest route table; 0: it has none" }),
		createdAt: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ additionalProperties: false, $id: "Tenant" },
);
export type Tenant = Static<typeof Tenant>;

export const TenantList = Type.Object({ items: Type.Array(Tenant) }, { additionalProperties: false, $id: "TenantList" });
export type TenantList = Static<typeof TenantList>;

export const TenantCreated = Type.Object(
	{
		tenant: Tenant,
		apiKey: ApiKey,
		key: Type.String({ description: "The tenant's first admin key; shown this once and not kept" }),
	},
	{ additionalProperties: false, $id: "TenantCreated" },
);
export type TenantCreated = Static<typeof TenantCreated>;
