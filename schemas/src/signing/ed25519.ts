// Keys and signatures as they are written down everywhere here: base64 of the raw bytes, and a key known by its SHA-256. Authors'
// tool and control plane use the same functions, so that what one signs the other verifies.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { Digest } from "../identifiers.js";

/** 32 bytes; of several spellings of the same bytes only the one whose unused bits are zero. */
export const PublicKey = Type.String({
	pattern: "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$",
	description: "Ed25519 public key (RFC 8032): base64 of its 32 bytes, as `hookbus keygen` prints it",
});
export type PublicKey = Static<typeof PublicKey>;

export const KeyId = Type.String({ pattern: Digest.pattern as string, description: "SHA-256 of a public key's 32 bytes, hex" });

export const Signature = Type.String({
	pattern: "^[A-Za-z0-9+/]{85}[AQgw]==$",
	description: "Ed25519 signature (RFC 8032): base64 of its 64 bytes",
});

const publicKeyPattern = new RegExp(PublicKey.pattern as string);

/** True when the text is a public key as it is written here. */
export function isPublicKey(text: string): boolean {
	return publicKeyPattern.test(text);
}

/** The name by which a key is known. */
export function keyIdOf(publicKey: PublicKey): string {
	return createHash("sha256").update(Buffer.from(publicKey, "base64")).digest("hex");
}

/** SHA-256 of bytes or of a text's UTF-8, hex. */
export function sha256Of(content: Uint8Array | string): string {
	return createHash("sha256").update(content).digest("hex");
}

/**
 * Signs the UTF-8 of a text.
 *
 * @param privateKey Ed25519, PKCS #8 in PEM
 * @throws Error when it is not such a key
 */
export function signText(privateKey: string, text: string): string {
	return sign(null, Buffer.from(text), readPrivateKey(privateKey)).toString("base64");
}

/**
 * The public half of a private key.
 *
 * @param privateKey Ed25519, PKCS #8 in PEM
 * @throws Error when it is not such a key
 */
export function publicKeyOf(privateKey: string): PublicKey {
	const { x } = createPublicKey(readPrivateKey(privateKey)).export({ format: "jwk" });
	return Buffer.from(x ?? "", "base64url").toString("base64");
}

function readPrivateKey(pem: string): KeyObject {
	const key = createPrivateKey(pem);
	if (key.asymmetricKeyType !== "ed25519") throw new Error(`the key is of type ${key.asymmetricKeyType}, not ed25519`);
	return key;
}

/** True when the holder of the key signed exactly this text. Does not throw. */
export function isSignedText(publicKey: PublicKey, text: string, signature: string): boolean {
	if (!isPublicKey(publicKey)) return false;
	const x = Buffer.from(publicKey, "base64").toString("base64url");
	try {
		const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
		return verify(null, Buffer.from(text), key, Buffer.from(signature, "base64"));
	} catch {
		// 32 bytes that are no key of the curve have signed nothing.
		return false;
	}
}
