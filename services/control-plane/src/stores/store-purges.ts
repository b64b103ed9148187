// Removes from the bus what deleted plugins kept there. States of one request:
//
//   wanted    a row in the database, written with the deletion; while it is there no plugin of that name is in a route table
//             → quiet: the bus has a table without it, and no runtime can run the deleted plugin any more
//   quiet     → removed: everything in the plugin's subjects, up to the last message that was there when it became quiet
//   removed   the row goes; a plugin of the same name that was installed meanwhile comes into a new route table
//
// A crash at any point leaves the row, and all of it can be done again. Whoever runs late (another control plane that stood
// still, say) removes nothing of the new plugin: the end of what it removes was read before the row was found still there.
import { describeError } from "@hookbus/foundation";
import { FILE_STREAM, STATE_STREAM, type StoreKind, storeSubjects } from "@hookbus/schemas";
import type { JetStreamManager } from "nats";
import type { Logger } from "pino";
import { systemActor } from "../audit/actor.js";
import type { ReadyBus } from "../bus/bus-link.js";
import type { Database } from "../database/database.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { findPlugin } from "../plugins/repository.js";
import { commitChange } from "../routing/commit-change.js";
import { readHeld } from "../routing/publish-table.js";
import { forgetPurge, isPurgeWanted, listPurges, type StorePurge } from "./repository.js";

/**
 * Milliseconds after a runtime took a table without the plugin until no event of before can be in its hands: events go on
 * with the table that they began with. A runtime that has no event in hand needs no wait.
 */
const IN_HAND_MS = 120_000;

const STORES: readonly { readonly kind: StoreKind; readonly stream: string }[] = [
	{ kind: "state", stream: STATE_STREAM },
	{ kind: "files", stream: FILE_STREAM },
];

export interface StorePurgesParts {
	readonly database: Database;
	readonly fleet: Pick<RuntimeFleet, "stand">;
	readonly logger: Logger;
}

export class StorePurges {
	readonly #parts: StorePurgesParts;
	/** For each request: when each runtime was first seen without the plugin, performance.now(); -Infinity: nothing in hand. */
	readonly #seen = new Map<string, Map<string, number>>();

	constructor(parts: StorePurgesParts) {
		this.#parts = parts;
	}

	/**
	 * Does what can be done now; the rest waits for the next run. Never rejects.
	 *
	 * @returns true when a route table was compiled anew and has to be published
	 */
	async run({ connection, bus }: ReadyBus): Promise<boolean> {
		const { database, logger } = this.#parts;
		let isChanged = false;
		try {
			const purges = await database.acrossTenants.query(listPurges);
			const keys = new Set(purges.map(keyOf));
			for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key);
			const manager = purges.length === 0 ? undefined : await connection.jetstreamManager();
			for (const purge of purges) {
				// A runtime that starts now must not begin with an older table.
				const held = readHeld(await bus.routes.get(purge.tenant))?.revision ?? 0;
				if (manager === undefined || held < purge.revision || !this.#isQuiet(purge)) continue;
				if (await this.#purge(manager, purge)) isChanged = true;
			}
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "what deleted plugins kept cannot be removed now; it is removed later");
		}
		return isChanged;
	}

	/** True when every live runtime has a table without the plugin, and no event of before. */
	#isQuiet(purge: StorePurge): boolean {
		const stand = this.#parts.fleet.stand(purge.tenant, purge.revision);
		const seen = this.#seen.get(keyOf(purge)) ?? new Map<string, number>();
		this.#seen.set(keyOf(purge), seen);
		const now = performance.now();
		for (const { id, inFlight } of stand.applied) {
			if (inFlight === 0) seen.set(id, Number.NEGATIVE_INFINITY);
			else if (!seen.has(id)) seen.set(id, now);
		}
		const hasNone = stand.applied.every(({ id }) => now - (seen.get(id) ?? now) >= IN_HAND_MS);
		return stand.known && stand.behind.length === 0 && hasNone;
	}

	async #purge(manager: JetStreamManager, purge: StorePurge): Promise<boolean> {
		const { database, logger } = this.#parts;
		const { tenant, plugin, revision } = purge;
		const ends = new Map<string, number>();
		for (const { stream } of STORES) ends.set(stream, (await manager.streams.info(stream)).state.last_seq + 1);
		if (!(await database.of(tenant).query((queries) => isPurgeWanted(queries, purge)))) return false;
		const removed: Record<string, number> = {};
		for (const { kind, stream } of STORES) {
			const filter = storeSubjects(kind, tenant, plugin);
			removed[kind] = (await manager.streams.purge(stream, { filter, seq: ends.get(stream) ?? 0 })).purged;
		}
		const { changed } = await commitChange(database, systemActor(tenant), async (queries) => {
			const isInstalled = (await forgetPurge(queries, purge)) && (await findPlugin(queries, tenant, plugin)) !== undefined;
			const audit = { action: "plugin.purged", target: plugin, detail: { deletedAt: revision } };
			return { result: undefined, audit: isInstalled ? audit : undefined };
		});
		logger.info({ tenant, plugin, removed }, "what a deleted plugin kept was removed from the bus");
		return changed;
	}
}

function keyOf({ tenant, plugin, revision }: StorePurge): string {
	return `${tenant} ${plugin} ${revision}`;
}
