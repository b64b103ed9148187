// The one way to change anything that runtimes see. In one transaction: the tenant is locked, the rows change, the revision
// grows, the route table is compiled from what the rows say now, and it goes into the outbox with an audit row. Either all
// of that is stored or nothing, so neither the fleet nor the audit log can miss a change.
import type { HookPolicy, RouteTable } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { type AuditEntry, recordAudit } from "../audit/record-audit.js";
import { withChecks } from "../config/checked-configs.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { addSnapshot as addPluginSnapshot } from "../history/repository.js";
import { lockTenant, setTenantRevision } from "../tenants/repository.js";
import { compileInSlices } from "./compile-route-table.js";
import { derivePolicy } from "./derive-policy.js";
import { loadRoutingInput } from "./load-routing-input.js";
import { addSnapshot } from "./outbox.js";
import type { RoutingInput } from "./routing-input.js";
import { storeTable } from "./stored-table.js";

/** Largest failure policy in bytes of JSON: it goes to clients in one message, and NATS takes messages of 1 MiB by default. */
const MAX_POLICY_BYTES = 1_000_000;

export interface ChangeOutcome<T> {
	readonly result: T;
	/** What happened, for the audit log; `undefined` when everything was already as asked, and no revision is made. */
	readonly audit: AuditEntry | undefined;
}

export interface Committed<T> {
	readonly result: T;
	/** Revision of the route table that holds the change; the current one when nothing changed. */
	readonly revision: number;
	readonly changed: boolean;
}

export interface CommitOptions {
	/** The new revision is at least this; used when the bus already holds a higher one than the database. */
	readonly minimumRevision?: number;
	readonly now?: () => Date;
}

/** @param revision that the route table will have when something is changed */
export type ChangeWork<T> = (queries: Queries, revision: number) => Promise<ChangeOutcome<T>>;

/**
 * @param work changes rows; it runs with the tenant locked, and what it throws undoes everything. After a CheckNeeded it runs
 * again from the start
 * @throws CodedError `route_table_too_large`, `rollout_running`, `database_unavailable`, and what `work` throws
 */
export function commitChange<T>(
	database: Database,
	actor: Actor,
	work: ChangeWork<T>,
	options: CommitOptions = {},
): Promise<Committed<T>> {
	return withChecks(() => commitOnce(database, actor, work, options));
}

function commitOnce<T>(database: Database, actor: Actor, work: ChangeWork<T>, options: CommitOptions): Promise<Committed<T>> {
	const { tenant } = actor;
	return database.of(tenant).transaction(async (queries) => {
		const current = await lockTenant(queries, tenant);
		await actor.precondition?.(queries);
		const revision = Math.max(current + 1, options.minimumRevision ?? 0);
		const { result, audit } = await work(queries, revision);
		if (audit === undefined) return { result, revision: current, changed: false };
		const compiledAt = (options.now?.() ?? new Date()).toISOString();
		const input = await loadRoutingInput(queries, tenant, revision);
		refuseDuringRollout(input, revision);
		const table = await compileInSlices({ tenant, revision, compiledAt }, input);
		const policy = policyFor(table);
		const stored = await storeTable(table);
		await setTenantRevision(queries, tenant, revision);
		await addSnapshot(queries, { tenant, revision, stored, policy });
		for (const plugin of input.plugins.filter(({ changedRevision }) => changedRevision === revision)) {
			await addPluginSnapshot(queries, { tenant, plugin: plugin.name, revision, by: actor.name }, plugin);
		}
		await recordAudit(queries, actor, audit, revision);
		return { result, revision, changed: true };
	});
}

/** A rollout compares what was there when it began: until it is promoted or stopped, its plugin stays as it is. */
function refuseDuringRollout({ plugins }: RoutingInput, revision: number): void {
	const held = plugins.find(({ changedRevision, candidate }) => changedRevision === revision && candidate !== undefined);
	if (held === undefined) return;
	throw errors.rollout_running(
		`a rollout of ${held.name} ${held.candidate?.version} runs; promote or stop it first, see GET /api/v1/plugins/${held.name}/rollouts`,
	);
}

function policyFor(table: RouteTable): HookPolicy {
	const policy = derivePolicy(table);
	const size = Buffer.byteLength(JSON.stringify(policy));
	if (size <= MAX_POLICY_BYTES) return policy;
	throw errors.route_table_too_large(
		`with this change the failure policy of tenant ${table.tenant} would have ${size} bytes; at most ${MAX_POLICY_BYTES} fit into a message. ` +
			"Bind required plugins for the whole tenant, or for fewer assistants",
	);
}
