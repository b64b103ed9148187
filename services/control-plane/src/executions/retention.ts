// Deletes executions and figures whose retention is over, an hour apart and a few thousand at a time, so that no delete holds locks or
// memory for long.
import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "@hookbus/foundation";
import type { Logger } from "pino";
import type { Database } from "../database/database.js";
import type { ControlPlaneMetrics } from "../metrics.js";
import { deleteOlderThan, deleteOldFigures } from "./repository.js";

const HOUR_MS = 3_600_000;
const ROWS_AT_ONCE = 5_000;

export interface Retention {
	/** Deletes what is due now. Never rejects. */
	run(): Promise<void>;
	start(): void;
	/** Ends after the rows in hand. Idempotent. */
	stop(): Promise<void>;
}

/** @param days executions that started longer ago are deleted */
export function createRetention(database: Database, days: number, metrics: ControlPlaneMetrics, logger: Logger): Retention {
	let timer: NodeJS.Timeout | undefined;
	let stopped = false;
	let running: Promise<void> = Promise.resolve();
	const deleteDue = async (): Promise<void> => {
		try {
			for (let deleted = ROWS_AT_ONCE; deleted === ROWS_AT_ONCE && !stopped; ) {
				deleted = await database.acrossTenants.query((queries) => deleteOlderThan(queries, days, ROWS_AT_ONCE));
				metrics.executionsDeleted.inc(deleted);
				// Others get their turn on the one connection that PGlite has.
				await delay(1);
			}
			if (!stopped) await database.acrossTenants.query((queries) => deleteOldFigures(queries, days));
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "executions past their retention cannot be deleted now");
		}
	};
	const run = (): Promise<void> => {
		running = running.then(deleteDue);
		return running;
	};
	return {
		run,
		start() {
			timer = setInterval(() => void run(), HOUR_MS);
			void run();
		},
		async stop() {
			stopped = true;
			clearInterval(timer);
			await running;
		},
	};
}
