// Keeps the NATS subscriptions equal to what has bindings. A subject without bindings has no subscriber, so its publisher
// learns at once ("no responders") and goes on.

import { describeError, TimeSlices } from "@hookbus/foundation";
import { RUNTIME_QUEUE } from "@hookbus/schemas";
import type { Msg, NatsConnection, Subscription } from "nats";
import type { Logger } from "pino";

export class Subscriptions {
	readonly #connection: NatsConnection;
	readonly #onMessage: (message: Msg) => void;
	readonly #logger: Logger;
	readonly #open = new Map<string, Subscription>();
	/** Settles when the call before is done. */
	#tail: Promise<unknown> = Promise.resolve();
	#ended = false;

	constructor(connection: NatsConnection, onMessage: (message: Msg) => void, logger: Logger) {
		this.#connection = connection;
		this.#onMessage = onMessage;
		this.#logger = logger;
	}

	/**
	 * Subscribes to what is new and drains what is gone. Resolves when the server knows.
	 *
	 * @param subjects asked for when the calls before are done: what they knew may be outdated by then
	 */
	set(subjects: () => ReadonlySet<string>): Promise<void> {
		const set = this.#tail.then(() => this.#set(subjects()));
		this.#tail = set.catch(() => undefined);
		return set;
	}

	/** Stops intake: after this the server sends nothing more, and what it had sent was handed on. */
	async drain(): Promise<void> {
		this.#ended = true;
		await Promise.all([...this.#open.keys()].map((subject) => this.#drain(subject)));
	}

	/** In slices of time: a table can have thousands of subjects. */
	async #set(subjects: ReadonlySet<string>): Promise<void> {
		const slices = new TimeSlices();
		for (const subject of subjects) {
			if (this.#ended) return;
			if (!this.#open.has(subject)) this.#open.set(subject, this.#subscribe(subject));
			if (slices.isOver()) await slices.pause();
		}
		const drained: Promise<void>[] = [];
		for (const subject of [...this.#open.keys()].filter((open) => !subjects.has(open))) {
			drained.push(this.#drain(subject));
			if (slices.isOver()) await slices.pause();
		}
		await Promise.all(drained);
		await this.#connection.flush();
	}

	#subscribe(subject: string): Subscription {
		return this.#connection.subscribe(subject, {
			queue: RUNTIME_QUEUE,
			callback: (failure, message) => {
				if (failure === null) this.#onMessage(message);
				else this.#logger.error({ subject, error: describeError(failure) }, "subscription failed");
			},
		});
	}

	async #drain(subject: string): Promise<void> {
		const subscription = this.#open.get(subject);
		this.#open.delete(subject);
		try {
			await subscription?.drain();
		} catch (thrown) {
			this.#logger.warn({ subject, error: describeError(thrown) }, "subscription could not be drained");
		}
	}
}
