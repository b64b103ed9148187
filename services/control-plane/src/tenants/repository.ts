// Queries on tenants.
import { eq } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { tenants } from "../database/tables/tenants.js";

/** The tenant that the first start makes. */
export const DEFAULT_TENANT = "default";

/** Makes the tenant when it is not there. */
export async function ensureTenant(queries: Queries, tenant: string): Promise<void> {
	await queries.insert(tenants).values({ id: tenant }).onConflictDoNothing();
}

export type TenantRow = typeof tenants.$inferSelect;

/** Makes the tenant; `undefined` when it is there already. */
export async function createTenant(queries: Queries, tenant: string): Promise<TenantRow | undefined> {
	const [row] = await queries.insert(tenants).values({ id: tenant }).onConflictDoNothing().returning();
	return row;
}

export async function listTenants(queries: Queries): Promise<TenantRow[]> {
	return await queries.select().from(tenants).orderBy(tenants.id);
}

/**
 * Locks the tenant until the transaction ends and returns its revision: every change of a tenant begins here, so changes
 * of one tenant come one after the other.
 */
export async function lockTenant(queries: Queries, tenant: string): Promise<number> {
	const [row] = await queries.select({ revision: tenants.revision }).from(tenants).where(eq(tenants.id, tenant)).for("update");
	if (row === undefined) throw new Error(`tenant ${tenant} has an API key and no row`);
	return row.revision;
}

export async function setTenantRevision(queries: Queries, tenant: string, revision: number): Promise<void> {
	await queries.update(tenants).set({ revision }).where(eq(tenants.id, tenant));
}

export async function tenantRevision(queries: Queries, tenant: string): Promise<number> {
	const [row] = await queries.select({ revision: tenants.revision }).from(tenants).where(eq(tenants.id, tenant));
	return row?.revision ?? 0;
}

export async function tenantExists(queries: Queries, tenant: string): Promise<boolean> {
	return (await queries.select({ id: tenants.id }).from(tenants).where(eq(tenants.id, tenant))).length > 0;
}

export async function allTenants(queries: Queries): Promise<string[]> {
	const rows = await queries.select({ id: tenants.id }).from(tenants).orderBy(tenants.id);
	return rows.map(({ id }) => id);
}
