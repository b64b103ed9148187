// Queries on trusted publishers and the tenant's policy.
import type { TrustedPublisher } from "@hookbus/schemas";
import { and, eq, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { trustedPublishers, trustPolicies } from "../database/tables/index.js";

export interface PublisherRow {
	/** SHA-256 of the public key, hex. */
	readonly keyId: string;
	readonly publicKey: string;
	readonly name: string;
	readonly addedAt: Date;
	readonly addedBy: string;
}

export interface PolicyRow {
	readonly requireSignature: boolean;
	readonly changedAt: Date;
	readonly changedBy: string;
}

function isPublisher(tenant: string, keyId: string) {
	return and(eq(trustedPublishers.tenant, tenant), eq(trustedPublishers.keyId, keyId));
}

export async function findPublisher(queries: Queries, tenant: string, keyId: string): Promise<PublisherRow | undefined> {
	const [row] = await queries.select().from(trustedPublishers).where(isPublisher(tenant, keyId));
	return row;
}

/** By name. */
export async function listPublishers(queries: Queries, tenant: string): Promise<PublisherRow[]> {
	return await queries
		.select()
		.from(trustedPublishers)
		.where(eq(trustedPublishers.tenant, tenant))
		.orderBy(trustedPublishers.name, trustedPublishers.keyId);
}

export async function insertPublisher(
	queries: Queries,
	tenant: string,
	added: Omit<PublisherRow, "addedAt">,
): Promise<PublisherRow> {
	const [row] = await queries
		.insert(trustedPublishers)
		.values({ tenant, ...added })
		.returning();
	if (row === undefined) throw new Error("the inserted publisher did not come back");
	return row;
}

export async function deletePublisher(queries: Queries, tenant: string, keyId: string): Promise<void> {
	await queries.delete(trustedPublishers).where(isPublisher(tenant, keyId));
}

/** undefined: it was never changed, so nothing is demanded. */
export async function findPolicy(queries: Queries, tenant: string): Promise<PolicyRow | undefined> {
	const [row] = await queries.select().from(trustPolicies).where(eq(trustPolicies.tenant, tenant));
	return row;
}

export async function savePolicy(queries: Queries, tenant: string, requireSignature: boolean, changedBy: string): Promise<void> {
	const changed = { requireSignature, changedBy, changedAt: sql`now()` };
	await queries
		.insert(trustPolicies)
		.values({ tenant, requireSignature, changedBy })
		.onConflictDoUpdate({ target: trustPolicies.tenant, set: changed });
}

export function showPublisher({ keyId, name, publicKey, addedAt, addedBy }: PublisherRow): TrustedPublisher {
	return { keyId, name, publicKey, addedAt: addedAt.toISOString(), addedBy };
}
