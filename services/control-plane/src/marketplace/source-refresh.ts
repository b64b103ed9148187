// Fetches the indexes of all sources again and again, so that recalls arrive without anybody asking. One that fails is tried again
// with the next round; until then the source says why.
import { describeError } from "@hookbus/foundation";
import type { Logger } from "pino";
import { storable } from "../checks/unstorable-text.js";
import { refreshSource, type SourceParts } from "./change-sources.js";
import { allSources, type SourceRow, saveFetchError } from "./repository.js";

export interface SourceRefresh {
	start(): void;
	/** Ends after the source in hand. Idempotent. */
	stop(): Promise<void>;
}

/** @param everyMs milliseconds between two rounds */
export function createSourceRefresh(parts: SourceParts, everyMs: number, logger: Logger): SourceRefresh {
	let timer: NodeJS.Timeout | undefined;
	let stopped = false;
	let running: Promise<void> | undefined;
	const refresh = async (source: SourceRow): Promise<void> => {
		try {
			await refreshSource(parts, source);
		} catch (thrown) {
			const why = storable(describeError(thrown));
			logger.warn({ tenant: source.tenant, source: source.name, error: why }, "the index of a marketplace was not taken");
			await parts.database.of(source.tenant).transaction((queries) => saveFetchError(queries, source.id, why));
		}
	};
	const round = async (): Promise<void> => {
		try {
			for (const source of await parts.database.acrossTenants.query(allSources)) {
				if (stopped) return;
				await refresh(source);
			}
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "the marketplaces cannot be refreshed now");
		}
	};
	const run = (): void => {
		// A round that takes longer than the time between two is not joined by another one.
		running ??= round().finally(() => {
			running = undefined;
		});
	};
	return {
		start() {
			timer = setInterval(run, everyMs);
			run();
		},
		async stop() {
			stopped = true;
			clearInterval(timer);
			await running;
		},
	};
}
