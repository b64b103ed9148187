// What one plugin keeps in one tenant, by name, without the values: enough to know whether there is room for more, and what can
// be taken out of the stream. It talks to nobody; ledger-follower.ts fills it.
//
//   absent → live      written by us (acknowledged) or by another runtime (delivered)
//   live   → dead      its life ended or it was removed, and its last message is ours: we take it out of the stream
//   live   → absent    the same for the message of another runtime, which takes it out; or a count did not find it any more
//   dead   → live      written again
//   dead   → absent    taken out of the stream
//
// Only live names count against the plugin's limits. What is dead is bounded too, by the sweeps: it is garbage on the disk.
import { SortedNames } from "./sorted-names.js";
import { FOR_EVER } from "./stored-entry.js";

/** Most names that a plugin may keep in one store. */
export const MAX_NAMES = 10_000;

/** Milliseconds after which what is dead counts as forgotten by the runtime that wrote it, because that one has ended. */
const ORPHAN_MS = 2 * 60_000;

export interface Held {
	/** Sequence of its message in the stream. */
	readonly seq: number;
	/** Bytes of name and value. */
	readonly bytes: number;
	/** Milliseconds since 1970. */
	readonly expiresAt: number;
}

interface Live extends Held {
	/** This process wrote it; it removes it when it is dead. */
	readonly ours: boolean;
}

/** Room that is set aside for a write on its way. */
export interface Room {
	/** How many bytes more than before the write takes. */
	readonly bytes: number;
	release(): void;
}

export class Ledger {
	readonly #live = new Map<string, Live>();
	/** All of them are ours to take out. */
	readonly #dead = new Map<string, Held>();
	#liveBytes = 0;
	#deadBytes = 0;
	#promisedBytes = 0;
	#promisedNames = 0;
	/** No live name ends before. */
	#nextExpiry = FOR_EVER;
	#deliveredSeq = 0;
	#lastSeq = 0;
	/** Made when somebody asks for names in their order. */
	#sorted: SortedNames | undefined;

	/** Newest message that is known. */
	get lastSeq(): number {
		return this.#lastSeq;
	}

	get deadNames(): number {
		return this.#dead.size;
	}

	get deadBytes(): number {
		return this.#deadBytes;
	}

	/** Bytes of names and values that are in the stream, or on their way to it. */
	get heldBytes(): number {
		return this.#liveBytes + this.#deadBytes + this.#promisedBytes;
	}

	/** The message under a name, as far as it is known here. */
	seqOf(name: string): number | undefined {
		return this.#live.get(name)?.seq;
	}

	/** The stream told of a message; it tells of all in their order, but for those that were replaced meanwhile. */
	delivered(name: string, held: Held, now: number): void {
		this.#deliveredSeq = held.seq;
		this.#lastSeq = Math.max(this.#lastSeq, held.seq);
		if (this.#newest(name) >= held.seq) return;
		this.#put(name, { ...held, ours: isOrphan(held, now) }, now);
	}

	/** The stream has taken our message. */
	acknowledged(name: string, held: Held, now: number): void {
		this.#lastSeq = Math.max(this.#lastSeq, held.seq);
		if (this.#newest(name) > held.seq) return;
		// Delivered before and not known: it was replaced by what is gone already.
		if (held.seq <= this.#deliveredSeq && this.#newest(name) < held.seq && held.expiresAt > now) return;
		this.#put(name, { ...held, ours: true }, now);
	}

	/** It is not in the stream any more. */
	removed(name: string, seq: number): void {
		if (this.#live.get(name)?.seq === seq) this.#forgetLive(name);
		if (this.#dead.get(name)?.seq === seq) this.#forgetDead(name);
	}

	/**
	 * Sets room aside, when there is any. What does not take more room than before always has it.
	 *
	 * @param bytes of name and value
	 * @param limitBytes that all names and values may have
	 */
	takeRoom(name: string, bytes: number, limitBytes: number, now: number): Room | undefined {
		if (this.#fits(name, bytes, limitBytes) || (this.#settle(now) && this.#fits(name, bytes, limitBytes))) {
			const before = this.#live.get(name);
			const moreBytes = Math.max(0, bytes - (before?.bytes ?? 0));
			const moreNames = before === undefined ? 1 : 0;
			this.#promisedBytes += moreBytes;
			this.#promisedNames += moreNames;
			return {
				bytes: moreBytes,
				release: () => {
					this.#promisedBytes -= moreBytes;
					this.#promisedNames -= moreNames;
				},
			};
		}
		return undefined;
	}

	/** The first `most` names that begin with the prefix, in their order. */
	names(prefix: string, most: number, now: number): string[] {
		this.#settle(now);
		this.#sorted ??= new SortedNames(this.#live.keys());
		return this.#sorted.startingWith(prefix, most);
	}

	/** What can be taken out of the stream: at most so many that are dead since then or longer. */
	sweepable(most: number, deadSince: number, now: number): [name: string, held: Held][] {
		this.#settle(now);
		const found: [string, Held][] = [];
		for (const entry of this.#dead) {
			if (found.length >= most) break;
			if (entry[1].expiresAt <= deadSince) found.push(entry);
		}
		return found;
	}

	/**
	 * Takes over what a count of the stream found. True when that was not known.
	 *
	 * @param upTo newest message that was known when the count began: what is newer may be missing in it
	 */
	counted(found: ReadonlyMap<string, Held>, upTo: number, now: number): boolean {
		let isNews = false;
		for (const [name, { seq }] of this.#live) {
			if (seq > upTo || found.has(name)) continue;
			this.#forgetLive(name);
			isNews = true;
		}
		for (const [name, held] of found) {
			if (!isOrphan(held, now) || this.#live.has(name) || this.#dead.has(name)) continue;
			this.#put(name, { ...held, ours: true }, now);
			isNews = true;
		}
		return isNews;
	}

	/** Sequence of the newest message that is known under a name; 0: none. */
	#newest(name: string): number {
		return this.#live.get(name)?.seq ?? this.#dead.get(name)?.seq ?? 0;
	}

	#fits(name: string, bytes: number, limitBytes: number): boolean {
		const before = this.#live.get(name);
		const more = bytes - (before?.bytes ?? 0);
		if (before !== undefined && more <= 0) return true;
		if (this.#liveBytes + this.#promisedBytes + more > limitBytes) return false;
		return before !== undefined || this.#live.size + this.#promisedNames < MAX_NAMES;
	}

	/** Finds out whose life has ended. True when there was any. */
	#settle(now: number): boolean {
		if (now < this.#nextExpiry) return false;
		let next = FOR_EVER;
		const before = this.#live.size;
		for (const [name, held] of this.#live) {
			if (held.expiresAt <= now) this.#put(name, held, now);
			else next = Math.min(next, held.expiresAt);
		}
		this.#nextExpiry = next;
		return this.#live.size < before;
	}

	#put(name: string, held: Live, now: number): void {
		if (held.expiresAt > now) {
			this.#forgetDead(name);
			this.#liveBytes += held.bytes - (this.#live.get(name)?.bytes ?? 0);
			if (!this.#live.has(name)) this.#sorted?.add(name);
			this.#live.set(name, held);
			this.#nextExpiry = Math.min(this.#nextExpiry, held.expiresAt);
			return;
		}
		this.#forgetLive(name);
		this.#forgetDead(name);
		if (!held.ours) return;
		const { seq, bytes, expiresAt } = held;
		this.#dead.set(name, { seq, bytes, expiresAt });
		this.#deadBytes += bytes;
	}

	#forgetLive(name: string): void {
		const held = this.#live.get(name);
		if (held === undefined) return;
		this.#live.delete(name);
		this.#sorted?.delete(name);
		this.#liveBytes -= held.bytes;
	}

	#forgetDead(name: string): void {
		const held = this.#dead.get(name);
		if (held === undefined) return;
		this.#dead.delete(name);
		this.#deadBytes -= held.bytes;
	}
}

/** Dead for so long that nobody else takes it out. */
function isOrphan({ expiresAt }: Held, now: number): boolean {
	return expiresAt <= now - ORPHAN_MS;
}
