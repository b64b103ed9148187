// Writes one row of the audit log, in the transaction of the change that it records. Every change comes by here, so here its
// Idempotency-Key learns that it has had its effect.
import type { Queries } from "../database/database.js";
import { auditLog } from "../database/tables/audit-log.js";
import type { Actor } from "./actor.js";

export interface AuditEntry {
	/** Such as `plugin.install`. */
	readonly action: string;
	/** What was changed: a plugin's name, a key's id. */
	readonly target: string;
	/** What was asked for. Never a secret: values of secrets are left out by the caller. */
	readonly detail: Record<string, unknown>;
}

export async function recordAudit(queries: Queries, actor: Actor, entry: AuditEntry, revision: number | null): Promise<void> {
	await queries.insert(auditLog).values({
		tenant: actor.tenant,
		actor: actor.keyId === undefined ? actor.name : `${actor.name} (${actor.keyId})`,
		action: entry.action,
		target: entry.target,
		detail: entry.detail,
		revision,
		request: actor.request ?? null,
	});
	await actor.made?.(queries);
}
