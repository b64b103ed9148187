// A publisher's key pair, as `hookbus keygen` makes one.
import { generateKeyPairSync } from "node:crypto";
import { keyIdOf, publicKeyOf } from "@hookbus/schemas";

export interface Signer {
	/** PKCS #8, PEM. */
	readonly privateKey: string;
	/** Base64 of 32 bytes. */
	readonly publicKey: string;
	readonly keyId: string;
}

export function makeSigner(): Signer {
	const { privateKey: key } = generateKeyPairSync("ed25519");
	const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
	const publicKey = publicKeyOf(privateKey);
	return { privateKey, publicKey, keyId: keyIdOf(publicKey) };
}
