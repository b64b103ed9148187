// What plugins keep on the bus, for one of the two stores: small values (state, and keys used once) or files. It is the stream
// itself, read from its leader, so that all runtimes see the same: the last message of a subject is the value, and a write that
// depends on what was there names the message that it replaces.
//
// Whose things are worked on is said by the host (Owner); a plugin's own names stand encoded in the last token of the subject
// and can reach nobody else's.
//
// Limits: bytes of names and values, and a number of names, for each plugin and tenant. They are held against a ledger that
// follows the stream, so what several runtimes write within the milliseconds that a message takes can pass them, by as much as
// that is. What was removed or has ended makes room: at once where that happened, elsewhere when the message arrives.
//
// So that one tenant cannot fill a store for all, its plugins together may keep a part of the stream. That is approximate: it counts
// what plugins keep that were used in this runtime of late, without what the stream adds to each message. Where tenants are hostile
// and have many plugins, an operator gives the streams more room, or gives each of these tenants a bus of its own.
//
// A write that failed because the bus did not answer may have been done, or be done when the bus is back.
import { FILE_STREAM, STATE_STREAM, type StoreKind, storeSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import { BUS_TIMEOUT_MS, busFailure, isAbsent, isChanged, isFull } from "../bus-failure.js";
import { BusLink } from "../bus-link.js";
import { untilAborted } from "../until-aborted.js";
import { FollowedLedgers, MAX_LEDGERS, type Owner, STORE_PACE, type StorePace } from "./followed-ledgers.js";
import { type LedgerFollower, removeMessage, type StoreStream } from "./ledger-follower.js";
import { expiryHeaders, FOR_EVER, goneFrom, REMOVED, readExpiry } from "./stored-entry.js";

const STREAMS: Readonly<Record<StoreKind, string>> = { state: STATE_STREAM, files: FILE_STREAM };
/** One tenant's part of a stream. */
const TENANT_SHARE = 1 / 4;
const NOTHING = new Uint8Array();

export interface PluginStoreParts {
	readonly kind: StoreKind;
	/** Its streams must exist, see ensureBus. It is not closed. */
	readonly connection: NatsConnection;
	readonly logger: Logger;
	/** Milliseconds since 1970; default: the system's clock. */
	readonly clock?: () => number;
	/** Default: STORE_PACE. */
	readonly pace?: StorePace;
	/** Plugins whose ledgers are followed at the same time; each costs memory here and a consumer in the server. Default: 1,024. */
	readonly maxLedgers?: number;
	/** Bytes of names and values that the plugins of one tenant may keep in this store, together. Default: a quarter of the stream. */
	readonly tenantBytes?: number;
}

/** What stands under a name. */
export interface Found {
	/** Sequence of the message; 0: there is none. */
	readonly seq: number;
	/** `undefined`: nothing is kept there, or not any more. */
	readonly value: Uint8Array | undefined;
	/** Milliseconds since 1970; Infinity: for ever. */
	readonly expiresAt: number;
}

export interface Write {
	readonly value: Uint8Array;
	/** Milliseconds since 1970; Infinity: for ever. */
	readonly expiresAt: number;
	/** Bytes of all names and values that the plugin may keep. */
	readonly limitBytes: number;
	/** Write only when this is still the message under the name (0: none); default: whatever is there. */
	readonly replaces?: number;
}

/** `no_room`: over the limits of the plugin or of its tenant; `changed`: another message is there than was to be replaced. Nothing was written then. */
export type Written = "kept" | "no_room" | "changed";

export class PluginStore {
	readonly #kind: StoreKind;
	readonly #stream: StoreStream;
	readonly #pace: StorePace;
	readonly #ledgers: FollowedLedgers;
	readonly #link: BusLink;
	readonly #tenantBytes: number | undefined;

	private constructor(
		{ kind, connection, pace }: Pick<Required<PluginStoreParts>, "kind" | "connection" | "pace">,
		stream: StoreStream,
		ledgers: FollowedLedgers,
		tenantBytes: number | undefined,
	) {
		this.#tenantBytes = tenantBytes;
		this.#kind = kind;
		this.#stream = stream;
		this.#pace = pace;
		this.#ledgers = ledgers;
		this.#link = new BusLink(connection, () => this.#ledgers.endAll());
	}

	static async open({
		kind,
		connection,
		logger,
		clock = Date.now,
		pace = STORE_PACE,
		maxLedgers = MAX_LEDGERS,
		tenantBytes,
	}: PluginStoreParts): Promise<PluginStore> {
		const options = { timeout: BUS_TIMEOUT_MS, checkAPI: false };
		const manager = await connection.jetstreamManager(options);
		const stream = { js: connection.jetstream(options), manager, stream: STREAMS[kind], clock, logger };
		const ledgers = new FollowedLedgers(kind, stream, pace, maxLedgers);
		return new PluginStore({ kind, connection, pace }, stream, ledgers, tenantBytes);
	}

	/** Ledgers that gave way to those of other plugins so far, for counters. When it grows all the time, `maxLedgers` is too low. */
	get evictions(): number {
		return this.#ledgers.evictions;
	}

	/** Milliseconds since 1970, by the clock that decides what has ended. */
	now(): number {
		return this.#stream.clock();
	}

	/**
	 * What is kept under a name, from the stream's leader.
	 *
	 * @throws HostCallError `host_error`; the signal's reason
	 */
	async read(owner: Owner, name: string, signal: AbortSignal): Promise<Found> {
		return this.#asked(signal, "read", () => this.#look(this.#subject(owner, name)));
	}

	/** @throws HostCallError `host_error`; the signal's reason */
	async write(owner: Owner, name: string, write: Write, signal: AbortSignal): Promise<Written> {
		return this.#asked(signal, "written", () =>
			this.#ledgers.use(owner, async (followed) => {
				await followed.makeWay(write.limitBytes);
				const room = await followed.takeRoom(name, bytesOf(name, write.value), write.limitBytes);
				if (room === undefined) return "no_room";
				try {
					const tenantBytes = this.#tenantBytes ?? followed.streamBytes * TENANT_SHARE;
					if (room.bytes > 0 && this.#ledgers.heldBytes(owner.tenant) > tenantBytes) return "no_room";
					signal.throwIfAborted();
					return (await this.#publish(followed, owner, name, write)) ? "kept" : "changed";
				} finally {
					room.release();
				}
			}),
		);
	}

	/**
	 * Removes what is kept under a name, if anything is.
	 *
	 * @throws HostCallError `host_error`; the signal's reason
	 */
	async remove(owner: Owner, name: string, limitBytes: number, signal: AbortSignal): Promise<void> {
		await this.#asked(signal, "removed", () =>
			this.#ledgers.use(owner, async (followed) => {
				await followed.makeWay(limitBytes);
				const known = followed.ledger.seqOf(name);
				if (known !== undefined && (await this.#bury(followed, owner, name, known, signal))) return;
				const { seq, value } = await this.#look(this.#subject(owner, name));
				// When that fails somebody writes it in this moment, which is as if it came after the removal.
				if (value !== undefined) await this.#bury(followed, owner, name, seq, signal);
			}),
		);
	}

	/**
	 * The first `most` names that begin with a prefix, in the order of their UTF-16 code units. Has all that this runtime wrote,
	 * and what others did but for the last milliseconds.
	 *
	 * @throws HostCallError `host_error`; the signal's reason
	 */
	async names(owner: Owner, prefix: string, most: number, signal: AbortSignal): Promise<string[]> {
		return this.#asked(signal, "listed", () =>
			this.#ledgers.use(owner, async (followed) => {
				await followed.countIfOlder(this.#pace.sweepMs);
				return followed.ledger.names(prefix, most, this.now());
			}),
		);
	}

	/** Reads what a plugin keeps anew at its next use. The stream does not tell followers what was removed from it as a whole. */
	forget(owner: Owner): void {
		this.#ledgers.endOf(owner);
	}

	/** Stops following. What plugins keep stays. */
	stop(): void {
		this.#ledgers.stop();
	}

	/** One thing that is asked of the bus: not without a connection, and not past the call's time. */
	async #asked<T>(signal: AbortSignal, done: string, work: () => Promise<T>): Promise<T> {
		this.#link.requireConnected();
		try {
			return await untilAborted(signal, work);
		} catch (thrown) {
			throw busFailure(thrown, `what the plugin keeps cannot be ${done}`);
		}
	}

	#subject(owner: Owner, name: string): string {
		return storeSubject(this.#kind, owner.tenant, owner.plugin, name);
	}

	async #look(subject: string): Promise<Found> {
		const { manager, stream } = this.#stream;
		const now = this.now();
		try {
			const message = await manager.streams.getMessage(stream, { last_by_subj: subject });
			const expiresAt = readExpiry(message.header);
			if (expiresAt > now) return { seq: message.seq, value: message.data, expiresAt };
			this.#clear(message.seq, now - goneFrom(expiresAt, message.time.getTime(), now));
			return { seq: message.seq, value: undefined, expiresAt };
		} catch (thrown) {
			if (isAbsent(thrown)) return { seq: 0, value: undefined, expiresAt: FOR_EVER };
			throw thrown;
		}
	}

	/** Takes out what was met and has been dead for long enough. */
	#clear(seq: number, deadForMs: number): void {
		if (deadForMs < this.#pace.graceMs) return;
		removeMessage(this.#stream, seq).catch((thrown: unknown) => {
			this.#stream.logger.debug({ err: thrown }, "what is dead could not be removed now");
		});
	}

	/** True when it was written, false when another message is there than was to be replaced. */
	async #publish(
		followed: LedgerFollower,
		owner: Owner,
		name: string,
		{ value, expiresAt, replaces }: Pick<Write, "value" | "expiresAt" | "replaces">,
	): Promise<boolean> {
		try {
			const { seq } = await this.#stream.js.publish(this.#subject(owner, name), value, {
				headers: expiryHeaders(expiresAt),
				...(replaces === undefined ? {} : { expect: { lastSubjectSequence: replaces } }),
			});
			const now = this.now();
			followed.ledger.acknowledged(name, { seq, bytes: bytesOf(name, value), expiresAt: goneFrom(expiresAt, now, now) }, now);
			return true;
		} catch (thrown) {
			if (isChanged(thrown)) return false;
			throw thrown;
		}
	}

	/** Puts a removed one in the place of a message. True when that message was still there. */
	async #bury(followed: LedgerFollower, owner: Owner, name: string, seq: number, signal: AbortSignal): Promise<boolean> {
		signal.throwIfAborted();
		try {
			return await this.#publish(followed, owner, name, { value: NOTHING, expiresAt: REMOVED, replaces: seq });
		} catch (thrown) {
			// Not even for this is there room. Other runtimes learn of it when they count.
			if (!isFull(thrown)) throw thrown;
			await removeMessage(this.#stream, seq);
			followed.ledger.removed(name, seq);
			return true;
		}
	}
}

/** What counts: the name and the value, in bytes. */
function bytesOf(name: string, value: Uint8Array): number {
	return Buffer.byteLength(name) + value.byteLength;
}
