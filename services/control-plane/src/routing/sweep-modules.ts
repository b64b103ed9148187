// Removes modules from the object store that no plugin version has any more, and those that were put there for a replay. Without it every
// deleted plugin would leave its bytes on the bus for good.
import type { Bus } from "@hookbus/foundation";
import { inArray } from "drizzle-orm";
import type { Database } from "../database/database.js";
import { pluginVersions } from "../database/tables/plugin-versions.js";
import { digestsInReplay } from "../replays/repository.js";
import { REPLAY_MODULE } from "./modules-on-bus.js";
import { digestsInTables } from "./outbox.js";

/**
 * @param graceMs modules that were put less than so many milliseconds ago stay; a runtime may still be fetching them for a
 * table that was replaced just now
 * @returns digests that were removed
 */
export async function sweepModules(bus: Bus, database: Database, graceMs: number): Promise<string[]> {
	// Listed first: whatever is in the list was put after its version was committed, so the database knows it.
	const old = (await bus.modules.list()).filter(({ mtime, deleted }) => !deleted && Date.now() - Date.parse(mtime) >= graceMs);
	const digests = old.map(({ name }) => name);
	if (digests.length === 0) return [];
	const rows = await database.acrossTenants.query((queries) =>
		queries.selectDistinct({ digest: pluginVersions.digest }).from(pluginVersions).where(inArray(pluginVersions.digest, digests)),
	);
	const known = new Set(rows.map(({ digest }) => digest));
	const ofReplays = old
		.filter(({ name, description }) => known.has(name) && description === REPLAY_MODULE)
		.map(({ name }) => name);
	const needed = await database.acrossTenants.query(
		async (queries) => new Set([...(await digestsInTables(queries, ofReplays)), ...(await digestsInReplay(queries, ofReplays))]),
	);
	const orphans = [...digests.filter((digest) => !known.has(digest)), ...ofReplays.filter((digest) => !needed.has(digest))];
	for (const digest of orphans) await bus.modules.delete(digest);
	return orphans;
}
