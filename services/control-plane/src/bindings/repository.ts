// Queries on bindings.
import { and, asc, eq, isNull, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { bindings } from "../database/tables/bindings.js";
import type { RoutingBinding } from "../routing/routing-input.js";

export interface BindingRow extends Omit<RoutingBinding, "users"> {
	readonly id: string;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

/** Everything of a binding that a caller sets. */
export type BindingValues = Omit<RoutingBinding, "plugin" | "assistant" | "users">;

export const DEFAULT_BINDING: BindingValues = {
	enabled: true,
	order: null,
	mode: null,
	onError: null,
	timeoutMs: null,
	config: null,
	percentage: null,
	optIn: null,
	recordPatches: null,
	mandatory: false,
};

function isScope(assistant: string | null) {
	return assistant === null ? isNull(bindings.assistant) : eq(bindings.assistant, assistant);
}

/** Bindings of a plugin: the tenant's first, then assistants by name. */
export async function bindingsOfPlugin(queries: Queries, tenant: string, plugin: string): Promise<BindingRow[]> {
	return await queries
		.select()
		.from(bindings)
		.where(and(eq(bindings.tenant, tenant), eq(bindings.plugin, plugin)))
		.orderBy(sql`${bindings.assistant} ASC NULLS FIRST`);
}

/** Bindings of exactly this scope, by plugin. */
export async function bindingsOfScope(queries: Queries, tenant: string, assistant: string | null): Promise<BindingRow[]> {
	return await queries
		.select()
		.from(bindings)
		.where(and(eq(bindings.tenant, tenant), isScope(assistant)))
		.orderBy(asc(bindings.plugin));
}

export async function findBinding(
	queries: Queries,
	tenant: string,
	plugin: string,
	assistant: string | null,
): Promise<BindingRow | undefined> {
	const [row] = await queries
		.select()
		.from(bindings)
		.where(and(eq(bindings.tenant, tenant), eq(bindings.plugin, plugin), isScope(assistant)));
	return row;
}

/** Makes the binding, or replaces all its settings. */
export async function saveBinding(
	queries: Queries,
	tenant: string,
	plugin: string,
	assistant: string | null,
	values: BindingValues,
): Promise<void> {
	await queries
		.insert(bindings)
		.values({ tenant, plugin, assistant, ...values })
		.onConflictDoUpdate({
			target: [bindings.tenant, bindings.plugin, bindings.assistant],
			set: { ...values, updatedAt: sql`now()` },
		});
}

/** Changes nothing else of the binding. */
export async function setBindingOrder(
	queries: Queries,
	tenant: string,
	plugin: string,
	assistant: string | null,
	order: number,
): Promise<void> {
	await queries
		.update(bindings)
		.set({ order, updatedAt: sql`now()` })
		.where(and(eq(bindings.tenant, tenant), eq(bindings.plugin, plugin), isScope(assistant)));
}

/** True when there was one. */
export async function deleteBinding(
	queries: Queries,
	tenant: string,
	plugin: string,
	assistant: string | null,
): Promise<boolean> {
	const deleted = await queries
		.delete(bindings)
		.where(and(eq(bindings.tenant, tenant), eq(bindings.plugin, plugin), isScope(assistant)))
		.returning({ id: bindings.id });
	return deleted.length > 0;
}
