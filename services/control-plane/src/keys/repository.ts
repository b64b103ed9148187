// Queries on the data keys of tenants.
import type { DataKey, DataKeys } from "@hookbus/foundation";
import { and, eq } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { tenantKeys } from "../database/tables/tenant-keys.js";

export type DataKeyRow = typeof tenantKeys.$inferSelect;

/** Of one tenant or of all, oldest first. */
export async function dataKeyRows(queries: Queries, tenant?: string): Promise<DataKeyRow[]> {
	return await queries
		.select()
		.from(tenantKeys)
		.where(tenant === undefined ? undefined : eq(tenantKeys.tenant, tenant))
		.orderBy(tenantKeys.tenant, tenantKeys.createdAt);
}

/** All of the tenant's, by their id. */
export async function dataKeysOf(queries: Queries, tenant: string): Promise<DataKeys> {
	return Object.fromEntries((await dataKeyRows(queries, tenant)).map(({ id, wrapped }) => [id, wrapped]));
}

/** The one that seals; `undefined` before the tenant's first secret. */
export async function currentDataKey(queries: Queries, tenant: string): Promise<DataKeyRow | undefined> {
	const [row] = await queries
		.select()
		.from(tenantKeys)
		.where(and(eq(tenantKeys.tenant, tenant), eq(tenantKeys.state, "current")));
	return row;
}

/** Makes it the tenant's current one, unless there is one already. */
export async function addDataKey(queries: Queries, tenant: string, key: DataKey): Promise<void> {
	await queries
		.insert(tenantKeys)
		.values({ tenant, ...key })
		.onConflictDoNothing();
}

/** From now on the tenant's current key opens only. */
export async function retireDataKey(queries: Queries, tenant: string): Promise<void> {
	await queries
		.update(tenantKeys)
		.set({ state: "retired" })
		.where(and(eq(tenantKeys.tenant, tenant), eq(tenantKeys.state, "current")));
}

export async function saveWrapped(queries: Queries, tenant: string, { id, wrapped }: DataKey): Promise<void> {
	await queries
		.update(tenantKeys)
		.set({ wrapped })
		.where(and(eq(tenantKeys.tenant, tenant), eq(tenantKeys.id, id)));
}

export async function deleteDataKey(queries: Queries, tenant: string, id: string): Promise<void> {
	await queries.delete(tenantKeys).where(and(eq(tenantKeys.tenant, tenant), eq(tenantKeys.id, id)));
}
