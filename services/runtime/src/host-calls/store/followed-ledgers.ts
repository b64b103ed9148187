// The ledgers of the plugins that keep something now. Each costs memory here and a consumer in the server, so there is a bounded
// number: one that is not used for a while ends, and the one used longest ago gives way to a new one. What plugins keep stays.
import { setTimeout as delay } from "node:timers/promises";
import { type StoreKind, storeSubjects } from "@hookbus/schemas";
import { CountGate } from "./count-gate.js";
import { LedgerFollower, type LedgerPlace, type StoreStream } from "./ledger-follower.js";

/** Default of how many ledgers are followed at the same time. */
export const MAX_LEDGERS = 1_024;
/** Messages that one sweep of one ledger takes out. */
const SWEEP_NAMES = 1_000;

/** How often things are done; milliseconds. */
export interface StorePace {
	/** Between two sweeps. */
	readonly sweepMs: number;
	/** That a removed or ended name stays in the stream, for the followers in other runtimes to see it. */
	readonly graceMs: number;
	/** Until a ledger that nobody uses ends. */
	readonly idleMs: number;
	/** Between two counts of a ledger that is in use, besides those that a full store causes. */
	readonly countMs: number;
}

export const STORE_PACE: StorePace = { sweepMs: 10_000, graceMs: 10_000, idleMs: 5 * 60_000, countMs: 10 * 60_000 };

/** Whose things. The host says it, never the plugin. */
export interface Owner {
	readonly tenant: string;
	readonly plugin: string;
}

export class FollowedLedgers {
	readonly #kind: StoreKind;
	readonly #stream: StoreStream;
	readonly #pace: StorePace;
	readonly #gate = new CountGate();
	readonly #maxLedgers: number;
	/** By subjects; the one used longest ago first. */
	readonly #followers = new Map<string, LedgerFollower>();
	readonly #ending = new AbortController();
	#evictions = 0;

	/** @param maxLedgers at the same time; more than these only while as many calls are running */
	constructor(kind: StoreKind, stream: StoreStream, pace: StorePace, maxLedgers: number) {
		this.#maxLedgers = maxLedgers;
		this.#kind = kind;
		this.#stream = stream;
		this.#pace = pace;
		void this.#keepClean();
	}

	/** Ledgers that gave way to others so far. Their plugins' next use reads everything anew: when it grows all the time, they are too few. */
	get evictions(): number {
		return this.#evictions;
	}

	/**
	 * Works with the ledger of a plugin, which has all that is in the stream.
	 *
	 * @throws whatever the work or reading the ledger throws
	 */
	async use<T>(owner: Owner, work: (followed: LedgerFollower) => Promise<T>): Promise<T> {
		const subjects = storeSubjects(this.#kind, owner.tenant, owner.plugin);
		const followed = this.#followers.get(subjects) ?? this.#start({ tenant: owner.tenant, subjects });
		this.#followers.delete(subjects);
		this.#followers.set(subjects, followed);
		followed.users += 1;
		try {
			await followed.loaded;
			return await work(followed);
		} finally {
			followed.users -= 1;
			followed.usedAt = this.#stream.clock();
		}
	}

	/** Bytes that all plugins of a tenant hold, as far as their ledgers are followed here. */
	heldBytes(tenant: string): number {
		let bytes = 0;
		for (const followed of this.#followers.values()) if (followed.tenant === tenant) bytes += followed.ledger.heldBytes;
		return bytes;
	}

	/** The next use by this plugin begins anew. */
	endOf({ tenant, plugin }: Owner): void {
		this.#end(storeSubjects(this.#kind, tenant, plugin));
	}

	/** Everything may be missed from now on: the next use begins anew. */
	endAll(): void {
		for (const subjects of [...this.#followers.keys()]) this.#end(subjects);
	}

	stop(): void {
		this.#ending.abort();
		this.endAll();
	}

	#start(place: LedgerPlace): LedgerFollower {
		const { subjects } = place;
		const followed = new LedgerFollower(this.#stream, place, this.#gate, () => this.#end(subjects, followed));
		followed.loaded.catch(() => this.#end(subjects, followed));
		this.#followers.set(subjects, followed);
		for (const [other, { users }] of this.#followers) {
			if (this.#followers.size <= this.#maxLedgers) break;
			if (users > 0 || other === subjects) continue;
			this.#end(other);
			this.#evictions += 1;
		}
		return followed;
	}

	/** @param only end no other than this one */
	#end(subjects: string, only?: LedgerFollower): void {
		const followed = this.#followers.get(subjects);
		if (followed === undefined || (only !== undefined && followed !== only)) return;
		this.#followers.delete(subjects);
		followed.stop();
	}

	async #keepClean(): Promise<void> {
		const { signal } = this.#ending;
		while (!signal.aborted) {
			await delay(this.#pace.sweepMs, undefined, { signal, ref: false }).catch(() => undefined);
			for (const [subjects, followed] of [...this.#followers]) {
				if (signal.aborted) return;
				await this.#clean(subjects, followed);
			}
		}
	}

	async #clean(subjects: string, followed: LedgerFollower): Promise<void> {
		const idleMs = this.#stream.clock() - followed.usedAt;
		if (followed.users === 0 && idleMs >= this.#pace.idleMs) {
			this.#end(subjects, followed);
			return;
		}
		try {
			await followed.loaded;
			await followed.countIfOlder(this.#pace.countMs);
			await followed.sweep(SWEEP_NAMES, this.#pace.graceMs);
		} catch (thrown) {
			this.#stream.logger.debug({ err: thrown, subjects }, "a ledger could not be counted now");
		}
	}
}
