// How many requests one address and one API key may send. Each has a bucket that is full at first and fills up evenly over a minute,
// so a burst is taken and a flood is not. In memory: each instance of the service counts for itself.
import type { FastifyReply } from "fastify";
import { errors } from "../errors.js";
import type { App } from "./app.js";

const MINUTE_MS = 60_000;
/** Most buckets that are kept; an attacker with many addresses must not eat the memory. */
const MAX_BUCKETS = 20_000;

interface Bucket {
	tokens: number;
	/** When the tokens were counted, by the clock. */
	at: number;
}

export class RateLimiter {
	readonly #perMinute: number;
	readonly #clock: () => number;
	readonly #buckets = new Map<string, Bucket>();

	/**
	 * @param perMinute requests; 0: any number
	 * @param clock milliseconds
	 */
	constructor(perMinute: number, clock: () => number = () => performance.now()) {
		this.#perMinute = perMinute;
		this.#clock = clock;
	}

	/** Takes one request of this name; 0 when it may go on, otherwise the milliseconds after which one may. */
	take(name: string): number {
		if (this.#perMinute === 0) return 0;
		const now = this.#clock();
		const perMs = this.#perMinute / MINUTE_MS;
		const bucket = this.#buckets.get(name) ?? { tokens: this.#perMinute, at: now };
		bucket.tokens = Math.min(this.#perMinute, bucket.tokens + (now - bucket.at) * perMs);
		bucket.at = now;
		// The ones that were used longest ago stand first; one that is dropped is full again.
		this.#buckets.delete(name);
		this.#buckets.set(name, bucket);
		if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value ?? name);
		if (bucket.tokens < 1) return (1 - bucket.tokens) / perMs;
		bucket.tokens -= 1;
		return 0;
	}
}

export interface RateLimits {
	/** Requests a minute from one address, with or without a key; 0: any number. */
	readonly perAddress: number;
	/** Requests a minute with one API key, or by one subject of tokens; 0: any number. */
	readonly perKey: number;
}

/** Counts by address; must be added before the authentication, which asks the database. */
export function addAddressLimit(app: App, { perAddress }: RateLimits): void {
	const limiter = new RateLimiter(perAddress);
	app.addHook("onRequest", async (request, reply) => {
		if (request.url.startsWith("/api/")) refuse(limiter.take(request.ip), reply, `the address ${request.ip}`, perAddress);
	});
}

/** Counts by API key, or by the subject of a token; must be added after the authentication. */
export function addKeyLimit(app: App, { perKey }: RateLimits): void {
	const limiter = new RateLimiter(perKey);
	app.addHook("onRequest", async ({ caller }, reply) => {
		if (caller !== null) refuse(limiter.take(caller.id), reply, "this caller", perKey);
	});
}

function refuse(waitMs: number, reply: FastifyReply, who: string, perMinute: number): void {
	if (waitMs === 0) return;
	const seconds = Math.ceil(waitMs / 1_000);
	reply.header("retry-after", seconds);
	throw errors.rate_limited(`${who} sent more than ${perMinute} requests a minute; send the next one in ${seconds} s`);
}
