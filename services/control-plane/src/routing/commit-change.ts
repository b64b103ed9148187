// The one way to change anything that runtimes see. In one transaction: the tenant is locked, the rows change, the revision
// grows, the route table is compiled from what the rows say now, and it goes into the outbox with an audit row. Either all
// of that is stored or nothing, so neither the fleet nor the audit log can miss a change.
import type { Actor } from "../audit/actor.js";
import { type AuditEntry, recordAudit } from "../audit/record-audit.js";
import { CheckNeeded } from "../config/checked-configs.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { addSnapshot as addPluginSnapshot } from "../history/repository.js";
import { lockTenant, setTenantRevision } from "../tenants/repository.js";
import { compileRouteTable } from "./compile-route-table.js";
import { derivePolicy } from "./derive-policy.js";
import { loadRoutingInput } from "./load-routing-input.js";
import { addSnapshot } from "./outbox.js";
import type { RoutingInput } from "./routing-input.js";

/**
 * Largest route table in bytes of JSON. NATS takes messages of 1 MiB by default; one that is larger could never be published,
 * and all later changes of the tenant would wait behind it.
 */
export const MAX_ROUTE_TABLE_BYTES = 1_000_000;

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

/** Attempts of one change; each further one because what had to be checked was changed by another change meanwhile. */
const ATTEMPTS = 5;

/** @param revision that the route table will have when something is changed */
export type ChangeWork<T> = (queries: Queries, revision: number) => Promise<ChangeOutcome<T>>;

/**
 * @param work changes rows; it runs with the tenant locked, and what it throws undoes everything. After a CheckNeeded it runs
 * again from the start
 * @throws CodedError `route_table_too_large`, `rollout_running`, `database_unavailable`, and what `work` throws
 */
export async function commitChange<T>(
	database: Database,
	actor: Actor,
	work: ChangeWork<T>,
	options: CommitOptions = {},
): Promise<Committed<T>> {
	for (let attempt = 1; ; attempt += 1) {
		try {
			return await commitOnce(database, actor, work, options);
		} catch (thrown) {
			if (!(thrown instanceof CheckNeeded)) throw thrown;
			if (attempt === ATTEMPTS)
				throw errors.change_contended("others changed the same configuration again and again meanwhile; try again");
			await thrown.run();
		}
	}
}

function commitOnce<T>(database: Database, actor: Actor, work: ChangeWork<T>, options: CommitOptions): Promise<Committed<T>> {
	const { tenant } = actor;
	return database.transaction(async (queries) => {
		const current = await lockTenant(queries, tenant);
		await actor.precondition?.(queries);
		const revision = Math.max(current + 1, options.minimumRevision ?? 0);
		const { result, audit } = await work(queries, revision);
		if (audit === undefined) return { result, revision: current, changed: false };
		const compiledAt = (options.now?.() ?? new Date()).toISOString();
		const input = await loadRoutingInput(queries, tenant);
		refuseDuringRollout(input, revision);
		const table = compileRouteTable({ tenant, revision, compiledAt }, input);
		refuseTooLarge(table);
		await setTenantRevision(queries, tenant, revision);
		await addSnapshot(queries, { tenant, revision, table, policy: derivePolicy(table) });
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

function refuseTooLarge(table: ReturnType<typeof compileRouteTable>): void {
	const size = Buffer.byteLength(JSON.stringify(table));
	if (size <= MAX_ROUTE_TABLE_BYTES) return;
	const users = Object.entries(table.userConfigs ?? {}).map(([key, own]): [string, unknown] => [`users' own for ${key}`, own]);
	const [largest] = [...Object.entries<unknown>(table.plugins), ...users]
		.map(([key, part]) => ({ key, size: Buffer.byteLength(JSON.stringify(part)) }))
		.sort((a, b) => b.size - a.size);
	throw errors.route_table_too_large(
		`with this change the route table of tenant ${table.tenant} would have ${size} bytes; at most ${MAX_ROUTE_TABLE_BYTES} fit into a message. ` +
			`Largest in it: ${largest?.key ?? "the bindings"} (${largest?.size ?? size} bytes); shorten its tools or configuration, or bind fewer assistants`,
	);
}
