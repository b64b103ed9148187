// Keeps the ledger of one plugin true to the stream: what all runtimes write there, counted anew where a removal may have been
// missed, and what is dead taken out.
//
//   loading → following → ended   by whoever started it, or because something may have been missed
//          ↘ ended
import type { JetStreamClient, JetStreamManager, StreamInfo } from "nats";
import type { Logger } from "pino";
import { isGone } from "../bus-failure.js";
import type { CountGate } from "./count-gate.js";
import { type Held, Ledger, type Room } from "./ledger.js";
import { type EntryReading, readEntries } from "./read-entries.js";

/** Messages that are taken out at the same time. */
const REMOVALS_AT_ONCE = 8;
/** Dead names above which a write waits until some of them are gone, and how many. */
const MAX_DEAD_NAMES = 1_000;
const MAKE_WAY_NAMES = 32;
/**
 * Least milliseconds between two counts because of writes that do not fit: a flood of them must not become one of counts. Twice as many
 * after each that found nothing new, up to the most.
 */
const COUNT_FOR_ROOM_MS = 1_000;
const MOST_COUNT_FOR_ROOM_MS = 60_000;

export interface StoreStream {
	readonly js: JetStreamClient;
	readonly manager: JetStreamManager;
	/** Name of the stream. */
	readonly stream: string;
	/** Milliseconds since 1970. Clocks of runtimes should agree: one that is fast sees things end early. */
	readonly clock: () => number;
	readonly logger: Logger;
}

/** Whose ledger it is. */
export interface LedgerPlace {
	readonly tenant: string;
	/** Of everything that the plugin keeps. */
	readonly subjects: string;
}

export class LedgerFollower {
	readonly ledger = new Ledger();
	readonly tenant: string;
	/** Rejects when what is there cannot be read. */
	readonly loaded: Promise<void>;
	/** Bytes that the stream may have, once it is loaded. */
	streamBytes = Number.POSITIVE_INFINITY;
	/** Calls that use it now. */
	users = 0;
	/** Milliseconds since 1970. */
	usedAt: number;

	readonly #parts: StoreStream;
	readonly #subjects: string;
	readonly #gate: CountGate;
	readonly #reading: EntryReading;
	/** When the stream was made; sequences of another one mean nothing. */
	#streamCreated = "";
	#countedAt: number;
	#countForRoomMs = COUNT_FOR_ROOM_MS;
	#counting: Promise<void> | undefined;
	#sweeping: Promise<void> | undefined;

	/**
	 * @param gate of all ledgers
	 * @param onLost called when something may have been missed; start another one then
	 */
	constructor(parts: StoreStream, { tenant, subjects }: LedgerPlace, gate: CountGate, onLost: () => void) {
		this.tenant = tenant;
		this.#parts = parts;
		this.#subjects = subjects;
		this.#gate = gate;
		this.usedAt = parts.clock();
		this.#countedAt = this.usedAt;
		this.#reading = readEntries(
			{ ...parts, subjects },
			{ onEntry: (name, held) => this.ledger.delivered(name, held, parts.clock()), onLost },
		);
		this.loaded = Promise.all([this.#reading.loaded, this.#noteStream()]).then(() => undefined);
		// Seen by whoever uses it; one that nobody waits for any more is nobody's unhandled rejection.
		this.loaded.catch(() => undefined);
	}

	/** Room for a write, when there is any. Does not trust the ledger before it says no. */
	async takeRoom(name: string, bytes: number, limitBytes: number): Promise<Room | undefined> {
		const take = () => this.ledger.takeRoom(name, bytes, limitBytes, this.#parts.clock());
		const room = take();
		if (room !== undefined || !(await this.countIfOlder(this.#countForRoomMs))) return room;
		return take();
	}

	/** Takes out some of what is dead when there is too much of it. */
	async makeWay(limitBytes: number): Promise<void> {
		const { deadNames, deadBytes } = this.ledger;
		if (deadNames >= MAX_DEAD_NAMES || deadBytes > limitBytes) await this.sweep(MAKE_WAY_NAMES, 0);
	}

	/** Counts what is in the stream when the last count is so many milliseconds old and no other ledger's is in the way. True when it did. */
	async countIfOlder(ms: number): Promise<boolean> {
		if (this.#counting === undefined) {
			if (this.#parts.clock() - this.#countedAt < ms || !this.#gate.isOpen) return false;
			this.#countedAt = this.#parts.clock();
			this.#counting = this.#gate
				.pass(() => this.#count())
				.finally(() => {
					this.#counting = undefined;
				});
		}
		await this.#counting;
		return true;
	}

	/**
	 * Takes messages that are dead out of the stream. What cannot be taken out now stays for the next time. Never rejects.
	 *
	 * @param most how many at most
	 * @param deadForMs milliseconds that other runtimes have had to learn that they are dead
	 */
	sweep(most: number, deadForMs: number): Promise<void> {
		this.#sweeping ??= this.#sweep(most, deadForMs)
			.catch((thrown: unknown) => {
				this.#parts.logger.debug({ err: thrown, subjects: this.#subjects }, "what is dead could not be removed now");
			})
			.finally(() => {
				this.#sweeping = undefined;
			});
		return this.#sweeping;
	}

	stop(): void {
		this.#reading.stop();
	}

	async #noteStream(): Promise<void> {
		const { created, config } = await this.#streamInfo();
		this.#streamCreated = created;
		// -1: without a limit.
		if (config.max_bytes > 0) this.streamBytes = config.max_bytes;
	}

	#streamInfo(): Promise<StreamInfo> {
		return this.#parts.manager.streams.info(this.#parts.stream);
	}

	async #count(): Promise<void> {
		const found = new Map<string, Held>();
		const upTo = this.ledger.lastSeq;
		const reading = readEntries(
			{ ...this.#parts, subjects: this.#subjects },
			{ onEntry: (name, held) => found.set(name, held), onLost: () => undefined },
		);
		try {
			await reading.loaded;
		} finally {
			reading.stop();
		}
		const isNews = this.ledger.counted(found, upTo, this.#parts.clock());
		this.#countForRoomMs = isNews ? COUNT_FOR_ROOM_MS : Math.min(2 * this.#countForRoomMs, MOST_COUNT_FOR_ROOM_MS);
	}

	async #sweep(most: number, deadForMs: number): Promise<void> {
		const now = this.#parts.clock();
		const dead = this.ledger.sweepable(most, now - deadForMs, now);
		if (dead.length === 0) return;
		// In a stream that was made anew the same sequence is something else, of somebody else.
		if ((await this.#streamInfo()).created !== this.#streamCreated) return;
		const next = async (): Promise<void> => {
			for (let entry = dead.pop(); entry !== undefined; entry = dead.pop()) {
				const [name, { seq }] = entry;
				await removeMessage(this.#parts, seq);
				this.ledger.removed(name, seq);
			}
		};
		await Promise.all(Array.from({ length: REMOVALS_AT_ONCE }, next));
	}
}

/** Takes one message out of the stream, and nothing that came after it under the same subject. */
export async function removeMessage({ manager, stream }: Pick<StoreStream, "manager" | "stream">, seq: number): Promise<void> {
	try {
		await manager.streams.deleteMessage(stream, seq, false);
	} catch (thrown) {
		if (!isGone(thrown)) throw thrown;
	}
}
