// The way to change what runtimes do not see, such as whom a tenant trusts: no revision is made and nothing goes into the outbox.
// The tenant is locked as in commitChange, so that such a change and an install cannot cross, and an If-Match is looked at with the
// lock held: without that, two admins who decided on the same list could both change it.
import type { Actor } from "../audit/actor.js";
import type { Database, Queries } from "../database/database.js";
import { lockTenant } from "../tenants/repository.js";

/**
 * @param work changes rows and writes the audit log; what it throws undoes everything. It gets the revision of the route table, which stays
 * @throws CodedError `precondition_failed`, `database_unavailable`, and what `work` throws
 */
export function commitUnrouted<T>(
	database: Database,
	actor: Actor,
	work: (queries: Queries, revision: number) => Promise<T>,
): Promise<T> {
	return database.of(actor.tenant).transaction(async (queries) => {
		const revision = await lockTenant(queries, actor.tenant);
		await actor.precondition?.(queries);
		return await work(queries, revision);
	});
}
