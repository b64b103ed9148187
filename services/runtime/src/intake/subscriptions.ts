// Keeps the NATS subscriptions equal to what has bindings. A subject without bindings has no subscriber, so its publisher
// learns at once ("no responders") and goes on.

import { describeError } from "@hookbus/foundation";
import { RUNTIME_QUEUE } from "@hookbus/schemas";
import type { Msg, NatsConnection, Subscription } from "nats";
import type { Logger } from "pino";

export class Subscriptions {
	readonly #connection: NatsConnection;
	readonly #onMessage: (message: Msg) => void;
	readonly #logger: Logger;
	readonly #open = new Map<string, Subscription>();

	constructor(connection: NatsConnection, onMessage: (message: Msg) => void, logger: Logger) {
		this.#connection = connection;
		this.#onMessage = onMessage;
		this.#logger = logger;
	}

	/** Subscribes to what is new and drains what is gone. Resolves when the server knows. */
	async set(subjects: ReadonlySet<string>): Promise<void> {
		for (const subject of subjects) {
			if (!this.#open.has(subject)) this.#open.set(subject, this.#subscribe(subject));
		}
		const gone = [...this.#open.keys()].filter((subject) => !subjects.has(subject));
		await Promise.all(gone.map((subject) => this.#drain(subject)));
		await this.#connection.flush();
	}

	/** Stops intake: after this the server sends nothing more, and what it had sent was handed on. */
	async drain(): Promise<void> {
		await Promise.all([...this.#open.keys()].map((subject) => this.#drain(subject)));
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
