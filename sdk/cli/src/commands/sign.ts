// hookbus sign: puts the publisher's signature into a package.
import { SIGNATURE_FILE, signatureShapeFault, signPackage } from "@hookbus/schemas";
import { CliFailure } from "../cli-failure.js";
import { type Command, optionalOption, requiredOption, requiredPositional } from "../command.js";
import { writeWhole } from "../files.js";
import { readSigningKey } from "../keys.js";
import { describePackage } from "../package/describe-package.js";
import { readEntries } from "../package/read-entries.js";
import { writeEntries } from "../package/write-entries.js";

export const sign: Command = {
	name: "sign",
	summary: "Sign a package",
	help: `hookbus sign <package.zip> --key <private key file> [--out <file>] [--json]

Puts ${SIGNATURE_FILE} into the package: an Ed25519 signature over every other file in it, with the plugin's name and version.
A signature that is there is replaced. Without --out the package itself is rewritten.`,
	options: { key: { type: "string" }, out: { type: "string" } },
	maxPositionals: 1,
	async run(given) {
		const path = requiredPositional(given, 0, "the package");
		const { privateKey, keyId } = await readSigningKey(requiredOption(given, "key"));
		const entries = (await readEntries(path)).filter((entry) => entry.path !== SIGNATURE_FILE);
		const signature = signPackage(describePackage(entries, path), privateKey);
		const fault = signatureShapeFault(signature);
		if (fault !== undefined) {
			throw new CliFailure(`${path} cannot be signed: ${fault.path}: ${fault.message}`, {
				code: "package_invalid",
				detail: { path },
			});
		}
		const content = Buffer.from(`${JSON.stringify(signature, undefined, 2)}\n`);
		const file = optionalOption(given, "out") ?? path;
		await writeWhole(file, await writeEntries([...entries, { path: SIGNATURE_FILE, content, compressed: false }]));
		const { plugin, version, digest } = signature;
		return {
			lines: [`signed ${plugin} ${version}: ${file}`, `digest ${digest}`, `key id ${keyId}`],
			json: { file, plugin, version, digest, keyId },
		};
	},
};
