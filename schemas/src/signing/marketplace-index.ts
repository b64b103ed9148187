// The index of a marketplace: one signed, numbered, expiring JSON file that any web server can host. Its number only grows and its
// time is short, so that nobody between its publisher and a control plane can hold back a newer one or a recall for long.
//
// What is signed: `hookbus index 1\n` and the canonical JSON (RFC 8785) of the index without its property `signature`, in UTF-8.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { canonicalJson } from "../canonical-json.js";
import { Digest, PluginName, SemVer } from "../identifiers.js";
import { isSignedText, KeyId, keyIdOf, publicKeyOf, Signature, signText } from "./ed25519.js";
import { PackageSignature } from "./package-signature.js";

/** Largest index in bytes (8 MiB). */
export const MAX_INDEX_BYTES = 8 * 1024 * 1024;

const Time = Type.String({
	pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,3})?Z$",
	description: "RFC 3339, UTC",
});

export const IndexEntry = Type.Object(
	{
		name: PluginName,
		version: SemVer,
		digest: Type.String({ pattern: Digest.pattern as string, description: "SHA-256 of the package file" }),
		module: Type.String({ pattern: Digest.pattern as string, description: "SHA-256 of its plugin.wasm" }),
		size: Type.Integer({ minimum: 1, maximum: 104_857_600, description: "Bytes of the package file" }),
		url: Type.String({ minLength: 1, maxLength: 2_048, description: "Of the package file; relative to the index's own" }),
		category: Type.Optional(Type.String({ maxLength: 64 })),
		tags: Type.Array(Type.String({ minLength: 1, maxLength: 32 }), { maxItems: 16 }),
		author: Type.Optional(Type.String({ maxLength: 200 })),
		description: Type.String({ minLength: 1, maxLength: 500 }),
		downloads: Type.Optional(Type.Integer({ minimum: 0 })),
		rating: Type.Optional(Type.Number({ minimum: 0, maximum: 5 })),
		manifest: Type.Record(Type.String(), Type.Unknown(), { description: "As it stands in the package" }),
		signature: Type.Optional(PackageSignature),
	},
	{ additionalProperties: false, $id: "IndexEntry", description: "One version of a plugin in an index" },
);
export type IndexEntry = Static<typeof IndexEntry>;

export const IndexRecall = Type.Object(
	{
		digest: Type.String({ pattern: Digest.pattern as string, description: "SHA-256 of the module that must not run any more" }),
		reason: Type.String({ minLength: 1, maxLength: 500 }),
	},
	{ additionalProperties: false, $id: "IndexRecall" },
);
export type IndexRecall = Static<typeof IndexRecall>;

export const MarketplaceIndex = Type.Object(
	{
		spec: Type.Literal("1"),
		name: Type.String({ minLength: 1, maxLength: 100, description: "Of the marketplace, for people" }),
		number: Type.Integer({ minimum: 1, description: "Higher than that of every index before" }),
		issuedAt: Time,
		expiresAt: Time,
		plugins: Type.Array(IndexEntry, { maxItems: 10_000 }),
		recalls: Type.Array(IndexRecall, { maxItems: 1_000, description: "A recall stays in every later index" }),
		keyId: KeyId,
		signature: Signature,
	},
	{ additionalProperties: false, $id: "MarketplaceIndex", description: "index.json of a marketplace" },
);
export type MarketplaceIndex = Static<typeof MarketplaceIndex>;

const check = TypeCompiler.Compile(MarketplaceIndex);

/** What keeps a value from being an index; `undefined`: nothing does. */
export function indexShapeFault(value: unknown): { path: string; message: string } | undefined {
	const error = check.Errors(value).First();
	if (error !== undefined) return { path: error.path, message: error.message };
	const seen = new Set<string>();
	for (const [at, { name, version }] of (value as MarketplaceIndex).plugins.entries()) {
		const entry = `${name}@${version}`;
		if (seen.has(entry)) return { path: `/plugins/${at}`, message: `${entry} stands twice` };
		seen.add(entry);
	}
	return undefined;
}

function signedText(unsigned: Omit<MarketplaceIndex, "signature">): string {
	return `hookbus index 1\n${canonicalJson(unsigned)}`;
}

/**
 * Signs an index.
 *
 * @param privateKey Ed25519, PKCS #8 in PEM
 * @throws Error when it is not such a key
 */
export function signIndex(index: Omit<MarketplaceIndex, "spec" | "keyId" | "signature">, privateKey: string): MarketplaceIndex {
	const unsigned = { spec: "1", ...index, keyId: keyIdOf(publicKeyOf(privateKey)) } as const;
	return { ...unsigned, signature: signText(privateKey, signedText(unsigned)) };
}

/** True when the holder of this key signed the index as it stands. */
export function isGenuineIndex({ signature, ...unsigned }: MarketplaceIndex, publicKey: string): boolean {
	return keyIdOf(publicKey) === unsigned.keyId && isSignedText(publicKey, signedText(unsigned), signature);
}
