// Verifies the signature in a package with the rules of the install gate, and says what is wrong in the same words.
import {
	isGenuineSignature,
	keyIdOf,
	type PackageSignature,
	SIGNATURE_FILE,
	signatureMismatch,
	signatureShapeFault,
} from "@hookbus/schemas";
import { CliFailure } from "../cli-failure.js";
import { describePackage } from "./describe-package.js";
import type { PackageEntry } from "./read-entries.js";

/**
 * The signature, which is genuine and made by one of these keys.
 *
 * @param path of the package, for messages
 * @param trusted public keys
 * @throws CliFailure `package_invalid`, `signature_…`, `package_altered`, `publisher_unknown`
 */
export function verifyEntries(entries: readonly PackageEntry[], path: string, trusted: readonly string[]): PackageSignature {
	const signature = readSignature(entries, path);
	const publicKey = trusted.find((key) => keyIdOf(key) === signature.keyId);
	if (publicKey === undefined) {
		throw new CliFailure(`${path} is signed by key ${signature.keyId}, which is none of the trusted ones`, {
			code: "publisher_unknown",
			detail: {
				keyId: signature.keyId,
			},
		});
	}
	if (!isGenuineSignature(signature, publicKey)) {
		throw new CliFailure(`the signature in ${path} was not made with key ${signature.keyId}, which it names`, {
			code: "signature_invalid",
		});
	}
	return signature;
}

/**
 * The signature, which fits the package; whoever made it.
 *
 * @throws CliFailure `package_invalid`, `signature_missing`, `signature_malformed`, `signature_other_plugin`, `package_altered`
 */
export function readSignature(entries: readonly PackageEntry[], path: string): PackageSignature {
	const found = describePackage(entries, path);
	const file = entries.find((entry) => entry.path === SIGNATURE_FILE);
	if (file === undefined) {
		throw new CliFailure(`${path} is not signed; its publisher signs it with hookbus sign`, { code: "signature_missing" });
	}
	const signature = parseSignature(file.content, path);
	const mismatch = signatureMismatch(signature, found);
	if (mismatch?.code === "other_plugin") {
		throw new CliFailure(
			`the signature in ${path} is for ${signature.plugin} ${signature.version}, the package holds ${found.plugin} ${found.version}`,
			{ code: "signature_other_plugin" },
		);
	}
	if (mismatch !== undefined) {
		const named = mismatch.files.map((altered) => `${altered.path} (${altered.how})`).join(", ");
		throw new CliFailure(`${path} is not what was signed: ${named}`, {
			code: "package_altered",
			detail: { files: mismatch.files },
		});
	}
	return signature;
}

function parseSignature(content: Buffer, path: string): PackageSignature {
	let value: unknown;
	try {
		value = JSON.parse(content.toString("utf8"));
	} catch (thrown) {
		throw new CliFailure(`${SIGNATURE_FILE} in ${path} is not JSON`, { code: "signature_malformed", cause: thrown });
	}
	const fault = signatureShapeFault(value);
	if (fault === undefined) return value as PackageSignature;
	throw new CliFailure(`${SIGNATURE_FILE} in ${path}: ${fault.path || "the whole"}: ${fault.message}`, {
		code: "signature_malformed",
	});
}
