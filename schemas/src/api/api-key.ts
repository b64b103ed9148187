// API keys of the control plane as REST shows them. The key itself is in one answer only, the one that creates it.
import { type Static, Type } from "@sinclair/typebox";

/** Roles in ascending order: each may do what the ones before it may. */
export const API_ROLES = ["viewer", "developer", "operator", "admin"] as const;

export const ApiRole = Type.Union(
	[Type.Literal("viewer"), Type.Literal("developer"), Type.Literal("operator"), Type.Literal("admin")],
	{
		$id: "ApiRole",
		description:
			"viewer: reads; developer: also uploads new plugins; operator: also enables, configures and assigns them; admin: also grants permissions, deletes plugins and manages keys",
	},
);
export type ApiRole = Static<typeof ApiRole>;

export const NewApiKey = Type.Object(
	{
		name: Type.String({ minLength: 1, maxLength: 100, description: "Who or what uses the key" }),
		role: ApiRole,
		expiresAt: Type.Optional(
			Type.String({
				pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,3})?Z$",
				description: "RFC 3339, UTC; in the future. The key is refused from then on. Absent: it does not expire",
			}),
		),
	},
	{ additionalProperties: false, $id: "NewApiKey" },
);
export type NewApiKey = Static<typeof NewApiKey>;

export const ApiKey = Type.Object(
	{
		id: Type.String({ format: "uuid" }),
		name: Type.String(),
		role: ApiRole,
		prefix: Type.String({ description: "First characters of the key, to recognise it" }),
		createdAt: Type.String({ description: "RFC 3339, UTC" }),
		expiresAt: Type.Optional(Type.String({ description: "RFC 3339, UTC; the key is refused from then on" })),
		revokedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC; the key is refused since then" })),
	},
	{ additionalProperties: false, $id: "ApiKey" },
);
export type ApiKey = Static<typeof ApiKey>;

export const ApiKeyCreated = Type.Object(
	{
		apiKey: ApiKey,
		key: Type.String({ description: "The key; shown this once and not kept" }),
	},
	{ additionalProperties: false, $id: "ApiKeyCreated" },
);
export type ApiKeyCreated = Static<typeof ApiKeyCreated>;

export const ApiKeyList = Type.Object({ items: Type.Array(ApiKey) }, { additionalProperties: false, $id: "ApiKeyList" });
export type ApiKeyList = Static<typeof ApiKeyList>;
