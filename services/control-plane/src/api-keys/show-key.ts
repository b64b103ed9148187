// An API key as REST shows it: everything but the key.
import type { ApiKey } from "@hookbus/schemas";
import type { ApiKeyRow } from "./repository.js";

export function showKey(row: ApiKeyRow): ApiKey {
	return {
		id: row.id,
		name: row.name,
		role: row.role,
		prefix: row.prefix,
		createdAt: row.createdAt.toISOString(),
		...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt.toISOString() }),
		...(row.revokedAt === null ? {} : { revokedAt: row.revokedAt.toISOString() }),
	};
}
