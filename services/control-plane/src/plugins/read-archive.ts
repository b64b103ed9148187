// Reads a .zip from a stranger. Nothing is ever written under a name from inside it: the few files that are wanted come back
// as bytes, and every other entry is inflated and thrown away, only to know that the archive is what it says.
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { CodedError } from "@hookbus/foundation";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { errors } from "../errors.js";
import { checkLayout, readFrame } from "./archive-layout.js";
import { ARCHIVE_LIMITS } from "./archive-limits.js";

/** A file inside the archive that is wanted, with the most bytes that it may have. */
export type WantedFiles = ReadonlyMap<string, number>;

/**
 * Checks the whole archive and returns the wanted files that it has, by name.
 *
 * @param onFile is told of every file, wanted or not, with the SHA-256 (hex) of what it inflates to; folders are no files
 * @throws CodedError `archive_…` naming the entry and the rule
 */
export async function readArchive(
	path: string,
	wanted: WantedFiles,
	onFile: (path: string, sha256: string) => void = () => undefined,
): Promise<Map<string, Buffer>> {
	const file = await open(path, "r");
	try {
		const frame = await readFrame(file);
		const zip = await openZip(file);
		const entries = await listEntries(zip);
		checkEntries(entries);
		await checkLayout(
			file,
			frame,
			entries.map((entry) => ({
				name: entry.fileName,
				rawName: rawName(entry),
				offset: entry.relativeOffsetOfLocalHeader,
				flags: entry.generalPurposeBitFlag,
				method: entry.compressionMethod,
				crc: entry.crc32,
				compressedSize: entry.compressedSize,
				size: entry.uncompressedSize,
			})),
		);
		const files = new Map<string, Buffer>();
		let left: number = ARCHIVE_LIMITS.inflatedBytes;
		for (const entry of entries) {
			const limit = wanted.get(entry.fileName);
			if (limit !== undefined && entry.uncompressedSize > limit) {
				throw errors.archive_too_large(
					`${entry.fileName} has ${entry.uncompressedSize} bytes; at most ${limit} are taken`,
					at(entry),
				);
			}
			const hash = createHash("sha256");
			const { bytes, content } = await inflate(zip, entry, left, hash, limit !== undefined);
			left -= bytes;
			if (!entry.fileName.endsWith("/")) onFile(entry.fileName, hash.digest("hex"));
			if (content !== undefined) files.set(entry.fileName, content);
		}
		return files;
	} finally {
		await file.close();
	}
}

function at(entry: Pick<Entry, "fileName">, message = "this entry") {
	return { errors: [{ path: entry.fileName, message }] };
}

/** What yauzl throws is about the archive, never about us. */
function translate(thrown: unknown): CodedError {
	if (thrown instanceof CodedError) return thrown;
	const message = thrown instanceof Error ? thrown.message : String(thrown);
	if (/^(absolute path|invalid relative path|invalid characters in fileName)/.test(message)) {
		return errors.archive_path(
			`an entry has an unsafe name (${message}); names inside the archive are relative, with / and without ..`,
			{
				cause: thrown,
			},
		);
	}
	if (/encryption/.test(message))
		return errors.archive_encrypted(`the archive holds an encrypted entry (${message})`, { cause: thrown });
	return errors.archive_malformed(`the archive cannot be read: ${message}`, { cause: thrown });
}

function openZip(file: FileHandle): Promise<ZipFile> {
	return new Promise((resolve, reject) => {
		yauzl.fromFd(
			file.fd,
			{ lazyEntries: true, autoClose: false, decodeStrings: true, strictFileNames: true, validateEntrySizes: true },
			(thrown, zip) => (thrown === null && zip !== undefined ? resolve(zip) : reject(translate(thrown))),
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
		zip.once("error", (thrown) => reject(translate(thrown)));
		zip.readEntry();
	});
}

const TYPE_MASK = 0o170_000;
const REGULAR = 0o100_000;
const DIRECTORY = 0o040_000;
/** Extra fields that carry a link's target: Unix (0x000d) and ASi Unix (0x756e). */
const LINK_FIELDS = new Set([0x000d, 0x756e]);
const ZIP64_FIELD = 0x0001;

function checkEntries(entries: readonly Entry[]): void {
	const names = new Map<string, string>();
	let declared = 0;
	for (const entry of entries) {
		const { fileName } = entry;
		const folded = fileName.normalize("NFKC").toLowerCase().replace(/\/$/, "");
		const twin = names.get(folded);
		if (twin !== undefined) {
			throw errors.archive_duplicate(
				`entries "${twin}" and "${fileName}" have the same name on systems that fold case`,
				at(entry),
			);
		}
		names.set(folded, fileName);
		checkEntry(entry);
		declared += entry.uncompressedSize;
	}
	if (declared > ARCHIVE_LIMITS.inflatedBytes) {
		throw errors.archive_too_large(
			`the archive's entries have ${declared} bytes; at most ${ARCHIVE_LIMITS.inflatedBytes} are inflated`,
		);
	}
}

function checkEntry(entry: Entry): void {
	const { fileName } = entry;
	if (fileName === "" || /[\0-\x1f\x7f]/.test(fileName) || fileName.split("/").some((part) => part === "." || part === "..")) {
		throw errors.archive_path(
			`entry ${JSON.stringify(fileName)} has an unsafe name; use relative names with / and without ..`,
			at(entry),
		);
	}
	const type = (entry.externalFileAttributes >>> 16) & TYPE_MASK;
	const isDirectory = fileName.endsWith("/");
	if (type !== 0 && type !== (isDirectory ? DIRECTORY : REGULAR)) {
		throw errors.archive_link(`entry "${fileName}" is a link or a device; only regular files are taken`, at(entry));
	}
	const fields = entry.extraFields.map(({ id }) => id);
	if (fields.some((id) => LINK_FIELDS.has(id))) {
		throw errors.archive_link(`entry "${fileName}" carries a link; only regular files are taken`, at(entry));
	}
	if (fields.includes(ZIP64_FIELD)) {
		throw errors.archive_malformed(`entry "${fileName}" has zip64 sizes, which nothing of this size needs`, at(entry));
	}
	if ((entry.generalPurposeBitFlag & 0x1) !== 0 || (entry.generalPurposeBitFlag & 0x2040) !== 0) {
		throw errors.archive_encrypted(`entry "${fileName}" is encrypted; pack it without a password`, at(entry));
	}
	if (
		entry.uncompressedSize > ARCHIVE_LIMITS.ratioFromBytes &&
		entry.uncompressedSize > entry.compressedSize * ARCHIVE_LIMITS.ratio
	) {
		throw errors.archive_ratio(
			`entry "${fileName}" inflates from ${entry.compressedSize} to ${entry.uncompressedSize} bytes; more than ${ARCHIVE_LIMITS.ratio} to 1 is refused`,
			at(entry),
		);
	}
}

interface Inflated {
	readonly bytes: number;
	readonly content: Buffer | undefined;
}

async function inflate(zip: ZipFile, entry: Entry, left: number, hash: Hash, keep: boolean): Promise<Inflated> {
	const { fileName } = entry;
	if (fileName.endsWith("/")) {
		if (entry.uncompressedSize === 0) return { bytes: 0, content: undefined };
		throw errors.archive_malformed(`directory "${fileName}" has content`, at(entry));
	}
	const chunks: Buffer[] = [];
	let bytes = 0;
	let checksum = 0;
	let head = Buffer.alloc(0);
	try {
		const raw = await openEntry(zip, entry);
		const inflater = entry.compressionMethod === DEFLATED ? createInflateRaw() : undefined;
		const stream = inflater === undefined ? raw : pipeline(raw, inflater, () => undefined);
		for await (const chunk of stream as AsyncIterable<Buffer>) {
			bytes += chunk.length;
			if (bytes > left || bytes > entry.uncompressedSize) {
				throw errors.archive_corrupt(
					`entry "${fileName}" inflates to more than the ${entry.uncompressedSize} bytes that it declares`,
					at(entry),
				);
			}
			checksum = crc32(chunk, checksum);
			hash.update(chunk);
			if (head.length < 4) head = Buffer.concat([head, chunk.subarray(0, 4)]).subarray(0, 4);
			if (keep) chunks.push(chunk);
		}
		// What stands behind the end of the deflated bytes is the next entry for tools that read from the beginning.
		if (inflater !== undefined && inflater.bytesWritten !== entry.compressedSize) {
			throw errors.archive_corrupt(
				`entry "${fileName}" ends after ${inflater.bytesWritten} of the ${entry.compressedSize} deflated bytes that it declares`,
				at(entry),
			);
		}
	} catch (thrown) {
		if (thrown instanceof CodedError) throw thrown;
		const message = thrown instanceof Error ? thrown.message : String(thrown);
		throw errors.archive_corrupt(`entry "${fileName}" cannot be inflated: ${message}`, { cause: thrown, ...at(entry, message) });
	}
	if (bytes !== entry.uncompressedSize || checksum !== entry.crc32) {
		throw errors.archive_corrupt(`entry "${fileName}" does not have the size or the checksum that it declares`, at(entry));
	}
	if (isArchive(head)) {
		throw errors.archive_nested(`entry "${fileName}" is itself an archive; a package holds its files directly`, at(entry));
	}
	return { bytes, content: keep ? Buffer.concat(chunks) : undefined };
}

/** The one method besides 0, stored, that is read. */
const DEFLATED = 8;

/** zip, gzip, bzip2, xz, 7z, zstd, rar. */
const ARCHIVE_MAGICS = ["504b0304", "504b0506", "504b0708", "1f8b", "425a68", "fd377a58", "377abcaf", "28b52ffd", "52617221"];

function isArchive(head: Buffer): boolean {
	const hex = head.toString("hex");
	return ARCHIVE_MAGICS.some((magic) => hex.startsWith(magic));
}

/** The bytes of the entry as they stand in the archive. */
function openEntry(zip: ZipFile, entry: Entry): Promise<NodeJS.ReadableStream> {
	// Deflated bytes are inflated here, where it can be seen how many of them there really are.
	const options = { decompress: entry.compressionMethod === DEFLATED ? false : null, decrypt: null, start: null, end: null };
	return new Promise((resolve, reject) => {
		zip.openReadStream(entry, options, (thrown, stream) =>
			thrown === null && stream !== undefined ? resolve(stream) : reject(thrown ?? new Error("no content")),
		);
	});
}

/** Version 3 of yauzl keeps the name's bytes as they stand; its type declarations are of version 2. */
function rawName(entry: Entry): Uint8Array {
	return (entry as Entry & { fileNameRaw: Buffer }).fileNameRaw;
}
