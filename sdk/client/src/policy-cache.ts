// Keeps a copy of the tenant's failure policy, so that a required gate stays closed when the bus is down and everything
// else goes on. Without the copy the client would have to choose one of the two for all hooks.
import { isHookPolicy, POLICY_BUCKET } from "@hookbus/schemas";
import type { JetStreamManagerOptions, KvEntry, NatsConnection } from "nats";
import { ClientError } from "./client-errors.js";
import type { ReportStatus } from "./client-status.js";
import type { PolicyView } from "./failure-policy.js";
import { policyReadFailure } from "./nats-failures.js";

/** Milliseconds that one JetStream request may take. */
const REQUEST_TIMEOUT_MS = 2_000;
/** A watch is replaced by a new one, with a new snapshot, after this many milliseconds: a bucket that was made anew counts from 1 again, and the old watch would wait for its old number. */
const WATCH_LIFE_MS = 60_000;
/** Milliseconds before the next attempt after a failed one: doubles from the first to the last value. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10_000;
/** Milliseconds before the next look for a bucket that does not exist yet. */
const NO_BUCKET_PAUSE_MS = 2_000;

/**
 * States: unknown → empty or known, by the first answer; empty ⇄ known, by entries. Never back to unknown. Once known, only
 * an entry (a new policy, or its deletion) changes it: a bucket that is suddenly missing is a fault of the bus, and no
 * reason to open a gate.
 */
export class PolicyCache {
	readonly #tenant: string;
	readonly #report: ReportStatus;
	#view: PolicyView = { state: "unknown" };
	#closed = false;
	/** Ends the watch that is on. */
	#stopWatch: (() => void) | undefined;
	#lastError = "";
	#answered: () => void = () => undefined;

	/** Resolves when the bus has answered for the first time: with a policy, with none, or that it will give none. */
	readonly firstAnswer: Promise<void>;

	constructor(tenant: string, report: ReportStatus) {
		this.#tenant = tenant;
		this.#report = report;
		this.firstAnswer = new Promise((resolve) => {
			this.#answered = resolve;
		});
	}

	get view(): PolicyView {
		return this.#view;
	}

	/** Watches on a new connection, until that ends. */
	attach(connection: NatsConnection): void {
		void this.#follow(connection);
	}

	close(): void {
		this.#closed = true;
		this.#stopWatch?.();
	}

	async #follow(connection: NatsConnection): Promise<void> {
		let pauseMs = FIRST_PAUSE_MS;
		while (!this.#closed && !connection.isClosed()) {
			try {
				await this.#watch(connection);
				pauseMs = FIRST_PAUSE_MS;
				this.#lastError = "";
			} catch (cause) {
				if (this.#closed || connection.isClosed()) return;
				const failure = policyReadFailure(cause);
				if (failure.kind === "no_bucket") {
					this.#nothingThere();
					await pause(NO_BUCKET_PAUSE_MS);
				} else {
					this.#fail(failure.error);
					if (!failure.passing) this.#answered();
					await pause(pauseMs);
					pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
				}
			}
		}
	}

	/** Resolves when the watch has ended in an orderly way. */
	async #watch(connection: NatsConnection): Promise<void> {
		const options: JetStreamManagerOptions = { checkAPI: false, timeout: REQUEST_TIMEOUT_MS };
		const bucket = await connection.jetstream(options).views.kv(POLICY_BUCKET, { bindOnly: true });
		let entries = 0;
		const watch = await bucket.watch({
			key: this.#tenant,
			initializedFn: () => {
				if (entries === 0) this.#nothingThere();
				this.#answered();
			},
		});
		const end = setTimeout(() => watch.stop(), WATCH_LIFE_MS).unref();
		this.#stopWatch = () => watch.stop();
		try {
			for await (const entry of watch) {
				entries++;
				this.#take(entry);
			}
		} finally {
			clearTimeout(end);
			this.#stopWatch = undefined;
		}
	}

	#take(entry: KvEntry): void {
		if (entry.operation !== "PUT") {
			this.#become({ state: "empty" });
			return;
		}
		let value: unknown;
		try {
			value = entry.json();
		} catch {
			value = undefined;
		}
		if (isHookPolicy(value) && value.tenant === this.#tenant) {
			this.#become({ state: "known", policy: value });
		} else {
			this.#fail(
				new ClientError(
					"policy_invalid",
					`entry ${entry.key} (revision ${entry.revision}) of bucket ${POLICY_BUCKET} is no hook policy of tenant ${this.#tenant}; the last valid one goes on`,
				),
			);
		}
	}

	#nothingThere(): void {
		if (this.#view.state === "unknown") this.#become({ state: "empty" });
		this.#answered();
	}

	#become(view: PolicyView): void {
		const before = this.#view;
		this.#view = view;
		if (view.state === "unknown" || (view.state === "empty" && before.state === "empty")) return;
		const revision = view.state === "known" ? view.policy.revision : undefined;
		if (revision !== undefined && before.state === "known" && before.policy.revision === revision) return;
		this.#report({ type: "policy", state: view.state, revision });
	}

	#fail(error: ClientError): void {
		// The same error again and again says nothing new.
		if (error.message !== this.#lastError) this.#report({ type: "policy_failed", error });
		this.#lastError = error.message;
	}
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => {
		setTimeout(resolve, ms).unref();
	});
}
