// Makes and hashes API keys: `hbk_` and 32 random bytes. A plain SHA-256 is enough for a secret that nobody can guess, and
// the key is found by it in one index lookup.
import { createHash, randomBytes } from "node:crypto";

export const KEY_PREFIX = "hbk_";
/** `hbk_` and 43 characters of base64url. */
const keyPattern = /^hbk_[A-Za-z0-9_-]{43}$/;

export interface MadeKey {
	readonly key: string;
	/** What may be shown later. */
	readonly prefix: string;
	readonly hash: string;
}

export function makeKey(): MadeKey {
	const key = `${KEY_PREFIX}${randomBytes(32).toString("base64url")}`;
	return { key, prefix: key.slice(0, KEY_PREFIX.length + 6), hash: hashKey(key) };
}

/** SHA-256 of the whole key, hex. */
export function hashKey(key: string): string {
	return createHash("sha256").update(key).digest("hex");
}

/** False for what cannot be a key, so that the database is not asked for it. */
export function looksLikeKey(value: string): boolean {
	return keyPattern.test(value);
}
