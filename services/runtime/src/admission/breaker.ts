// Stops running a plugin that keeps failing. Each failure costs its event a policy decision and, when a thread has to be ended, the
// runtime a thread; trying less and less often bounds both, and lets a plugin come back by itself when its cause has passed.
//
//   closed     runs            → open: failures in a row, or half of the last twenty (with five in a row)
//   open       is not run      → half_open: its time is over and an event comes
//   half_open  one event runs  → closed: it went well · → open, for twice as long: it failed · → given_up: it failed too often
//   given_up   is not run      it stays so until the route table brings another version or configuration, or drops the plugin
import type { BreakerStatus } from "@hookbus/schemas";

export interface BreakerOptions {
	/** Failures in a row that open it; so does half of the last four times as many. */
	readonly failures: number;
	/** Milliseconds of the first opening; each further one in a row is twice as long. */
	readonly backoffMs: number;
	/** Openings in a row after which the plugin is given up. */
	readonly openings: number;
}

/** Longest time between two tries in milliseconds. */
const MAX_BACKOFF_MS = 60_000;
/** So many times the failures in a row are looked back on; half of that opens it too. */
const WINDOW = 4;
/** Up to this share of the time is taken off or added, so that a fleet does not try all at once. */
const JITTER = 0.2;

type State = "closed" | BreakerStatus["state"];

export class Breaker {
	readonly #options: BreakerOptions;
	readonly #random: () => number;
	#state: State = "closed";
	#inARow = 0;
	/** The last outcomes, true for a failure. */
	#window: boolean[] = [];
	/** Failures among them. */
	#failed = 0;
	#openings = 0;
	#retryAt = 0;
	#reason = "";
	#since = new Date(0);

	/** @param random from 0 to 1, for the jitter */
	constructor(options: BreakerOptions, random: () => number = Math.random) {
		this.#options = options;
		this.#random = random;
	}

	get state(): State {
		return this.#state;
	}

	/** What admins are told; `undefined` while it is closed. */
	get status(): Pick<BreakerStatus, "state" | "openings" | "reason" | "since"> | undefined {
		if (this.#state === "closed") return undefined;
		return { state: this.#state, openings: this.#openings, reason: this.#reason, since: this.#since.toISOString() };
	}

	/**
	 * Whether the plugin may run now.
	 *
	 * @param now monotonic milliseconds
	 * @returns `trial`: it may, and {@link succeed}, {@link fail} or {@link abandonTrial} must follow before anybody else may
	 */
	admit(now: number): "run" | "trial" | "refuse" {
		if (this.#state === "closed") return "run";
		if (this.#state !== "open" || now < this.#retryAt) return "refuse";
		this.#state = "half_open";
		return "trial";
	}

	/** Why an event goes without the plugin. */
	refusal(now: number): string {
		const what = `it failed ${this.#openings > 1 ? `again, ${this.#openings} times in a row that it was tried` : "too often"} (${this.#reason})`;
		if (this.#state === "given_up") return `${what} and is not run any more; disable it, correct it, enable it`;
		const ms = Math.max(0, Math.round(this.#retryAt - now));
		return this.#state === "half_open" ? `${what}; another event tries it right now` : `${what}; it is tried again in ${ms} ms`;
	}

	succeed(isTrial: boolean): void {
		this.#inARow = 0;
		if (isTrial) this.#close();
		else this.#remember(false);
	}

	/**
	 * @param reason outcome and error, for people
	 * @param now monotonic milliseconds
	 */
	fail(isTrial: boolean, reason: string, now: number): void {
		if (isTrial) {
			this.#open(reason, now);
			return;
		}
		// What was on its way when it opened says nothing new.
		if (this.#state !== "closed") return;
		this.#inARow += 1;
		this.#remember(true);
		const { failures } = this.#options;
		const tooMany = this.#window.length >= WINDOW * failures && this.#failed >= (WINDOW * failures) / 2;
		if (this.#inARow >= failures || tooMany) this.#open(reason, now);
	}

	/** The event that was to try it never reached it. */
	abandonTrial(): void {
		if (this.#state === "half_open") this.#state = "open";
	}

	#remember(failed: boolean): void {
		this.#window.push(failed);
		if (failed) this.#failed += 1;
		if (this.#window.length <= WINDOW * this.#options.failures) return;
		if (this.#window.shift()) this.#failed -= 1;
	}

	#open(reason: string, now: number): void {
		if (this.#openings === 0) this.#since = new Date();
		this.#openings += 1;
		this.#reason = reason.slice(0, 300);
		if (this.#openings >= this.#options.openings) {
			this.#state = "given_up";
			return;
		}
		this.#state = "open";
		const backoffMs = Math.min(MAX_BACKOFF_MS, this.#options.backoffMs * 2 ** (this.#openings - 1));
		this.#retryAt = now + backoffMs * (1 + JITTER * (2 * this.#random() - 1));
	}

	#close(): void {
		this.#state = "closed";
		this.#inARow = 0;
		this.#window = [];
		this.#failed = 0;
		this.#openings = 0;
		this.#reason = "";
	}
}
