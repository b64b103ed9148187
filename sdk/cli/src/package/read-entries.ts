// Reads a package into memory, entry by entry. Stricter than an ordinary zip tool, but not the install gate: that is the control
// plane's, and a package that is read here may still be refused there.
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { CliFailure } from "../cli-failure.js";
import { readBytes } from "../files.js";

export interface PackageEntry {
	/** With a / at its end: a folder. */
	readonly path: string;
	readonly content: Buffer;
	/** True when it was deflated, not stored. */
	readonly compressed: boolean;
}

/** As the install gate has them. */
const MAX_ENTRIES = 64;
const MAX_INFLATED_BYTES = 50 * 1024 * 1024;

/** @throws CliFailure `file_unreadable`, `package_invalid` */
export async function readEntries(path: string): Promise<PackageEntry[]> {
	return await entriesOf(await readBytes(path), path);
}

/** @throws CliFailure `package_invalid` */
export async function entriesOf(bytes: Buffer, path: string): Promise<PackageEntry[]> {
	const invalid = (why: string, cause?: unknown) =>
		new CliFailure(`${path} is no package: ${why}`, { code: "package_invalid", cause, detail: { path } });
	let left = MAX_INFLATED_BYTES;
	const entries: PackageEntry[] = [];
	try {
		const zip = await openZip(bytes);
		for (const entry of await listEntries(zip)) {
			const { fileName } = entry;
			if (/[\0-\x1f\x7f]/.test(fileName)) throw invalid(`an entry has the unsafe name ${JSON.stringify(fileName)}`);
			if (entries.some((other) => other.path === fileName)) throw invalid(`it holds ${fileName} twice`);
			left -= entry.uncompressedSize;
			if (left < 0) throw invalid(`its entries have more than ${MAX_INFLATED_BYTES} bytes`);
			if (entries.length === MAX_ENTRIES) throw invalid(`it holds more than ${MAX_ENTRIES} entries`);
			const content = fileName.endsWith("/") ? Buffer.alloc(0) : await readEntry(zip, entry);
			entries.push({ path: fileName, content, compressed: entry.compressionMethod !== 0 });
		}
		return entries;
	} catch (thrown) {
		if (thrown instanceof CliFailure) throw thrown;
		throw invalid(thrown instanceof Error ? thrown.message : String(thrown), thrown);
	}
}

function openZip(bytes: Buffer): Promise<ZipFile> {
	return new Promise((resolve, reject) => {
		yauzl.fromBuffer(bytes, { lazyEntries: true, strictFileNames: true, validateEntrySizes: true }, (thrown, zip) =>
			thrown === null && zip !== undefined ? resolve(zip) : reject(thrown ?? new Error("no archive")),
		);
	});
}

function listEntries(zip: ZipFile): Promise<Entry[]> {
	const entries: Entry[] = [];
	return new Promise((resolve, reject) => {
		zip.on("entry", (entry: Entry) => {
			entries.push(entry);
			zip.readEntry();
		});
		zip.once("end", () => resolve(entries));
		zip.once("error", reject);
		zip.readEntry();
	});
}

function readEntry(zip: ZipFile, entry: Entry): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		zip.openReadStream(entry, (thrown, stream) => {
			if (thrown !== null || stream === undefined) return reject(thrown ?? new Error("no content"));
			const chunks: Buffer[] = [];
			stream.on("data", (chunk: Buffer) => chunks.push(chunk));
			stream.on("end", () => resolve(Buffer.concat(chunks)));
			stream.on("error", reject);
		});
	});
}
