// Which plugins have handled a durable event, kept in a key-value bucket. JetStream delivers at least once and forgets
// duplicates after two minutes; with these marks an event that comes again, to whichever runtime, runs only what is missing.
import { doneMarkKey } from "@hookbus/foundation";
import type { KV } from "nats";

export interface DoneMark {
	/** Plugins that are through with the event. */
	readonly plugins: readonly string[];
}

const NO_MARK: DoneMark = { plugins: [] };

export class DoneMarks {
	readonly #bucket: KV;

	constructor(bucket: KV) {
		this.#bucket = bucket;
	}

	async get(tenant: string, eventId: string): Promise<DoneMark> {
		const entry = await this.#bucket.get(doneMarkKey(tenant, eventId));
		if (entry === null || entry.operation !== "PUT") return NO_MARK;
		return entry.json<DoneMark>();
	}

	async put(tenant: string, eventId: string, mark: DoneMark): Promise<void> {
		await this.#bucket.put(doneMarkKey(tenant, eventId), Buffer.from(JSON.stringify(mark)));
	}
}
