// Ends recordings that are full or whose time is over, removes those that are past their retention, and takes off the bus what belongs
// to none: a runtime that still has an older route table may record for one that was deleted just now. A recording is
//
//   running → ended (full, time, stopped) → removed (deleted by somebody, or seven days after its end)
//
// Everything that decides is in the database and on the bus: after a restart the next look decides the same.
import { CodedError, describeError } from "@hookbus/foundation";
import type { RecordingEndReason } from "@hookbus/schemas";
import type { Logger } from "pino";
import { systemActor } from "../audit/actor.js";
import type { BusLink } from "../bus/bus-link.js";
import type { Database } from "../database/database.js";
import { endRecording, removeRecording } from "./change-recording.js";
import { RecordedEvents } from "./recorded-events.js";
import { allRecordingIds, allRunningRecordings, expiredRecordings, type RecordingRow } from "./repository.js";

/** Milliseconds between two looks at those that run. */
const LOOK_MS = 2_000;
/** Looks from one sweep to the next. */
const LOOKS_PER_SWEEP = 15;

export interface RecordingWatchParts {
	readonly database: Database;
	readonly link: BusLink;
	readonly logger: Logger;
	/** Something was committed. */
	readonly onChange: () => void;
	/** Milliseconds between two looks at those that run; default 2,000. */
	readonly lookMs?: number | undefined;
}

export class RecordingWatch {
	readonly #parts: RecordingWatchParts;
	readonly #events: RecordedEvents;
	#timer: NodeJS.Timeout | undefined;
	#looking: Promise<void> | undefined;
	#looks = 0;

	constructor(parts: RecordingWatchParts) {
		this.#parts = parts;
		this.#events = new RecordedEvents(parts.link);
	}

	start(): void {
		this.#timer = setInterval(() => {
			this.#looking ??= this.#look().finally(() => {
				this.#looking = undefined;
			});
		}, this.#parts.lookMs ?? LOOK_MS);
	}

	/** Finishes the look that is under way. Idempotent. */
	async stop(): Promise<void> {
		clearInterval(this.#timer);
		await this.#looking;
	}

	/** Never rejects. */
	async #look(): Promise<void> {
		const { database, link, logger } = this.#parts;
		try {
			for (const recording of await database.acrossTenants.query(allRunningRecordings)) await this.#lookAt(recording);
			this.#looks += 1;
			if (this.#looks % LOOKS_PER_SWEEP !== 1 || link.ready === undefined) return;
			for (const { tenant, id } of await database.acrossTenants.query(expiredRecordings)) {
				await this.#tolerant(() => removeRecording(database, systemActor(tenant), id, "expired"));
			}
			const known = await database.acrossTenants.query(allRecordingIds);
			const swept = await this.#events.sweep((id) => known.has(id));
			if (swept.length > 0) logger.info({ recordings: swept }, "events of recordings that are gone were removed from the bus");
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "recordings cannot be looked after now; tried again");
		}
	}

	async #lookAt(recording: RecordingRow): Promise<void> {
		const reason = await this.#reasonToEnd(recording);
		if (reason === undefined) return;
		await this.#tolerant(() => endRecording(this.#parts.database, systemActor(recording.tenant), recording.id, reason));
	}

	async #reasonToEnd(recording: RecordingRow): Promise<RecordingEndReason | undefined> {
		if (recording.until.getTime() <= Date.now()) return "time";
		if (this.#parts.link.ready === undefined) return undefined;
		return (await this.#events.count(recording)) >= recording.maxEvents ? "full" : undefined;
	}

	/** Somebody else may have removed it meanwhile. */
	async #tolerant(work: () => Promise<unknown>): Promise<void> {
		try {
			await work();
			this.#parts.onChange();
		} catch (thrown) {
			if (!(thrown instanceof CodedError) || thrown.code !== "recording_not_found") throw thrown;
		}
	}
}
