// Queries on the users who opted in to bindings.
import { and, asc, count, eq, type SQL } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { bindingOptIns } from "../database/tables/binding-opt-ins.js";
import { bindings } from "../database/tables/bindings.js";

export interface OptInRow {
	readonly user: string;
	readonly by: string;
	readonly at: Date;
}

/** By user. */
export async function listOptIns(queries: Queries, binding: string): Promise<OptInRow[]> {
	return await queries
		.select({ user: bindingOptIns.user, by: bindingOptIns.by, at: bindingOptIns.at })
		.from(bindingOptIns)
		.where(eq(bindingOptIns.binding, binding))
		.orderBy(asc(bindingOptIns.user));
}

export async function countOptIns(queries: Queries, binding: string): Promise<number> {
	const [row] = await queries.select({ count: count() }).from(bindingOptIns).where(eq(bindingOptIns.binding, binding));
	return row?.count ?? 0;
}

/** True when the user was not in the list. */
export async function addOptIn(queries: Queries, binding: string, user: string, by: string): Promise<boolean> {
	const added = await queries.insert(bindingOptIns).values({ binding, user, by }).onConflictDoNothing().returning();
	return added.length > 0;
}

/** True when the user was in the list. */
export async function deleteOptIn(queries: Queries, binding: string, user: string): Promise<boolean> {
	const deleted = await queries
		.delete(bindingOptIns)
		.where(and(eq(bindingOptIns.binding, binding), eq(bindingOptIns.user, user)))
		.returning();
	return deleted.length > 0;
}

/**
 * Users of the bindings of a tenant that ask for opt-in, sorted, by the binding's id.
 *
 * @param which of the bindings; undefined: all
 */
export async function optedInUsers(queries: Queries, tenant: string, which: SQL | undefined): Promise<Map<string, string[]>> {
	const rows = await queries
		.select({ binding: bindingOptIns.binding, user: bindingOptIns.user })
		.from(bindingOptIns)
		.innerJoin(bindings, eq(bindings.id, bindingOptIns.binding))
		.where(and(eq(bindings.tenant, tenant), eq(bindings.optIn, true), which));
	const users = new Map<string, string[]>();
	for (const { binding, user } of rows) {
		const list = users.get(binding);
		if (list === undefined) users.set(binding, [user]);
		else list.push(user);
	}
	// The order of the database depends on its locale, and equal lists have to give equal tables.
	for (const list of users.values()) list.sort();
	return users;
}
