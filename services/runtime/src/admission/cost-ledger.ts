// What plugins have cost today, over the whole fleet: each runtime adds what its invocations reported to one sum for each plugin
// and day on the bus, and reads what the others added. Between two rounds a runtime knows its own part at once and the others'
// a round later, so a budget can be passed by what the fleet spends in a second. What the bus took without saying so is not added
// again, unless another runtime has added to it before the next round.
import { describeError } from "@hookbus/foundation";
import { isSubjectToken } from "@hookbus/schemas";
import type { KV } from "nats";
import type { Logger } from "pino";
import { isChanged } from "../host-calls/bus-failure.js";

/** Milliseconds between two rounds. */
const ROUND_MS = 1_000;
/** Tries to add to a sum that others change too, before it is left for the next round. */
const TRIES = 10;
/** Sums that cannot be exchanged one after the other before the round is over: then it is the bus, and each of them costs time. */
const FAILURES_IN_A_ROW = 3;

interface Account {
	/** US dollars that the bus has. */
	known: number;
	/** US dollars that were spent here and are not on the bus yet. */
	unsent: number;
	/** An addition of which nobody knows whether the bus has it. */
	unsure: Addition | undefined;
}

interface Addition {
	/** Revision of the sum that it was added to. */
	readonly to: number;
	/** The new sum, as it stands on the bus. */
	readonly sum: string;
	readonly cost: number;
}

export class CostLedger {
	readonly #sums: KV;
	readonly #logger: Logger;
	readonly #today: () => string;
	readonly #accounts = new Map<string, Account>();
	#timer: NodeJS.Timeout | undefined;
	#day: string;
	#round: Promise<void> | undefined;

	/**
	 * @param sums the bucket of the sums
	 * @param today the day in UTC, such as 2026-01-31
	 */
	constructor(sums: KV, logger: Logger, today = () => new Date().toISOString().slice(0, 10)) {
		this.#sums = sums;
		this.#logger = logger;
		this.#today = today;
		this.#day = today();
	}

	start(): void {
		this.#timer = setInterval(() => {
			this.#round ??= this.#exchange().finally(() => {
				this.#round = undefined;
			});
		}, ROUND_MS);
	}

	/** Sends what was spent and not sent. */
	async stop(): Promise<void> {
		clearInterval(this.#timer);
		await this.#round;
		await this.#exchange();
	}

	/** US dollars that the plugin has cost today, as far as this runtime knows; from now on it asks for what others spend. */
	spent(tenant: string, plugin: string): number {
		const { known, unsent } = this.#account(tenant, plugin);
		return known + unsent;
	}

	/** @param cost US dollars */
	add(tenant: string, plugin: string, cost: number): void {
		this.#account(tenant, plugin).unsent += cost;
	}

	#account(tenant: string, plugin: string): Account {
		const today = this.#today();
		if (today !== this.#day) {
			this.#day = today;
			this.#accounts.clear();
		}
		const key = keyOf(tenant, plugin);
		let account = this.#accounts.get(key);
		if (account === undefined) {
			account = { known: 0, unsent: 0, unsure: undefined };
			this.#accounts.set(key, account);
		}
		return account;
	}

	/** Never rejects: what could not be sent stays for the next round. */
	async #exchange(): Promise<void> {
		const day = this.#day;
		let failures = 0;
		for (const [key, account] of [...this.#accounts]) {
			try {
				await this.#exchangeOne(`${day}.${key}`, account);
				failures = 0;
			} catch (thrown) {
				const error = describeError(thrown);
				this.#logger.warn({ error, sum: `${day}.${key}` }, "what a plugin cost cannot be exchanged with the fleet now");
				// The last one in the next round: those behind it have their turn.
				if (this.#accounts.delete(key)) this.#accounts.set(key, account);
				failures += 1;
				if (failures === FAILURES_IN_A_ROW) return;
			}
		}
	}

	async #exchangeOne(key: string, account: Account): Promise<void> {
		for (let attempt = 0; attempt < TRIES; attempt += 1) {
			const entry = await this.#sums.get(key);
			const { unsure } = account;
			if (unsure !== undefined && entry !== null && entry.revision > unsure.to && entry.string() === unsure.sum) {
				account.unsent -= unsure.cost;
			}
			account.unsure = undefined;
			const sum = entry === null ? 0 : this.#sumOf(key, entry.string(), account);
			const { unsent } = account;
			if (unsent === 0) {
				account.known = sum;
				return;
			}
			const addition = { to: entry?.revision ?? 0, sum: String(sum + unsent), cost: unsent };
			try {
				await this.#sums.put(key, addition.sum, { previousSeq: addition.to });
				account.known = sum + unsent;
				account.unsent -= unsent;
				return;
			} catch (thrown) {
				if (isChanged(thrown)) continue;
				account.unsure = addition;
				throw thrown;
			}
		}
	}

	/** A sum that is none would switch the budget off: what is known here goes on in its place. */
	#sumOf(key: string, text: string, { known }: Account): number {
		const sum = text === "" ? Number.NaN : Number(text);
		if (Number.isFinite(sum) && sum >= 0) return sum;
		this.#logger.warn(
			{ sum: key, found: text.slice(0, 64) },
			"what a plugin cost is no number on the bus; it goes on with what is known here",
		);
		return known;
	}
}

function keyOf(tenant: string, plugin: string): string {
	if (!isSubjectToken(tenant) || !isSubjectToken(plugin)) throw new TypeError(`no names: tenant ${tenant}, plugin ${plugin}`);
	return `${tenant}.${plugin}`;
}
