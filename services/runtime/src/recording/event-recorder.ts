// Publishes copies of events for the recordings that run. Nothing here is on an event's way: what is offered is copied into a bounded
// buffer, and one loop takes it from there; what does not fit is dropped and counted, so recording never costs an event.
//
// A place of a recording is a subject that takes one message. All runtimes take the places in their order, and one that is taken is
// passed over, so together they record as many events as were asked for and no more, without asking each other.
import { describeError } from "@hookbus/foundation";
import {
	type EventAddress,
	eventSubject,
	RECORDED_SUBJECT_HEADER,
	type RoutedRecording,
	recordedSubject,
} from "@hookbus/schemas";
import { headers, type JetStreamClient, NatsError } from "nats";
import type { Logger } from "pino";
import { bucketOf } from "../chain/step-audience.js";
import type { RuntimeMetrics } from "../reporting/metrics.js";
import { peekEvent } from "../threads/settle-in-main.js";

/** Most events and bytes that wait. */
const MAX_WAITING = 256;
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** Most bytes that one runtime records for one recording: the stream belongs to all tenants. */
const MAX_RECORDING_BYTES = 64 * 1024 * 1024;
const PUBLISH_TIMEOUT_MS = 2_000;
/** The server's words for a place that is taken; it has one code for all that keeps it from storing. */
const TAKEN = "maximum messages per subject exceeded";

export interface EventRecorderParts {
	readonly js: Pick<JetStreamClient, "publish">;
	readonly metrics: Pick<RuntimeMetrics, "recorded">;
	readonly logger: Logger;
}

interface Progress {
	/** The next place to try. */
	place: number;
	bytes: number;
}

interface Waiting {
	readonly recording: RoutedRecording;
	readonly address: EventAddress;
	readonly body: Uint8Array;
}

export class EventRecorder {
	readonly #parts: EventRecorderParts;
	readonly #progress = new Map<string, Progress>();
	#waiting: Waiting[] = [];
	#bytes = 0;
	#working: Promise<void> | undefined;
	#stopped = false;

	constructor(parts: EventRecorderParts) {
		this.#parts = parts;
	}

	/** Takes copies of an event for those of the recordings that want it. Returns at once and never throws. */
	offer(recordings: readonly RoutedRecording[], address: EventAddress, body: Uint8Array): void {
		for (const recording of recordings) {
			if (this.#stopped || !this.#wants(recording, address)) continue;
			if (this.#waiting.length >= MAX_WAITING || this.#bytes + body.length > MAX_WAITING_BYTES) {
				this.#parts.metrics.recorded("dropped");
				continue;
			}
			this.#waiting.push({ recording, address, body: Uint8Array.from(body) });
			this.#bytes += body.length;
			this.#working ??= this.#work().finally(() => {
				this.#working = undefined;
			});
		}
	}

	/** Forgets all recordings but these. */
	retain(recordings: ReadonlySet<string>): void {
		for (const id of this.#progress.keys()) if (!recordings.has(id)) this.#progress.delete(id);
	}

	/** Finishes what is being sent, and drops the rest. */
	async stop(): Promise<void> {
		this.#stopped = true;
		for (const _dropped of this.#waiting.splice(0)) this.#parts.metrics.recorded("dropped");
		await this.#working;
	}

	#wants({ id, hook, assistant, until, maxEvents }: RoutedRecording, address: EventAddress): boolean {
		if (hook !== undefined && hook !== address.hook) return false;
		if (assistant !== undefined && assistant !== address.assistant) return false;
		const { place, bytes } = this.#progressOf(id);
		return place <= maxEvents && bytes < MAX_RECORDING_BYTES && Date.now() < Date.parse(until);
	}

	#progressOf(id: string): Progress {
		let progress = this.#progress.get(id);
		if (progress === undefined) {
			progress = { place: 1, bytes: 0 };
			this.#progress.set(id, progress);
		}
		return progress;
	}

	async #work(): Promise<void> {
		// The event that was offered goes on first.
		await new Promise((resolve) => setImmediate(resolve));
		for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
			this.#bytes -= next.body.length;
			if (isInShare(next)) await this.#record(next);
		}
	}

	/** Never rejects. */
	async #record({ recording, address, body }: Waiting): Promise<void> {
		const { metrics, logger } = this.#parts;
		const progress = this.#progressOf(recording.id);
		try {
			while (progress.place <= recording.maxEvents) {
				const isStored = await this.#publish(recordedSubject(address.tenant, recording.id, progress.place), address, body);
				progress.place += 1;
				if (!isStored) continue;
				progress.bytes += body.length;
				metrics.recorded("recorded");
				return;
			}
		} catch (thrown) {
			metrics.recorded("dropped");
			logger.warn({ recording: recording.id, error: describeError(thrown) }, "an event could not be recorded");
		}
	}

	/** False: the place is taken. */
	async #publish(subject: string, address: EventAddress, body: Uint8Array): Promise<boolean> {
		const head = headers();
		head.set(RECORDED_SUBJECT_HEADER, eventSubject(address));
		try {
			await this.#parts.js.publish(subject, body, { headers: head, timeout: PUBLISH_TIMEOUT_MS });
			return true;
		} catch (thrown) {
			if (thrown instanceof NatsError && thrown.api_error?.description?.includes(TAKEN)) return false;
			throw thrown;
		}
	}
}

function isInShare({ recording, address, body }: Waiting): boolean {
	if (recording.below === undefined) return true;
	const event = peekEvent(body);
	if (event === undefined) return false;
	return bucketOf(address.tenant, recording.id, event.conversation ?? event.id) < recording.below;
}
