// Queries on API keys. Nothing here returns a hash.
import type { ApiRole } from "@hookbus/schemas";
import { and, eq, gt, isNull, or, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { apiKeys } from "../database/tables/api-keys.js";
import type { MadeKey } from "./make-key.js";

export interface ApiKeyRow {
	readonly id: string;
	readonly tenant: string;
	readonly name: string;
	readonly role: ApiRole;
	readonly prefix: string;
	readonly createdAt: Date;
	/** null: it does not expire. */
	readonly expiresAt: Date | null;
	readonly revokedAt: Date | null;
}

const shown = {
	id: apiKeys.id,
	tenant: apiKeys.tenant,
	name: apiKeys.name,
	role: apiKeys.role,
	prefix: apiKeys.prefix,
	createdAt: apiKeys.createdAt,
	expiresAt: apiKeys.expiresAt,
	revokedAt: apiKeys.revokedAt,
};

export interface NewKey {
	readonly tenant: string;
	readonly name: string;
	readonly role: ApiRole;
	/** null: it does not expire. */
	readonly expiresAt: Date | null;
	readonly made: MadeKey;
}

export async function insertKey(queries: Queries, { tenant, name, role, expiresAt, made }: NewKey): Promise<ApiKeyRow> {
	const [row] = await queries
		.insert(apiKeys)
		.values({ tenant, name, role, expiresAt, prefix: made.prefix, hash: made.hash })
		.returning(shown);
	if (row === undefined) throw new Error("the inserted API key did not come back");
	return row;
}

/**
 * The key with this hash, unless it was revoked or has expired by the database's clock. What is compared is the SHA-256 of 32
 * random bytes, so the time that the index takes tells nothing from which anyone gets to a key.
 */
export async function findActiveKey(queries: Queries, hash: string): Promise<ApiKeyRow | undefined> {
	const [row] = await queries
		.select(shown)
		.from(apiKeys)
		.where(
			and(eq(apiKeys.hash, hash), isNull(apiKeys.revokedAt), or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`))),
		);
	return row;
}

/** Also one that was revoked or has expired, to know whose it was. */
export async function findKeyByHash(queries: Queries, hash: string): Promise<ApiKeyRow | undefined> {
	const [row] = await queries.select(shown).from(apiKeys).where(eq(apiKeys.hash, hash));
	return row;
}

/** Oldest first. */
export async function listKeys(queries: Queries, tenant: string): Promise<ApiKeyRow[]> {
	return await queries.select(shown).from(apiKeys).where(eq(apiKeys.tenant, tenant)).orderBy(apiKeys.createdAt, apiKeys.id);
}

export async function findKey(queries: Queries, tenant: string, id: string): Promise<ApiKeyRow | undefined> {
	const [row] = await queries
		.select(shown)
		.from(apiKeys)
		.where(and(eq(apiKeys.tenant, tenant), eq(apiKeys.id, id)));
	return row;
}

/** Admin keys that stay: not revoked, and without an end. */
export async function countLastingAdmins(queries: Queries, tenant: string): Promise<number> {
	const rows = await queries
		.select({ id: apiKeys.id })
		.from(apiKeys)
		.where(and(eq(apiKeys.tenant, tenant), eq(apiKeys.role, "admin"), isNull(apiKeys.revokedAt), isNull(apiKeys.expiresAt)));
	return rows.length;
}

export async function revokeKey(queries: Queries, tenant: string, id: string): Promise<void> {
	await queries
		.update(apiKeys)
		.set({ revokedAt: sql`now()` })
		.where(and(eq(apiKeys.tenant, tenant), eq(apiKeys.id, id), isNull(apiKeys.revokedAt)));
}
