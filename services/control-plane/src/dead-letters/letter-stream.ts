// Reads dead letters straight from their stream; the database has no copy that could disagree. A tenant's letters stand under
// a subject of its own, and everything here asks for that subject, so another tenant's are not there.
import { describeError } from "@hookbus/foundation";
import { DEAD_LETTER_STREAM, type DeadLetter, type DeadLetterReason, deadLetterSubject, isDeadLetter } from "@hookbus/schemas";
import { type JetStreamManager, NatsError } from "nats";
import type { Logger } from "pino";
import type { BusLink, ReadyBus } from "../bus/bus-link.js";
import { errors } from "../errors.js";

/** Bounds of what one page looks at; behind them it ends, with a cursor. */
const MAX_LOOKED_AT = 1_000;
const MAX_BYTES = 32 * 1024 * 1024;

const MESSAGE_NOT_FOUND = 10037;

export interface StoredLetter {
	/** Sequence in the stream. */
	readonly id: number;
	readonly letter: DeadLetter;
}

export interface LetterFilter {
	readonly plugin?: string | undefined;
	readonly reason?: DeadLetterReason | undefined;
	readonly event?: string | undefined;
	readonly since?: Date | undefined;
	readonly until?: Date | undefined;
}

export interface LetterPage {
	readonly items: readonly StoredLetter[];
	/** The last id that was looked at, when there may be more behind it. */
	readonly last: number | undefined;
}

export class LetterStream {
	readonly #link: BusLink;
	readonly #logger: Logger;

	constructor(link: BusLink, logger: Logger) {
		this.#link = link;
		this.#logger = logger;
	}

	/** Oldest first, only ids above `after`. Rejects with `bus_unavailable`. */
	page(tenant: string, filter: LetterFilter, limit: number, after: number): Promise<LetterPage> {
		return this.#asking(async ({ manager }) => {
			const items: StoredLetter[] = [];
			let last = after;
			let bytes = 0;
			for (let looked = 0; looked < MAX_LOOKED_AT && bytes < MAX_BYTES; looked += 1) {
				if (items.length === limit) return { items, last };
				const next = await readNext(manager, tenant, last + 1);
				if (next === undefined) return { items, last: undefined };
				last = next.seq;
				bytes += next.data.length;
				const letter = this.#parse(next);
				if (letter !== undefined && matches(letter, filter)) items.push({ id: next.seq, letter });
			}
			return { items, last };
		});
	}

	/** Rejects with `dead_letter_not_found` (another tenant's is not there either) or `bus_unavailable`. */
	find(tenant: string, id: number): Promise<StoredLetter> {
		return this.#asking(async ({ manager }) => {
			// The next one of this subject: at another tenant's id it is another letter, or none.
			const next = await readNext(manager, tenant, id);
			const letter = next?.seq === id ? this.#parse(next) : undefined;
			if (letter === undefined) throw notFound(id);
			return { id, letter };
		});
	}

	/** True when it was still there. Only for ids that {@link find} or {@link page} gave for the tenant. */
	remove(id: number): Promise<boolean> {
		return this.#asking(async ({ manager }) => {
			try {
				return await manager.streams.deleteMessage(DEAD_LETTER_STREAM, id);
			} catch (thrown) {
				// The server has one error for all that can go wrong here, so whether it is gone has to be looked at.
				if (await isGone(manager, id)) return false;
				throw thrown;
			}
		});
	}

	/** Runs what needs the bus; what NATS then refuses or does not answer becomes `bus_unavailable`. */
	async asking<T>(work: (ready: ReadyBus) => Promise<T>): Promise<T> {
		const { ready } = this.#link;
		if (ready === undefined) throw unavailable(`NATS is ${this.#link.state}`);
		try {
			return await work(ready);
		} catch (thrown) {
			if (!(thrown instanceof NatsError)) throw thrown;
			throw unavailable(describeError(thrown), thrown);
		}
	}

	#asking<T>(work: (ready: ReadyBus & { manager: JetStreamManager }) => Promise<T>): Promise<T> {
		return this.asking(async (ready) =>
			work({ ...ready, manager: await ready.connection.jetstreamManager({ checkAPI: false }) }),
		);
	}

	#parse({ seq, data }: { seq: number; data: Uint8Array }): DeadLetter | undefined {
		const value = parseJson(data);
		if (isDeadLetter(value)) return value;
		this.#logger.warn({ id: seq }, "what stands in the stream of dead letters is none; it is passed over");
		return undefined;
	}
}

async function readNext(
	manager: JetStreamManager,
	tenant: string,
	seq: number,
): Promise<{ seq: number; data: Uint8Array } | undefined> {
	// The server knows this question; the client's types name it for direct reads only, which need another configuration.
	const query = { seq, next_by_subj: deadLetterSubject(tenant) };
	try {
		return await manager.streams.getMessage(DEAD_LETTER_STREAM, query);
	} catch (thrown) {
		if (isMessageGone(thrown)) return undefined;
		throw thrown;
	}
}

async function isGone(manager: JetStreamManager, seq: number): Promise<boolean> {
	try {
		await manager.streams.getMessage(DEAD_LETTER_STREAM, { seq });
		return false;
	} catch (thrown) {
		return isMessageGone(thrown);
	}
}

function isMessageGone(thrown: unknown): boolean {
	return thrown instanceof NatsError && thrown.api_error?.err_code === MESSAGE_NOT_FOUND;
}

function matches(letter: DeadLetter, { plugin, reason, event, since, until }: LetterFilter): boolean {
	const time = Date.parse(letter.time);
	return (
		(plugin === undefined || letter.plugins.some((failed) => failed.plugin === plugin)) &&
		(reason === undefined || letter.reason === reason) &&
		(event === undefined || letter.eventId === event) &&
		(since === undefined || time >= since.getTime()) &&
		(until === undefined || time < until.getTime())
	);
}

function parseJson(data: Uint8Array): unknown {
	try {
		return JSON.parse(Buffer.from(data).toString("utf8"));
	} catch {
		// Reported by the caller like anything else that is no dead letter.
		return undefined;
	}
}

function notFound(id: number) {
	return errors.dead_letter_not_found(`dead letter ${id} does not exist; GET /api/v1/dead-letters lists what does`);
}

function unavailable(why: string, cause?: Error) {
	return errors.bus_unavailable(`the bus cannot serve this request now (${why}); try again in a few seconds`, {
		...(cause === undefined ? {} : { cause }),
	});
}
