// Reads what stands under the subjects of one plugin, without the values: first all that is there, then each change as it comes.
import { setTimeout as delay } from "node:timers/promises";
import { storedName } from "@hookbus/schemas";
import { consumerOpts, type JetStreamClient, type JetStreamSubscription, type JsMsg } from "nats";
import { failed } from "../host-call-errors.js";
import type { Held } from "./ledger.js";
import { goneFrom, readExpiry } from "./stored-entry.js";

/** Milliseconds between two looks at how much is still to come. */
const LOOK_MS = 20;
/** Milliseconds that reading all that is there may take; ten thousand names take a tenth of a second. */
const LOAD_MS = 5_000;
/** Size of a message whose body was left out; set by the server. */
const SIZE = "Nats-Msg-Size";

export interface EntryReading {
	/** All that was there at the start was read. Rejects when that fails. */
	readonly loaded: Promise<void>;
	stop(): void;
}

export interface EntryListener {
	onEntry(name: string, held: Held): void;
	/** Something may have been missed; nothing more comes. Not called after `stop`. */
	onLost(): void;
}

export interface EntrySource {
	readonly js: JetStreamClient;
	readonly stream: string;
	/** Subjects of one plugin. */
	readonly subjects: string;
	/** Milliseconds since 1970. */
	readonly clock: () => number;
}

export function readEntries(source: EntrySource, listener: EntryListener): EntryReading {
	let subscription: JetStreamSubscription | undefined;
	let stopped = false;
	let received = 0;
	let expected = Number.POSITIVE_INFINITY;
	let wake: () => void = () => undefined;

	const end = (): void => {
		stopped = true;
		subscription?.unsubscribe();
		// The server removes the consumer by itself when it cannot be told.
		subscription?.destroy().catch(() => undefined);
	};

	const take = (failure: unknown, message: JsMsg | null): void => {
		if (stopped) return;
		received += 1;
		// The client makes a new consumer where it missed something; that one counts from 1, and does not tell what went meanwhile.
		if (failure !== null || message === null || message.info.deliverySequence !== received) {
			end();
			listener.onLost();
			return;
		}
		const name = storedName(message.subject);
		const now = source.clock();
		listener.onEntry(name, {
			seq: message.seq,
			bytes: Buffer.byteLength(name) + Number(message.headers?.get(SIZE) ?? 0),
			expiresAt: goneFrom(readExpiry(message.headers), message.info.timestampNanos / 1e6, now),
		});
		if (received >= expected) wake();
	};

	/** True when all that was there at the start has come. */
	const loadedAll = async (from: JetStreamSubscription): Promise<boolean> => {
		const { num_pending, delivered } = await from.consumerInfo();
		// Less than at first when something was replaced or removed before it could be delivered.
		expected = Math.min(expected, num_pending + delivered.consumer_seq);
		if (received < expected) {
			const woken = new Promise<void>((resolve) => {
				wake = resolve;
			});
			await Promise.race([woken, delay(LOOK_MS)]);
		}
		return received >= expected;
	};

	const load = async (): Promise<void> => {
		const options = consumerOpts();
		options.orderedConsumer();
		options.bindStream(source.stream);
		options.headersOnly();
		options.deliverLastPerSubject();
		options.callback(take);
		const deadline = performance.now() + LOAD_MS;
		subscription = await source.js.subscribe(source.subjects, options);
		while (!stopped && performance.now() < deadline) {
			if (await loadedAll(subscription)) return;
		}
		throw failed(`counting what the plugin keeps was not done after ${LOAD_MS} ms`);
	};

	const loaded = load().catch((thrown: unknown) => {
		end();
		throw thrown;
	});
	return { loaded, stop: end };
}
