// Says again and again that the calls which this process works on are not abandoned. Without it a repeated call could not be told
// from one whose process died, and would have to wait for as long as any call may take.
import { describeError } from "@hookbus/foundation";
import type { Logger } from "pino";
import type { Database } from "../database/database.js";
import { type ClaimedCall, keepAlive } from "./idempotency-repository.js";

/** Milliseconds between two signs of life; several of them may be late before a call counts as abandoned. */
const SIGN_MS = 2_000;

export class HeldCalls {
	readonly #database: Database;
	readonly #logger: Pick<Logger, "warn">;
	readonly #held = new Set<ClaimedCall>();
	#timer: NodeJS.Timeout | undefined;
	#signing: Promise<void> | undefined;

	constructor(database: Database, logger: Pick<Logger, "warn">) {
		this.#database = database;
		this.#logger = logger;
	}

	add(call: ClaimedCall): void {
		this.#held.add(call);
		this.#timer ??= setInterval(() => {
			this.#signing ??= this.#sign().finally(() => {
				this.#signing = undefined;
			});
		}, SIGN_MS);
	}

	delete(call: ClaimedCall): void {
		this.#held.delete(call);
		if (this.#held.size > 0) return;
		clearInterval(this.#timer);
		this.#timer = undefined;
	}

	/** When no request is in hand any more. */
	async stop(): Promise<void> {
		clearInterval(this.#timer);
		await this.#signing;
	}

	async #sign(): Promise<void> {
		try {
			await this.#database.acrossTenants.query((queries) => keepAlive(queries, [...this.#held]));
		} catch (thrown) {
			this.#logger.warn({ error: describeError(thrown) }, "calls with an Idempotency-Key cannot be kept alive now; tried again");
		}
	}
}
