// The public keys of the OpenID Connect issuer. They are fetched when a token names a key that is not known, and never more often
// than the cool-down allows: otherwise anyone could have this service flood the issuer with made-up key names.
import { createLocalJWKSet, type JWTVerifyGetKey, errors as jose } from "jose";
import { errors } from "../errors.js";

/** Milliseconds between two fetches, successful or not. */
export const COOL_DOWN_MS = 30_000;
/** Milliseconds after which keys are fetched again before they are used: one that the issuer took back must not stay. */
const MAX_AGE_MS = 10 * 60_000;
const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;

export interface IssuerKeysOptions {
	/** As in the tokens, without a slash at its end. */
	readonly issuer: string;
	/** Default: COOL_DOWN_MS. */
	readonly coolDownMs?: number;
	/** Milliseconds; default: a clock that only goes forward. */
	readonly clock?: () => number;
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

export class IssuerKeys {
	readonly #issuer: string;
	readonly #coolDownMs: number;
	readonly #clock: () => number;
	#keys: KeySet | undefined;
	#fetchedAt = Number.NEGATIVE_INFINITY;
	#triedAt = Number.NEGATIVE_INFINITY;
	#fetching: Promise<void> | undefined;

	constructor({ issuer, coolDownMs = COOL_DOWN_MS, clock = () => performance.now() }: IssuerKeysOptions) {
		this.#issuer = issuer;
		this.#coolDownMs = coolDownMs;
		this.#clock = clock;
	}

	/**
	 * The key that a token names.
	 *
	 * @throws CodedError `oidc_unavailable` when no keys could be fetched; JOSEError when there is no such key
	 */
	readonly find: JWTVerifyGetKey = async (header, token) => {
		if (this.#keys === undefined || this.#clock() - this.#fetchedAt > MAX_AGE_MS) await this.#refresh();
		try {
			return await this.#known()(header, token);
		} catch (thrown) {
			if (!(thrown instanceof jose.JWKSNoMatchingKey)) throw thrown;
			await this.#refresh();
			return await this.#known()(header, token);
		}
	};

	#known(): KeySet {
		if (this.#keys !== undefined) return this.#keys;
		throw errors.oidc_unavailable(`the keys of ${this.#issuer} cannot be fetched now; try again, or use an API key`);
	}

	/** Does nothing while the cool-down is on. What fails leaves the keys as they are. */
	async #refresh(): Promise<void> {
		if (this.#fetching === undefined) {
			if (this.#clock() - this.#triedAt < this.#coolDownMs) return;
			this.#triedAt = this.#clock();
			this.#fetching = this.#fetch().finally(() => {
				this.#fetching = undefined;
			});
		}
		try {
			await this.#fetching;
		} catch (cause) {
			if (this.#keys === undefined) {
				throw errors.oidc_unavailable(`the keys of ${this.#issuer} cannot be fetched now; try again, or use an API key`, {
					cause,
				});
			}
		}
	}

	async #fetch(): Promise<void> {
		const about = await fetchJson(`${this.#issuer}/.well-known/openid-configuration`);
		if (about["issuer"] !== this.#issuer) throw new Error(`the issuer calls itself ${String(about["issuer"])}`);
		const address = about["jwks_uri"];
		if (typeof address !== "string" || new URL(address).protocol !== new URL(this.#issuer).protocol) {
			throw new Error(`jwks_uri is ${String(address)}; it must be an address with the issuer's scheme`);
		}
		this.#keys = createLocalJWKSet((await fetchJson(address)) as unknown as Parameters<typeof createLocalJWKSet>[0]);
		this.#fetchedAt = this.#clock();
	}
}

async function fetchJson(address: string): Promise<Record<string, unknown>> {
	const response = await fetch(address, { redirect: "error", signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
	if (response.status !== 200) throw new Error(`${address} answered ${response.status}`);
	const parts: Uint8Array[] = [];
	let bytes = 0;
	for await (const part of response.body ?? []) {
		bytes += part.length;
		if (bytes > MAX_BYTES) throw new Error(`${address} answered more than ${MAX_BYTES} bytes`);
		parts.push(part);
	}
	const value: unknown = JSON.parse(Buffer.concat(parts).toString("utf8"));
	if (typeof value !== "object" || value === null) throw new Error(`${address} answered no JSON object`);
	return value as Record<string, unknown>;
}
