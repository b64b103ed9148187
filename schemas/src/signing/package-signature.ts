// The detached signature of a package: the file signature.json at the root of the .zip. It is made over everything else in the
// package, so that nobody between author and host can change a byte of code, manifest or README unseen.
//
// What is signed, exactly:
//
//   content   for every file of the package but signature.json one line `<SHA-256, hex>  <path>\n` (two spaces), in the order of
//             the paths' UTF-8 bytes; folders have no line. It is what `sha256sum` prints.
//   digest    SHA-256 of content, hex
//   signed    `hookbus package 1\npublisher <keyId>\nplugin <name>\nversion <version>\ncontent <digest>\n` in UTF-8
//
// The list of files stands in signature.json too, so that a package which was changed can be told file by file.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Digest, PluginName, SemVer } from "../identifiers.js";
import { isSignedText, KeyId, keyIdOf, publicKeyOf, Signature, sha256Of, signText } from "./ed25519.js";

/** Name of the signature at the root of a package. */
export const SIGNATURE_FILE = "signature.json";

/** Largest signature.json in bytes. */
export const MAX_SIGNATURE_BYTES = 64 * 1024;

export const SignedFile = Type.Object(
	{ path: Type.String({ minLength: 1, maxLength: 512 }), sha256: Digest },
	{ additionalProperties: false, $id: "SignedFile" },
);
export type SignedFile = Static<typeof SignedFile>;

export const PackageSignature = Type.Object(
	{
		spec: Type.Literal("1"),
		algorithm: Type.Literal("Ed25519"),
		keyId: KeyId,
		plugin: PluginName,
		version: SemVer,
		files: Type.Array(SignedFile, { minItems: 1, maxItems: 64, description: "Every other file of the package" }),
		digest: Type.String({
			pattern: Digest.pattern as string,
			description: "SHA-256 of the list of files, as sha256sum prints it",
		}),
		signature: Signature,
	},
	{ additionalProperties: false, $id: "PackageSignature", description: "signature.json at the root of a package" },
);
export type PackageSignature = Static<typeof PackageSignature>;

const check = TypeCompiler.Compile(PackageSignature);

/** What keeps a value from being a signature; `undefined`: nothing does. */
export function signatureShapeFault(value: unknown): { path: string; message: string } | undefined {
	const error = check.Errors(value).First();
	return error === undefined ? undefined : { path: error.path, message: error.message };
}

/** A package as it was found. */
export interface PackageContent {
	readonly plugin: string;
	readonly version: string;
	/** Every file but signature.json. */
	readonly files: readonly SignedFile[];
}

/** SHA-256 over all files of a package: the `digest` of its signature. */
export function contentDigest(files: readonly SignedFile[]): string {
	const lines = [...files].sort(byPath).map(({ path, sha256 }) => `${sha256}  ${path}\n`);
	return sha256Of(lines.join(""));
}

function byPath(a: SignedFile, b: SignedFile): number {
	return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}

function signedText({ keyId, plugin, version, digest }: Omit<PackageSignature, "signature">): string {
	return `hookbus package 1\npublisher ${keyId}\nplugin ${plugin}\nversion ${version}\ncontent ${digest}\n`;
}

/**
 * Signs a package.
 *
 * @param privateKey Ed25519, PKCS #8 in PEM
 * @throws Error when it is not such a key
 */
export function signPackage({ plugin, version, files }: PackageContent, privateKey: string): PackageSignature {
	const unsigned = {
		spec: "1",
		algorithm: "Ed25519",
		keyId: keyIdOf(publicKeyOf(privateKey)),
		plugin,
		version,
		files: [...files].sort(byPath),
		digest: contentDigest(files),
	} as const;
	return { ...unsigned, signature: signText(privateKey, signedText(unsigned)) };
}

/** What a signature says of the package that it lies in, when it does not fit; whose signature it is, is another question. */
export type SignatureMismatch =
	| { readonly code: "other_plugin" }
	| { readonly code: "altered"; readonly files: readonly AlteredFile[] };

export interface AlteredFile {
	readonly path: string;
	readonly how: "changed" | "added" | "removed";
}

/** Compares what was signed with what was found; `undefined`: they are the same. */
export function signatureMismatch(signature: PackageSignature, found: PackageContent): SignatureMismatch | undefined {
	if (signature.plugin !== found.plugin || signature.version !== found.version) return { code: "other_plugin" };
	const signed = new Map(signature.files.map(({ path, sha256 }) => [path, sha256]));
	const present = new Map(found.files.map(({ path, sha256 }) => [path, sha256]));
	const files: AlteredFile[] = [
		...found.files.flatMap(({ path, sha256 }): AlteredFile[] => {
			const before = signed.get(path);
			if (before === sha256) return [];
			return [{ path, how: before === undefined ? "added" : "changed" }];
		}),
		...[...signed.keys()].filter((path) => !present.has(path)).map((path): AlteredFile => ({ path, how: "removed" })),
	];
	return files.length === 0 ? undefined : { code: "altered", files };
}

/** True when the holder of this key made the signature, and its digest is the one of its list of files. */
export function isGenuineSignature(signature: PackageSignature, publicKey: string): boolean {
	if (keyIdOf(publicKey) !== signature.keyId) return false;
	if (contentDigest(signature.files) !== signature.digest) return false;
	return isSignedText(publicKey, signedText(signature), signature.signature);
}
