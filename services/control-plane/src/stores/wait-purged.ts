// Waits until a plugin that was installed again is free of what the one before it kept; until then it is in no route table, and
// an answer that says "applied" would be wrong.
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { pause } from "../pause.js";
import { findPlugin } from "../plugins/repository.js";
import { tenantRevision } from "../tenants/repository.js";
import { purgingPlugins } from "./repository.js";

/** Milliseconds between two looks. */
const LOOK_MS = 200;

export interface PurgeWait {
	readonly tenant: string;
	readonly plugin: string;
	/** Revision of the change that is waited for. */
	readonly revision: number;
	/** performance.now() */
	readonly deadline: number;
	/** Milliseconds that the caller gave, for the message. */
	readonly waitMs: number;
	readonly signal: AbortSignal;
}

/**
 * @returns the revision that has the change: the given one when there was nothing to wait for
 * @throws CodedError `not_applied_in_time`
 */
export async function waitPurged(database: Database, wanted: PurgeWait): Promise<number> {
	const { tenant, plugin, revision, deadline, waitMs, signal } = wanted;
	for (let looks = 0; ; looks += 1) {
		const isHeld = await database
			.of(tenant)
			.query(
				async (queries) =>
					(await purgingPlugins(queries, tenant)).has(plugin) && (await findPlugin(queries, tenant, plugin))?.enabled === true,
			);
		if (!isHeld) return looks === 0 ? revision : await database.of(tenant).query((queries) => tenantRevision(queries, tenant));
		if (performance.now() >= deadline || signal.aborted) {
			throw errors.not_applied_in_time(
				`the change is stored as revision ${revision} and will be applied; after ${waitMs} ms what an earlier plugin ${plugin} kept ` +
					"was not removed yet, because runtimes still had events of it in hand or could not be reached",
			);
		}
		await pause(LOOK_MS, signal);
	}
}
