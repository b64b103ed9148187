// Makes the bus hold what the database says for one tenant, whatever happened to either: buckets wiped, a NATS server with
// older data, or a database restored from a backup while the bus holds newer tables. In the last case publishing would be
// ignored (revisions only grow), so the tenant's revision is raised above the bus's first.
import type { Bus } from "@hookbus/foundation";
import type { Logger } from "pino";
import { systemActor } from "../audit/actor.js";
import type { Database } from "../database/database.js";
import { commitChange } from "./commit-change.js";
import type { ModulesOnBus } from "./modules-on-bus.js";
import { markSent, newestSnapshot, type Snapshot } from "./outbox.js";
import { publishTable, readHeld } from "./publish-table.js";

export interface ReconcileParts {
	readonly database: Database;
	readonly modules: ModulesOnBus;
	readonly logger: Logger;
}

/** Rejects when bus or database cannot be reached. */
export async function reconcileTenant(parts: ReconcileParts, bus: Bus, tenant: string): Promise<void> {
	// The bus is read first: what it holds was committed before, so a higher number there than in the database, read
	// afterwards, cannot come from a change that was merely not seen yet.
	const held = readHeld(await bus.routes.get(tenant))?.revision ?? 0;
	const snapshot = await parts.database.of(tenant).query((queries) => newestSnapshot(queries, tenant));
	if (snapshot === undefined && held === 0) return;
	if (snapshot !== undefined && held <= snapshot.revision) {
		const outcome = await publishTable(bus, snapshot, parts.modules);
		if (outcome === "published") {
			await parts.database.of(tenant).transaction((queries) => markSent(queries, snapshot));
			return;
		}
		// outdated: a newer one was committed and published meanwhile, which is for its own relay to mark.
		if (outcome === "outdated" && (await isAhead(parts, tenant, snapshot))) return;
	}
	await raise(parts, bus, tenant, held);
}

async function isAhead({ database }: ReconcileParts, tenant: string, seen: Snapshot): Promise<boolean> {
	const newest = await database.of(tenant).query((queries) => newestSnapshot(queries, tenant));
	return newest !== undefined && newest.revision > seen.revision;
}

async function raise({ database, modules, logger }: ReconcileParts, bus: Bus, tenant: string, held: number): Promise<void> {
	const highest = Math.max(held, readHeld(await bus.routes.get(tenant))?.revision ?? 0);
	const { revision } = await commitChange(
		database,
		systemActor(tenant),
		async () => ({
			result: undefined,
			audit: { action: "routes.raise", target: tenant, detail: { held: highest } },
		}),
		{ minimumRevision: highest + 1 },
	);
	logger.warn(
		{ tenant, held: highest, revision },
		"the bus held a route table that the database does not know (database restored?); revision raised and published anew",
	);
	const snapshot = await database.of(tenant).query((queries) => newestSnapshot(queries, tenant));
	if (snapshot === undefined) return;
	if ((await publishTable(bus, snapshot, modules)) === "published") {
		await database.of(tenant).transaction((queries) => markSent(queries, snapshot));
	}
}
