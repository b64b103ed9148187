// Seals secret configuration values for storage and for the way to the runtime. The cipher work is jose's (JWE, RFC 7516,
// `dir` with A256GCM and a random 96-bit nonce for each seal); the additional data binds a sealed value to its tenant,
// plugin, field and user, so that one copied to another place does not open there.

import { createHash } from "node:crypto";
import type { SealedSecret } from "@hookbus/schemas";
import { FlattenedEncrypt, type FlattenedJWE, flattenedDecrypt } from "jose";
import { defineErrors, describeError } from "./define-errors.js";

const errors = defineErrors({
	master_key_invalid: { title: "The master key is not valid", status: 500, retryable: false },
	secret_unreadable: { title: "A sealed secret cannot be opened", status: 500, retryable: false },
});

export interface SecretPlace {
	readonly tenant: string;
	readonly plugin: string;
	readonly field: string;
	/** Whose own secret it is; absent: everybody's. */
	readonly user?: string;
}

export interface SecretBox {
	/** Seals a text for one place. */
	seal(plaintext: string, place: SecretPlace): Promise<SealedSecret>;
	/** Opens what was sealed for this place. Throws CodedError `secret_unreadable` when key, place or bytes differ. */
	open(sealed: SealedSecret, place: SecretPlace): Promise<string>;
}

/**
 * @param masterKey 32 bytes, base64
 * @throws CodedError `master_key_invalid`
 */
export function createSecretBox(masterKey: string): SecretBox {
	const key = Buffer.from(masterKey, "base64");
	if (key.length !== 32) {
		throw errors.master_key_invalid(
			`HOOKBUS_MASTER_KEY holds ${key.length} bytes after base64 decoding; it needs 32 (openssl rand -base64 32)`,
		);
	}
	const keyId = createHash("sha256").update(key).digest("hex").slice(0, 16);
	return {
		async seal(plaintext, place) {
			const jwe = await new FlattenedEncrypt(new TextEncoder().encode(plaintext))
				.setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: keyId })
				.setAdditionalAuthenticatedData(additionalData(place))
				.encrypt(key);
			return { jwe: { ...jwe } };
		},
		async open(sealed, place) {
			const jwe = sealed.jwe as unknown as FlattenedJWE;
			try {
				// The stored additional data is replaced by the one of the place that asks: a moved value must not open.
				const opened = await flattenedDecrypt({ ...jwe, aad: Buffer.from(additionalData(place)).toString("base64url") }, key, {
					keyManagementAlgorithms: ["dir"],
					contentEncryptionAlgorithms: ["A256GCM"],
				});
				return new TextDecoder().decode(opened.plaintext);
			} catch (thrown) {
				throw errors.secret_unreadable(
					`secret ${place.field} of plugin ${place.plugin} in tenant ${place.tenant} cannot be opened with key ${keyId} ` +
						`(${describeError(thrown)}); set the master key that it was sealed with, or set the secret again`,
					{ cause: thrown },
				);
			}
		},
	};
}

function additionalData({ tenant, plugin, field, user }: SecretPlace): Uint8Array {
	return new TextEncoder().encode(JSON.stringify([tenant, plugin, field, ...(user === undefined ? [] : [user])]));
}
