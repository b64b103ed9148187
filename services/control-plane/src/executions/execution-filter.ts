// Which executions are meant: the one translation of a filter into SQL, so that pages, the live feed and figures can never
// disagree about what a filter leaves.
import { type ExecutionStatusFilter, type HookName, type Outcome, outcomesOf } from "@hookbus/schemas";
import { eq, gte, inArray, lt, type SQL, sql } from "drizzle-orm";
import { executions } from "../database/tables/executions.js";

export interface ExecutionFilter {
	readonly plugin?: string | undefined;
	readonly version?: string | undefined;
	readonly assistant?: string | undefined;
	readonly conversation?: string | undefined;
	readonly user?: string | undefined;
	readonly event?: string | undefined;
	readonly hook?: HookName | undefined;
	readonly outcome?: Outcome | undefined;
	readonly status?: ExecutionStatusFilter | undefined;
	/** Started at this time or later. */
	readonly since?: Date | undefined;
	/** Started before this time. */
	readonly until?: Date | undefined;
}

/** What a row must fulfil, the tenant included. */
export function conditions(tenant: string, filter: ExecutionFilter): SQL[] {
	const found: (SQL | undefined)[] = [
		eq(executions.tenant, tenant),
		filter.plugin === undefined ? undefined : eq(executions.plugin, filter.plugin),
		filter.version === undefined ? undefined : eq(executions.version, filter.version),
		filter.assistant === undefined ? undefined : eq(executions.assistant, filter.assistant),
		filter.conversation === undefined ? undefined : eq(executions.conversation, filter.conversation),
		filter.user === undefined ? undefined : eq(executions.user, filter.user),
		filter.event === undefined ? undefined : eq(executions.eventId, filter.event),
		filter.hook === undefined ? undefined : eq(executions.hook, filter.hook),
		...(filter.outcome === undefined ? [] : isOneOf([filter.outcome])),
		...(filter.status === undefined ? [] : isOneOf(outcomesOfFilter(filter.status))),
		filter.since === undefined ? undefined : gte(executions.startedAt, filter.since),
		filter.until === undefined ? undefined : lt(executions.startedAt, filter.until),
	];
	return found.filter((condition) => condition !== undefined);
}

function outcomesOfFilter(status: ExecutionStatusFilter): Outcome[] {
	return status === "not_ok" ? outcomesOf("failed", "configuration", "timeout", "denied", "refused") : outcomesOf(status);
}

/** Said twice where "ok" is not among them: the planner cannot see from parameters that the index of errors will do. */
function isOneOf(outcomes: readonly Outcome[]): SQL[] {
	const wanted = inArray(executions.outcome, [...outcomes]);
	return outcomes.includes("ok") ? [wanted] : [wanted, sql`${executions.outcome} <> 'ok'`];
}
