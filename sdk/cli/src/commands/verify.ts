// hookbus verify: whether a package is what a publisher signed.
import { CliFailure } from "../cli-failure.js";
import { type Command, repeatedOption, requiredPositional } from "../command.js";
import { readPublicKey } from "../keys.js";
import { readEntries } from "../package/read-entries.js";
import { verifyEntries } from "../package/verify-entries.js";

export const verify: Command = {
	name: "verify",
	summary: "Check a package's signature",
	help: `hookbus verify <package.zip> --trust <public key> [--trust <public key> …] [--json]

Checks that the package carries a signature of one of the trusted keys and that nothing in it was changed since. A key is given
as hookbus keygen printed it, or as its .pub file. Exit code 1 and a code say what is wrong: signature_missing,
signature_malformed, signature_other_plugin, package_altered (naming the files), publisher_unknown, signature_invalid.`,
	options: { trust: { type: "string", multiple: true } },
	maxPositionals: 1,
	async run(given) {
		const path = requiredPositional(given, 0, "the package");
		const trusted = await Promise.all(repeatedOption(given, "trust").map(readPublicKey));
		if (trusted.length === 0)
			throw new CliFailure("--trust is missing: a signature says nothing without a key to trust", { code: "usage" });
		const { plugin, version, digest, keyId } = verifyEntries(await readEntries(path), path, trusted);
		return {
			lines: [`good ${plugin} ${version}`, `digest ${digest}`, `signed by ${keyId}`],
			json: { plugin, version, digest, keyId },
		};
	},
};
