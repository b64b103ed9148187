// Decides whether a package's signature is good enough for a tenant: whom the admins trust, whether a signature is needed at all,
// and whose plugin it is. Asked in the transaction that stores or enables, so that a publisher who is removed at the same moment
// either counts before or not at all.
import { isGenuineSignature, type PackageSignature } from "@hookbus/schemas";
import type { Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { findPolicy, findPublisher } from "./repository.js";

/** A version as it came, or as it is stored. */
export interface SignedVersion {
	readonly plugin: string;
	readonly version: string;
	readonly signature: PackageSignature | null;
	/** SHA-256 of its module, hex. */
	readonly digest: string;
}

/**
 * The key that signed it; null: nobody did, and nothing demands it.
 *
 * @param pinned id of the key whose packages are this plugin; null: of nobody yet
 * @throws CodedError `signature_missing`, `publisher_unknown`, `signature_invalid`, `publisher_differs`
 */
export async function requireSigner(
	queries: Queries,
	tenant: string,
	signed: SignedVersion,
	pinned: string | null,
): Promise<string | null> {
	const { plugin, version, signature } = signed;
	if (signature === null) {
		if (pinned !== null) {
			throw errors.signature_missing(
				`plugin ${plugin} is published by key ${pinned}, and version ${version} is not signed; ${acceptance(plugin)}`,
			);
		}
		if ((await findPolicy(queries, tenant))?.requireSignature !== true) return null;
		throw errors.signature_missing(
			`plugin ${plugin} ${version} is not signed, and the tenant's trust policy demands it; ` +
				"install a package that its publisher signed, or change the policy with PUT /api/v1/trust-policy",
		);
	}
	const publisher = await findPublisher(queries, tenant, signature.keyId);
	if (publisher === undefined) {
		throw errors.publisher_unknown(
			`plugin ${plugin} ${version} is signed by key ${signature.keyId}, which nobody here trusts; ` +
				"an admin adds it with POST /api/v1/trusted-publishers after asking its holder",
		);
	}
	const isOfModule = signature.files.some(({ path, sha256 }) => path === "plugin.wasm" && sha256 === signed.digest);
	if (!isOfModule || !isGenuineSignature(signature, publisher.publicKey)) {
		throw errors.signature_invalid(
			`the signature of plugin ${plugin} ${version} was not made by ${publisher.name} (key ${publisher.keyId}), whom it names; ` +
				"fetch the package again from its publisher",
		);
	}
	if (pinned !== null && pinned !== publisher.keyId) {
		throw errors.publisher_differs(
			`plugin ${plugin} is published by key ${pinned}, and version ${version} is signed by ${publisher.name} (key ${publisher.keyId}); ` +
				acceptance(plugin),
		);
	}
	return publisher.keyId;
}

function acceptance(plugin: string): string {
	return `an admin who knows why accepts the change with PUT /api/v1/plugins/${plugin}/publisher`;
}
