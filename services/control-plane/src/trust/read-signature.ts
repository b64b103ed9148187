// Reads signature.json and compares what was signed with what the archive holds. A signature that does not fit is refused whatever
// the tenant's policy says: somebody changed the package after its author let go of it.
import {
	type PackageContent,
	type PackageSignature,
	SIGNATURE_FILE,
	type SignatureMismatch,
	signatureMismatch,
	signatureShapeFault,
} from "@hookbus/schemas";
import { errors } from "../errors.js";

/**
 * @param bytes of signature.json; undefined: the package has none
 * @throws CodedError `signature_malformed`, `signature_other_plugin`, `package_altered`
 */
export function readSignature(bytes: Uint8Array | undefined, found: PackageContent): PackageSignature | undefined {
	if (bytes === undefined) return undefined;
	const signature = parseSignature(bytes);
	const mismatch = signatureMismatch(signature, found);
	if (mismatch !== undefined) throw refusal(mismatch, signature, found);
	return signature;
}

function parseSignature(bytes: Uint8Array): PackageSignature {
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
	} catch (thrown) {
		throw errors.signature_malformed(`${SIGNATURE_FILE} is not JSON in UTF-8; sign the package again with hookbus sign`, {
			cause: thrown,
		});
	}
	const fault = signatureShapeFault(value);
	if (fault === undefined) return value as PackageSignature;
	throw errors.signature_malformed(
		`${SIGNATURE_FILE}: ${fault.path || "the whole"}: ${fault.message}; sign the package again with hookbus sign`,
		{ errors: [{ path: fault.path, message: fault.message }] },
	);
}

function refusal(mismatch: SignatureMismatch, signature: PackageSignature, { plugin, version }: PackageContent) {
	switch (mismatch.code) {
		case "other_plugin":
			return errors.signature_other_plugin(
				`${SIGNATURE_FILE} is for plugin ${signature.plugin} ${signature.version}, and the package holds ${plugin} ${version}; ` +
					"sign this package itself",
			);
		case "altered": {
			const named = mismatch.files.map(({ path, how }) => `${path} (${how})`).join(", ");
			return errors.package_altered(
				`the package is not what its publisher signed: ${named}; fetch it again from its publisher, or sign it again`,
				{ errors: mismatch.files.map(({ path, how }) => ({ path, message: `${how} since it was signed` })) },
			);
		}
	}
}
