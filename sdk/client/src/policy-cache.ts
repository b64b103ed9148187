// Keeps a copy of the tenant's failure policy, so that a required gate stays closed when the bus is down and everything
// else goes on. Without the copy the client would have to choose one of the two for all hooks.
//
// The bucket is read by direct gets, and a plain subscription tells when to read again. A watch would need a consumer, and
// whoever may make consumers can let the server publish what it likes where it likes, past all NATS permissions.
import { isHookPolicy, POLICY_BUCKET, policySubject, readPolicySubject } from "@hookbus/schemas";
import type { JetStreamManagerOptions, Msg, NatsConnection, Subscription } from "nats";
import { ClientError } from "./client-errors.js";
import type { ReportStatus } from "./client-status.js";
import type { PolicyView } from "./failure-policy.js";
import { isPermissionViolation, policyReadFailure } from "./nats-failures.js";

/** Milliseconds that one reading may take; a bucket that is not there never answers. */
const READ_TIMEOUT_MS = 500;
/** Milliseconds that one request to JetStream may take. */
const REQUEST_TIMEOUT_MS = 2_000;
/** The policy is read again after so many milliseconds, whatever was heard. */
const REFRESH_MS = 60_000;
/**
 * Milliseconds between the readings after a change was heard, until there is one: subscribers hear of it a moment before it is
 * stored, and of one that the bucket refused, too.
 */
const AFTER_CHANGE_MS = [0, 20, 50, 100, 250, 500, 1_000];
/** Milliseconds before the next attempt after a failed one: doubles from the first to the last value. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10_000;
/** Status of a direct get's answer when there is no such entry. */
const NOT_FOUND = 404;
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

	/** Reads, and reads again after each change and each minute. Resolves when it was stopped. */
	async #watch(connection: NatsConnection): Promise<void> {
		const changes = new Changes(connection.subscribe(policySubject(this.#tenant)));
		this.#stopWatch = () => changes.stop();
		try {
			let seq = await this.#read(connection);
			while (!changes.stopped) {
				const isChanged = await changes.next(REFRESH_MS);
				const before = seq;
				for (const ms of isChanged ? AFTER_CHANGE_MS : [0]) {
					await pause(ms);
					if (changes.stopped) return;
					seq = await this.#read(connection);
					if (seq !== before) break;
				}
			}
		} finally {
			changes.stop();
			this.#stopWatch = undefined;
		}
	}

	/**
	 * Reads the entry as it is now.
	 *
	 * @returns its sequence in the bucket; 0: there is none
	 */
	async #read(connection: NatsConnection): Promise<number> {
		const message = await this.#ask(connection);
		if (message === undefined) {
			this.#nothingThere();
			return 0;
		}
		const seq = Number(message.headers?.get("Nats-Sequence"));
		this.#take(message, seq);
		this.#answered();
		return seq;
	}

	/** `undefined`: the bucket has no entry for the tenant. */
	async #ask(connection: NatsConnection): Promise<Msg | undefined> {
		let message: Msg;
		try {
			message = await connection.request(readPolicySubject(this.#tenant), undefined, { timeout: READ_TIMEOUT_MS });
		} catch (silence) {
			await requireBucket(connection, silence);
			throw silence;
		}
		if (message.headers?.code === NOT_FOUND) return undefined;
		if (message.headers?.has("Nats-Sequence")) return message;
		throw new Error(`bucket ${POLICY_BUCKET} answered with the status ${message.headers?.code} and no sequence`);
	}

	#take(message: Msg, seq: number): void {
		if (message.headers?.get("KV-Operation")) {
			this.#become({ state: "empty" });
			return;
		}
		let value: unknown;
		try {
			value = message.json();
		} catch {
			value = undefined;
		}
		if (isHookPolicy(value) && value.tenant === this.#tenant) {
			this.#become({ state: "known", policy: value });
		} else {
			this.#fail(
				new ClientError(
					"policy_invalid",
					`entry ${this.#tenant} (revision ${seq}) of bucket ${POLICY_BUCKET} is no hook policy of tenant ${this.#tenant}; the last valid one goes on`,
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

/**
 * Nobody answers for a bucket that is not there, and only JetStream itself knows that it is not. A user that may not ask
 * it belongs to a deployment whose services have made the bucket.
 *
 * @param silence why the bucket was not read
 */
async function requireBucket(connection: NatsConnection, silence: unknown): Promise<void> {
	const options: JetStreamManagerOptions = { checkAPI: false, timeout: REQUEST_TIMEOUT_MS };
	const stream = `KV_${POLICY_BUCKET}`;
	try {
		const { config } = await (await connection.jetstreamManager(options)).streams.info(stream);
		if (config.allow_direct) return;
	} catch (refused) {
		if (isPermissionViolation(refused)) return;
		throw refused;
	}
	throw new Error(`stream ${stream} takes no direct gets; set allow_direct on it`, { cause: silence });
}

/** Says when something was published on the entry's subject. */
class Changes {
	readonly #subscription: Subscription;
	#heard = false;
	#stopped = false;
	#wake: () => void = () => undefined;

	constructor(subscription: Subscription) {
		this.#subscription = subscription;
		void this.#follow();
	}

	get stopped(): boolean {
		return this.#stopped;
	}

	stop(): void {
		this.#stopped = true;
		this.#subscription.unsubscribe();
		this.#wake();
	}

	/** Resolves with true when something was heard since the last call, with false after `ms` milliseconds or when stopped. */
	async next(ms: number): Promise<boolean> {
		if (!this.#heard && !this.#stopped) {
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, ms).unref();
				this.#wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
		const heard = this.#heard;
		this.#heard = false;
		return heard;
	}

	/** Ends with the connection, or when the server does not allow the subscription: then the policy is still read each minute. */
	async #follow(): Promise<void> {
		try {
			for await (const _ of this.#subscription) {
				this.#heard = true;
				this.#wake();
			}
		} catch {
			// Reported by the link, which hears of every refusal.
			return;
		}
		this.stop();
	}
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => {
		setTimeout(resolve, ms).unref();
	});
}
