// A rollout as REST shows it: while it runs with what both versions did so far, afterwards with what they had done in the end.
import type { Rollout } from "@hookbus/schemas";
import type { Queries } from "../database/database.js";
import { armFigures, type RolloutRow } from "./repository.js";

export async function showRollout(queries: Queries, row: RolloutRow): Promise<Rollout> {
	return {
		id: row.id,
		plugin: row.plugin,
		version: row.version,
		from: row.fromVersion,
		mode: row.mode,
		percentage: row.percentage,
		...(row.maxErrorRate === null ? {} : { maxErrorRate: row.maxErrorRate }),
		...(row.maxP95Ms === null ? {} : { maxP95Ms: row.maxP95Ms }),
		minEvents: row.minEvents,
		state: row.state,
		startedAt: row.startedAt.toISOString(),
		startedBy: row.startedBy,
		...(row.endedAt === null ? {} : { endedAt: row.endedAt.toISOString() }),
		...(row.endedBy === null ? {} : { endedBy: row.endedBy }),
		...(row.reason === null ? {} : { reason: row.reason }),
		arms: row.arms ?? (await armFigures(queries, row)),
	};
}
