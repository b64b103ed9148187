// Seals an answer that is kept for a repeated call, with a key made of the caller's credential and the Idempotency-Key: whoever can
// repeat the call can open it, and a copy of the database opens nothing.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Sealer {
	/** The caller's Authorization header. */
	readonly credential: string;
	readonly key: string;
}

export function sealAnswer(answer: string, sealer: Sealer): Buffer {
	const nonce = randomBytes(NONCE_BYTES);
	const cipher = createCipheriv("aes-256-gcm", keyOf(sealer), nonce);
	const sealed = Buffer.concat([cipher.update(answer, "utf8"), cipher.final()]);
	return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** @throws Error when it was sealed otherwise, or changed */
export function openAnswer(sealed: Uint8Array, sealer: Sealer): string {
	const decipher = createDecipheriv("aes-256-gcm", keyOf(sealer), sealed.subarray(0, NONCE_BYTES));
	decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
	return decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
}

function keyOf({ credential, key }: Sealer): Uint8Array {
	return new Uint8Array(hkdfSync("sha256", credential, key, "hookbus answer of a repeated call", 32));
}
