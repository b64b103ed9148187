// After an upgrade the newest stored tables may have the shape of the release before, which runtimes of this one refuse: no
// plugin would run until somebody changed something. They are compiled anew from the rows, which the migrations did bring along.
import { CodedError, unpackTable } from "@hookbus/foundation";
import { isRouteTable } from "@hookbus/schemas";
import type { Logger } from "pino";
import { systemActor } from "../audit/actor.js";
import type { Database } from "../database/database.js";
import { allTenants } from "../tenants/repository.js";
import { commitChange } from "./commit-change.js";
import { newestSnapshot } from "./outbox.js";
import type { StoredTable } from "./stored-table.js";

/** Once at each start is enough: what this release stores has its shape. Rejects when the database cannot be reached. */
export async function recompileOutdated(database: Database, logger: Logger): Promise<void> {
	for (const tenant of await database.acrossTenants.query(allTenants)) {
		const { revision, changed } = await commitChange(database, systemActor(tenant), async (queries) => {
			const snapshot = await newestSnapshot(queries, tenant);
			const isOutdated = snapshot !== undefined && !(await isReadable(snapshot.stored));
			const audit = { action: "routes.recompile", target: tenant, detail: { outdated: snapshot?.revision } };
			return { result: undefined, audit: isOutdated ? audit : undefined };
		});
		if (changed) logger.info({ tenant, revision }, "the stored route table has the shape of an older release; compiled anew");
	}
}

async function isReadable({ table, packed }: StoredTable): Promise<boolean> {
	if (packed === undefined) return isRouteTable(table);
	try {
		await unpackTable(packed.entry, packed.content);
		return true;
	} catch (thrown) {
		if (thrown instanceof CodedError) return false;
		throw thrown;
	}
}
