// Stores afterResponse events in the stream, at least once, and once where it can: every attempt carries the same message
// id, so that the stream drops the copy when only its confirmation was lost. Kept in our own bounded buffer, because the
// NATS client would keep them without a limit while it is disconnected.
import { EVENT_STREAM } from "@hookbus/schemas";
import type { JetStreamClient, JetStreamManagerOptions, NatsConnection, PubAck } from "nats";
import type { BuiltEvent } from "./build-event.js";
import type { FailureCode } from "./client-errors.js";
import type { Counters } from "./client-metrics.js";
import type { ReportStatus } from "./client-status.js";
import { type DurableFailure, durableFailure } from "./nats-failures.js";

/** Milliseconds that one attempt waits for the stream's confirmation. */
const ACK_TIMEOUT_MS = 3_000;
/** Attempts that run at once. */
const WINDOW = 64;
/** Milliseconds between two attempts: doubles from the first to the last value; half of it is random. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5_000;
/** Milliseconds between two reports of dropped events; the counters have all of them. */
const REPORT_INTERVAL_MS = 1_000;

/** What became of an afterResponse event. */
export type DurableResult =
	| {
			readonly id: string;
			readonly stored: true;
			/** The stream had this id already: an earlier attempt was stored, or the id was used before. */
			readonly duplicate: boolean;
			readonly attempts: number;
	  }
	| {
			readonly id: string;
			readonly stored: false;
			readonly duplicate: false;
			readonly attempts: number;
			readonly failure: FailureCode;
			/** One sentence for the operator. */
			readonly detail: string;
	  };

type State = "queued" | "sending" | "pausing" | "done";

interface Entry {
	readonly event: BuiltEvent;
	readonly resolve: (result: DurableResult) => void;
	state: State;
	attempts: number;
	pauseMs: number;
	/** pausing: ends the pause. */
	pause: NodeJS.Timeout | undefined;
	/** Gives up after durableMaxWaitMs. */
	expiry: NodeJS.Timeout | undefined;
	last: DurableFailure | undefined;
}

export interface DurablePublisherParts {
	readonly tenant: string;
	readonly bufferBytes: number;
	readonly maxWaitMs: number;
	readonly counters: Counters;
	readonly report: ReportStatus;
	readonly now: () => number;
}

/**
 * States of an entry:
 *
 * | state | entered | left |
 * |---|---|---|
 * | queued | at the start; after a pause; when a connection comes up | connection is up and fewer than 64 attempts run → sending |
 * | sending | from queued | confirmed → done; refused for good → done; else → pausing |
 * | pausing | after a failed attempt | 100 ms to 5 s later, or a new connection → queued |
 * | done | stored, refused, durableMaxWaitMs over, or `giveUp` | never |
 */
export class DurablePublisher {
	readonly #parts: DurablePublisherParts;
	readonly #entries = new Set<Entry>();
	readonly #queue = new Set<Entry>();
	#bytes = 0;
	#sending = 0;
	#jetstream: JetStreamClient | undefined;
	#onIdle: (() => void) | undefined;
	#reportedAt = Number.NEGATIVE_INFINITY;

	constructor(parts: DurablePublisherParts) {
		this.#parts = parts;
	}

	get size(): number {
		return this.#entries.size;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/** Resolves when the stream has confirmed the event, or when it is given up. Never rejects. */
	publish(event: BuiltEvent): Promise<DurableResult> {
		return new Promise((resolve) => {
			const entry: Entry = {
				event,
				resolve,
				state: "queued",
				attempts: 0,
				pauseMs: FIRST_PAUSE_MS,
				pause: undefined,
				expiry: undefined,
				last: undefined,
			};
			const { bufferBytes, maxWaitMs } = this.#parts;
			const wanted = this.#bytes + event.body.length;
			this.#entries.add(entry);
			this.#bytes = wanted;
			if (wanted > bufferBytes) {
				this.#drop(entry, "buffer_full", `${wanted} bytes would wait for the stream, durableBufferBytes is ${bufferBytes}`);
				return;
			}
			entry.expiry = setTimeout(
				() => this.#drop(entry, "timeout", `not confirmed within ${maxWaitMs} ms; last: ${lastOf(entry)}`),
				maxWaitMs,
			);
			this.#queue.add(entry);
			this.#pump();
		});
	}

	/** There is a new connection. */
	linkUp(connection: NatsConnection): void {
		const options: JetStreamManagerOptions = { checkAPI: false, timeout: ACK_TIMEOUT_MS };
		this.#jetstream = connection.jetstream(options);
		for (const entry of this.#entries) {
			if (entry.state === "pausing") this.#requeue(entry);
		}
		this.#pump();
	}

	linkDown(): void {
		this.#jetstream = undefined;
	}

	/** Resolves when nothing waits for the stream. */
	async idle(): Promise<void> {
		if (this.#entries.size === 0) return;
		await new Promise<void>((resolve) => {
			this.#onIdle = resolve;
		});
	}

	/** Resolves everything that waits as not stored. */
	giveUp(detail: string): void {
		for (const entry of this.#entries) this.#drop(entry, "closed", `${detail}; last: ${lastOf(entry)}`);
	}

	#pump(): void {
		for (const entry of this.#queue) {
			if (this.#jetstream === undefined || this.#sending >= WINDOW) return;
			this.#queue.delete(entry);
			void this.#attempt(entry, this.#jetstream);
		}
	}

	async #attempt(entry: Entry, jetstream: JetStreamClient): Promise<void> {
		const { event } = entry;
		entry.state = "sending";
		entry.attempts++;
		if (entry.attempts > 1) this.#parts.counters.durableRetries++;
		this.#sending++;
		let ack: PubAck | undefined;
		try {
			ack = await jetstream.publish(event.subject, event.body, {
				msgID: `${this.#parts.tenant}.${event.id}`,
				timeout: ACK_TIMEOUT_MS,
				expect: { streamName: EVENT_STREAM },
			});
		} catch (cause) {
			entry.last = durableFailure(cause);
		}
		this.#sending--;
		// A stored event may have been given up while it was on its way; its caller has been told otherwise by then.
		if (entry.state === "sending") {
			if (ack !== undefined) this.#stored(entry, ack.duplicate);
			else if (entry.last !== undefined && !entry.last.retryable) this.#drop(entry, entry.last.failure, entry.last.detail);
			else this.#pause(entry);
		}
		this.#pump();
	}

	#pause(entry: Entry): void {
		entry.state = "pausing";
		const ms = entry.pauseMs / 2 + (Math.random() * entry.pauseMs) / 2;
		entry.pauseMs = Math.min(entry.pauseMs * 2, LAST_PAUSE_MS);
		entry.pause = setTimeout(() => {
			this.#requeue(entry);
			this.#pump();
		}, ms);
	}

	#requeue(entry: Entry): void {
		clearTimeout(entry.pause);
		entry.state = "queued";
		this.#queue.add(entry);
	}

	#stored(entry: Entry, duplicate: boolean): void {
		this.#parts.counters.durableStored++;
		if (duplicate) this.#parts.counters.durableDuplicates++;
		this.#finish(entry, { id: entry.event.id, stored: true, duplicate, attempts: entry.attempts });
	}

	#drop(entry: Entry, failure: FailureCode, detail: string): void {
		const { counters, report, now } = this.#parts;
		const { id } = entry.event;
		counters.durableDropped[failure]++;
		if (now() - this.#reportedAt >= REPORT_INTERVAL_MS) {
			this.#reportedAt = now();
			report({ type: "event_dropped", id, failure, detail });
		}
		this.#finish(entry, { id, stored: false, duplicate: false, attempts: entry.attempts, failure, detail });
	}

	#finish(entry: Entry, result: DurableResult): void {
		entry.state = "done";
		clearTimeout(entry.pause);
		clearTimeout(entry.expiry);
		this.#queue.delete(entry);
		if (this.#entries.delete(entry)) this.#bytes -= entry.event.body.length;
		entry.resolve(result);
		if (this.#entries.size === 0) this.#onIdle?.();
	}
}

function lastOf(entry: Entry): string {
	return entry.last === undefined ? "it was never sent" : `${entry.last.failure}, ${entry.last.detail}`;
}
