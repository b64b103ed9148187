// Keys in files: a private key as PKCS #8 in PEM, a public key as one line of base64.
import { isPublicKey, keyIdOf, publicKeyOf } from "@hookbus/schemas";
import { CliFailure } from "./cli-failure.js";
import { readBytes } from "./files.js";

export interface SigningKey {
	/** PEM. */
	readonly privateKey: string;
	readonly publicKey: string;
	readonly keyId: string;
}

/** @throws CliFailure `file_unreadable`, `key_invalid` */
export async function readSigningKey(path: string): Promise<SigningKey> {
	const privateKey = (await readBytes(path)).toString("utf8");
	try {
		const publicKey = publicKeyOf(privateKey);
		return { privateKey, publicKey, keyId: keyIdOf(publicKey) };
	} catch (thrown) {
		throw new CliFailure(`${path} holds no Ed25519 private key in PEM; make one with hookbus keygen`, {
			code: "key_invalid",
			cause: thrown,
			detail: { path },
		});
	}
}

/**
 * @param given the key itself, or the file that `hookbus keygen` wrote it to
 * @throws CliFailure `file_unreadable`, `key_invalid`
 */
export async function readPublicKey(given: string): Promise<string> {
	if (isPublicKey(given)) return given;
	const text = (await readBytes(given)).toString("utf8").trim();
	if (isPublicKey(text)) return text;
	throw new CliFailure(`${given} holds no public key; give the one that hookbus keygen printed, or its .pub file`, {
		code: "key_invalid",
		detail: {
			path: given,
		},
	});
}
