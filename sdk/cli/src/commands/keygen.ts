// hookbus keygen: the publisher's key pair.
import { generateKeyPairSync } from "node:crypto";
import { keyIdOf, publicKeyOf } from "@hookbus/schemas";
import { type Command, optionalOption } from "../command.js";
import { writeNew } from "../files.js";

const DEFAULT_FILE = "hookbus.key";

export const keygen: Command = {
	name: "keygen",
	summary: "Make a key pair to sign packages with",
	help: `hookbus keygen [--out <file>] [--json]

Makes an Ed25519 key pair. The private key goes to the file (default ${DEFAULT_FILE}; PKCS #8 in PEM, readable by you only),
the public key to <file>.pub. Nothing is overwritten. Keep the private key secret: whoever has it can publish your plugins.
Give the public key to the admins who are to trust you: POST /api/v1/trusted-publishers.`,
	options: { out: { type: "string" } },
	maxPositionals: 0,
	async run(given) {
		const file = optionalOption(given, "out") ?? DEFAULT_FILE;
		const { privateKey: key } = generateKeyPairSync("ed25519");
		const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
		const publicKey = publicKeyOf(privateKey);
		const keyId = keyIdOf(publicKey);
		await writeNew(file, privateKey, 0o600);
		await writeNew(`${file}.pub`, `${publicKey}\n`, 0o644);
		return {
			lines: [`private key  ${file} (keep it secret)`, `public key   ${publicKey}`, `key id       ${keyId}`],
			json: { file, publicKeyFile: `${file}.pub`, publicKey, keyId },
		};
	},
};
