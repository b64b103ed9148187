// One key that seals, and the cipher work of all of them: JWE (RFC 7516) of jose, `dir` with A256GCM and a random 96-bit nonce for
// each seal. The bytes of a key stay inside of it, so that no log line and no error can show them by accident.
import type { SealedSecret } from "@hookbus/schemas";
import { decodeProtectedHeader, FlattenedEncrypt, type FlattenedJWE, flattenedDecrypt } from "jose";

/** Bytes of every key. */
export const KEY_BYTES = 32;

export interface SealingKey {
	readonly id: string;
	/** @param bound what the sealed value belongs to; it opens for exactly this */
	seal(bytes: Uint8Array, bound: readonly string[]): Promise<SealedSecret["jwe"]>;
	/** Rejects when key, bytes or what they are bound to differ. */
	open(jwe: SealedSecret["jwe"], bound: readonly string[]): Promise<Uint8Array>;
}

/** @param bytes {@link KEY_BYTES} of them */
export function createSealingKey(id: string, bytes: Uint8Array): SealingKey {
	return {
		id,
		async seal(plaintext, bound) {
			const { aad: _, ...jwe } = await new FlattenedEncrypt(plaintext)
				.setProtectedHeader(headerOf(id))
				.setAdditionalAuthenticatedData(additionalData(bound))
				.encrypt(bytes);
			return { ...jwe };
		},
		async open(jwe, bound) {
			// The additional data is that of the place that asks, whatever is stored: a moved value must not open.
			const aad = Buffer.from(additionalData(bound)).toString("base64url");
			const opened = await flattenedDecrypt({ ...(jwe as unknown as FlattenedJWE), aad }, bytes, {
				keyManagementAlgorithms: ["dir"],
				contentEncryptionAlgorithms: ["A256GCM"],
			});
			return opened.plaintext;
		},
	};
}

/** Id of the key that a value says it was sealed with; `undefined` when it says nothing that can be read. */
export function sealedWith({ jwe }: SealedSecret): string | undefined {
	try {
		return decodeProtectedHeader(jwe as unknown as FlattenedJWE).kid;
	} catch {
		// Not a JWE: nothing opens it.
		return undefined;
	}
}

/** The property `protected` of everything that the key of this id has sealed: what a query compares with. */
export function protectedHeader(keyId: string): string {
	return Buffer.from(JSON.stringify(headerOf(keyId))).toString("base64url");
}

function headerOf(keyId: string) {
	return { alg: "dir", enc: "A256GCM", kid: keyId };
}

function additionalData(bound: readonly string[]): Uint8Array {
	return new TextEncoder().encode(JSON.stringify(bound));
}
