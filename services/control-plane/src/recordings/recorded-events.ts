// Reads recorded events straight from their stream, and removes them. Everything here asks for subjects of one recording, which the
// caller has found under its tenant, so another tenant's events are not there.
import { describeError } from "@hookbus/foundation";
import {
	type EventAddress,
	parseEventSubject,
	parseRecordedSubject,
	RECORDED_SUBJECT_HEADER,
	RECORDING_STREAM,
	RECORDING_SUBJECTS,
	recordedSubject,
	recordedSubjects,
} from "@hookbus/schemas";
import { type JetStreamManager, NatsError, type StoredMsg } from "nats";
import type { BusLink } from "../bus/bus-link.js";
import { errors } from "../errors.js";

const MESSAGE_NOT_FOUND = 10037;
/** Bound of what one page reads; behind it the page ends, with a cursor. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

export interface StoredEvent {
	/** Place in the recording, from 1. */
	readonly place: number;
	readonly address: EventAddress;
	/** RFC 3339, UTC. */
	readonly time: string;
	/** As it was published. */
	readonly body: Uint8Array;
}

export interface RecordingKey {
	readonly tenant: string;
	readonly id: string;
}

export class RecordedEvents {
	readonly #link: BusLink;

	constructor(link: BusLink) {
		this.#link = link;
	}

	/** Events of a recording so far. Rejects with `bus_unavailable`. */
	count(recording: RecordingKey): Promise<number> {
		return this.#asking((manager) => lastPlace(manager, recording));
	}

	/** The event at a place; `undefined` when there is none. Rejects with `bus_unavailable`. */
	find(recording: RecordingKey, place: number): Promise<StoredEvent | undefined> {
		return this.#asking((manager) => read(manager, recording, place));
	}

	/** In the order of their places, behind `after`. Rejects with `bus_unavailable`. */
	page(recording: RecordingKey, limit: number, after: number): Promise<{ items: StoredEvent[]; last: number | undefined }> {
		return this.#asking(async (manager) => {
			const items: StoredEvent[] = [];
			const end = await lastPlace(manager, recording);
			let bytes = 0;
			let place = after;
			while (place < end && items.length < limit && bytes < MAX_PAGE_BYTES) {
				place += 1;
				const event = await read(manager, recording, place);
				if (event === undefined) continue;
				items.push(event);
				bytes += event.body.length;
			}
			return { items, last: place < end ? place : undefined };
		});
	}

	/** Removes all events of a recording. Rejects with `bus_unavailable`. */
	async purge({ tenant, id }: RecordingKey): Promise<void> {
		await this.#asking((manager) => manager.streams.purge(RECORDING_STREAM, { filter: recordedSubjects(tenant, id) }));
	}

	/** Removes the events of recordings that are not known, and returns which these were. Rejects with `bus_unavailable`. */
	sweep(isKnown: (id: string) => boolean): Promise<string[]> {
		return this.#asking(async (manager) => {
			const { state } = await manager.streams.info(RECORDING_STREAM);
			if (state.messages === 0) return [];
			const info = await manager.streams.info(RECORDING_STREAM, { subjects_filter: RECORDING_SUBJECTS });
			const orphans = new Map<string, RecordingKey>();
			for (const subject of Object.keys(info.state.subjects ?? {})) {
				const parsed = parseRecordedSubject(subject);
				if (parsed !== undefined && !isKnown(parsed.recording))
					orphans.set(parsed.recording, { tenant: parsed.tenant, id: parsed.recording });
			}
			for (const { tenant, id } of orphans.values()) {
				await manager.streams.purge(RECORDING_STREAM, { filter: recordedSubjects(tenant, id) });
			}
			return [...orphans.keys()];
		});
	}

	async #asking<T>(work: (manager: JetStreamManager) => Promise<T>): Promise<T> {
		const { ready } = this.#link;
		if (ready === undefined) throw unavailable(`NATS is ${this.#link.state}`);
		try {
			return await work(await ready.connection.jetstreamManager({ checkAPI: false }));
		} catch (thrown) {
			if (!(thrown instanceof NatsError)) throw thrown;
			throw unavailable(describeError(thrown), thrown);
		}
	}
}

/** Places are taken in their order, so this is how many events there are. */
async function lastPlace(manager: JetStreamManager, { tenant, id }: RecordingKey): Promise<number> {
	const last = await readLast(manager, recordedSubjects(tenant, id));
	return last === undefined ? 0 : (parseRecordedSubject(last.subject)?.place ?? 0);
}

async function read(manager: JetStreamManager, { tenant, id }: RecordingKey, place: number): Promise<StoredEvent | undefined> {
	const message = await readLast(manager, recordedSubject(tenant, id, place));
	const address = message && parseEventSubject(message.header.get(RECORDED_SUBJECT_HEADER));
	// Whoever may write into the stream must not make an event of another tenant of it.
	if (message === undefined || address === undefined || address.tenant !== tenant) return undefined;
	return { place, address, time: message.time.toISOString(), body: message.data };
}

async function readLast(manager: JetStreamManager, subject: string): Promise<StoredMsg | undefined> {
	try {
		return await manager.streams.getMessage(RECORDING_STREAM, { last_by_subj: subject });
	} catch (thrown) {
		if (thrown instanceof NatsError && thrown.api_error?.err_code === MESSAGE_NOT_FOUND) return undefined;
		throw thrown;
	}
}

function unavailable(why: string, cause?: Error) {
	return errors.bus_unavailable(`the bus cannot serve this request now (${why}); try again in a few seconds`, {
		...(cause === undefined ? {} : { cause }),
	});
}
