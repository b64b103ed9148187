// A rate limit: a full bucket lets a minute's worth through at once, and fills again evenly.
const MINUTE_MS = 60_000;

export class TokenBucket {
	#tokens: number;
	#filledAt: number;

	/** @param now monotonic milliseconds */
	constructor(perMinute: number, now: number) {
		this.#tokens = perMinute;
		this.#filledAt = now;
	}

	/** Takes one token; false when there is none. The rate can be another one each time: it depends on the fleet. */
	take(perMinute: number, now: number): boolean {
		const added = ((now - this.#filledAt) / MINUTE_MS) * perMinute;
		this.#tokens = Math.min(Math.max(1, perMinute), this.#tokens + added);
		this.#filledAt = now;
		if (this.#tokens < 1) return false;
		this.#tokens -= 1;
		return true;
	}

	/** Gives a token back that was not used. */
	giveBack(): void {
		this.#tokens += 1;
	}
}
