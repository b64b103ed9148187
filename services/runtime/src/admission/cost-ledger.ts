// What plugins have cost today, over the whole fleet: each runtime adds what its invocations reported to one sum for each plugin
// and day on the bus, and reads what the others added. Between two rounds a runtime knows its own part at once and the others'
// a round later, so a budget can be passed by what the fleet spends in a second.
import { describeError } from "@hookbus/foundation";
import { isSubjectToken } from "@hookbus/schemas";
import { type KV, NatsError } from "nats";
import type { Logger } from "pino";

/** Milliseconds between two rounds. */
const ROUND_MS = 1_000;
/** Tries to add to a sum that others change too, before it is left for the next round. */
const TRIES = 10;
const WRONG_LAST_SEQUENCE = 10071;

interface Account {
	/** US dollars that the bus has. */
	known: number;
	/** US dollars that were spent here and are not on the bus yet. */
	unsent: number;
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
			account = { known: 0, unsent: 0 };
			this.#accounts.set(key, account);
		}
		return account;
	}

	/** Never rejects: what could not be sent stays for the next round. */
	async #exchange(): Promise<void> {
		for (const [key, account] of this.#accounts) {
			try {
				await this.#exchangeOne(`${this.#day}.${key}`, account);
			} catch (thrown) {
				this.#logger.warn({ error: describeError(thrown) }, "what plugins cost cannot be exchanged with the fleet now");
				return;
			}
		}
	}

	async #exchangeOne(key: string, account: Account): Promise<void> {
		for (let attempt = 0; attempt < TRIES; attempt += 1) {
			const entry = await this.#sums.get(key);
			const sum = entry === null ? 0 : Number(entry.string());
			const { unsent } = account;
			if (unsent === 0) {
				account.known = sum;
				return;
			}
			try {
				await this.#sums.put(key, String(sum + unsent), { previousSeq: entry?.revision ?? 0 });
				account.known = sum + unsent;
				account.unsent -= unsent;
				return;
			} catch (thrown) {
				if (!(thrown instanceof NatsError) || thrown.api_error?.err_code !== WRONG_LAST_SEQUENCE) throw thrown;
			}
		}
	}
}

function keyOf(tenant: string, plugin: string): string {
	if (!isSubjectToken(tenant) || !isSubjectToken(plugin)) throw new TypeError(`no names: tenant ${tenant}, plugin ${plugin}`);
	return `${tenant}.${plugin}`;
}
