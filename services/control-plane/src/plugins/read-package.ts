// Turns an uploaded file into manifest, module and README. What the file is, its first bytes decide, not its name.
import { open, readFile } from "node:fs/promises";
import { MAX_MODULE_BYTES, MAX_SIGNATURE_BYTES, SIGNATURE_FILE, type SignedFile } from "@hookbus/schemas";
import { isStorable } from "../checks/unstorable-text.js";
import { errors } from "../errors.js";
import { ARCHIVE_LIMITS } from "./archive-limits.js";
import { MAX_MANIFEST_BYTES } from "./parse-manifest.js";
import { readArchive, type WantedFiles } from "./read-archive.js";

export interface PackageFiles {
	/** File name of the manifest, for messages. */
	readonly manifestName: string;
	readonly manifestText: string;
	/** Undefined: there is none. */
	readonly module: Buffer | undefined;
	readonly readme: string | undefined;
	/** Bytes of signature.json; undefined: the package has none, as a bare module never has. */
	readonly signature: Buffer | undefined;
	/** Every other file of the archive, with what it inflates to. */
	readonly files: readonly SignedFile[];
}

const MANIFEST_NAMES = ["plugin.yaml", "plugin.yml", "plugin.json"];
export const MODULE_NAME = "plugin.wasm";
const README_NAME = "README.md";

const WANTED: WantedFiles = new Map([
	...MANIFEST_NAMES.map((name): [string, number] => [name, MAX_MANIFEST_BYTES]),
	[MODULE_NAME, MAX_MODULE_BYTES],
	[README_NAME, ARCHIVE_LIMITS.readmeBytes],
	[SIGNATURE_FILE, MAX_SIGNATURE_BYTES],
]);

/**
 * @param path the uploaded file; undefined: only a manifest was sent
 * @param manifestText the manifest that was sent beside it; needed for a bare module, refused for an archive
 * @throws CodedError `package_…`, `archive_…`, `upload_too_large`
 */
export async function readPackage(path: string | undefined, manifestText: string | undefined): Promise<PackageFiles> {
	if (path === undefined) return withManifestBeside(undefined, manifestText);
	const kind = await kindOf(path);
	if (kind === "wasm") return await readBareModule(path, manifestText);
	if (manifestText !== undefined) {
		throw errors.package_ambiguous("the archive holds a manifest and another one was sent beside it; send one of them");
	}
	const files: SignedFile[] = [];
	const wanted = await readArchive(path, WANTED, (name, sha256) => {
		if (name !== SIGNATURE_FILE) files.push({ path: name, sha256 });
	});
	return { ...fromArchive(wanted), signature: wanted.get(SIGNATURE_FILE), files };
}

async function kindOf(path: string): Promise<"zip" | "wasm"> {
	const file = await open(path, "r");
	try {
		const head = Buffer.alloc(4);
		const { bytesRead } = await file.read(head, 0, 4, 0);
		const magic = head.subarray(0, bytesRead).toString("hex");
		if (magic === "0061736d") return "wasm";
		if (magic === "504b0304" || magic === "504b0506") return "zip";
		const found = bytesRead === 0 ? "is empty" : `begins with the bytes ${magic}`;
		throw errors.package_unknown(`the uploaded file ${found}; send a .zip (50 4b 03 04) or a .wasm (00 61 73 6d)`);
	} finally {
		await file.close();
	}
}

async function readBareModule(path: string, manifestText: string | undefined): Promise<PackageFiles> {
	const module = await readFile(path);
	if (module.length > MAX_MODULE_BYTES) {
		throw errors.upload_too_large(`the module has ${module.length} bytes; at most ${MAX_MODULE_BYTES} are taken`);
	}
	return withManifestBeside(module, manifestText);
}

function withManifestBeside(module: Buffer | undefined, manifestText: string | undefined): PackageFiles {
	if (manifestText === undefined) {
		throw errors.package_file_missing("a bare .wasm needs its manifest: send it beside it as manifest (YAML or JSON)");
	}
	return { manifestName: "manifest", manifestText, module, readme: undefined, signature: undefined, files: [] };
}

function fromArchive(files: ReadonlyMap<string, Buffer>): Omit<PackageFiles, "signature" | "files"> {
	const manifests = MANIFEST_NAMES.filter((name) => files.has(name));
	const [manifestName, other] = manifests;
	if (manifestName === undefined) {
		throw errors.package_file_missing(
			`the archive has no manifest at its root; add ${MANIFEST_NAMES.join(" or ")} (not inside a folder)`,
			{ errors: [{ path: "plugin.yaml", message: "is missing" }] },
		);
	}
	if (other !== undefined) throw errors.package_ambiguous(`the archive holds ${manifestName} and ${other}; keep one of them`);
	const readme = files.get(README_NAME);
	return {
		manifestName,
		manifestText: utf8(files.get(manifestName), manifestName),
		module: files.get(MODULE_NAME),
		readme: readme === undefined ? undefined : utf8(readme, README_NAME),
	};
}

function utf8(bytes: Buffer | undefined, name: string): string {
	try {
		const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
		if (isStorable(text)) return text;
	} catch {
		// Reported below, like text that is UTF-8 and holds what no text holds.
	}
	throw errors.manifest_unreadable(`${name} is not UTF-8 text, or holds the character U+0000`, {
		errors: [{ path: name, message: "is not UTF-8 text" }],
	});
}
