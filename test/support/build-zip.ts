// Writes .zip files byte by byte, with whatever lies a test needs. Ordinary zip libraries refuse to write what a hostile
// archive is made of. Format: PKWARE APPNOTE 6.3.
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipEntry {
	readonly name: string | Buffer;
	readonly content?: string | Uint8Array;
	/** 0 stored, 8 deflated (default). */
	readonly method?: number;
	/** General purpose flags; default 0x800 (UTF-8 names). */
	readonly flags?: number;
	/** Unix mode, such as 0o120777 for a symbolic link; default 0o040755 for a name that ends in /, else 0o100644. */
	readonly mode?: number;
	/** Extra field, as bytes with their headers. */
	readonly extra?: Uint8Array;
	/** What the headers say, where it is not the truth. */
	readonly says?: {
		readonly crc?: number;
		readonly size?: number;
		readonly compressedSize?: number;
		/** Name in the entry's own header; the central directory says `name`. */
		readonly localName?: string;
		/** Flags in the entry's own header. */
		readonly localFlags?: number;
		/** Where the central directory says that the entry begins. */
		readonly offset?: number;
	};
	/** Bytes that stand after the content and before the next entry. */
	readonly gap?: Uint8Array;
	/** Put the sizes behind the content, as streaming tools do. */
	readonly descriptor?: boolean;
}

export interface ZipFrame {
	/** Bytes before the first entry; offsets count from the start of the file. */
	readonly before?: Uint8Array;
	/** Bytes between the central directory and the end record. */
	readonly beforeEnd?: Uint8Array;
	/** Bytes after the end record. */
	readonly after?: Uint8Array;
	readonly comment?: string;
	/** What the end record says, where it is not the truth. */
	readonly says?: { readonly entries?: number; readonly directoryBytes?: number; readonly directoryOffset?: number };
}

/** The whole archive. */
export function buildZip(entries: readonly ZipEntry[], frame: ZipFrame = {}): Buffer {
	const parts: Buffer[] = [Buffer.from(frame.before ?? [])];
	const directory: Buffer[] = [];
	let offset = parts[0]?.length ?? 0;
	for (const entry of entries) {
		const written = writeEntry(entry);
		directory.push(centralHeader(entry, written, entry.says?.offset ?? offset));
		parts.push(written.bytes);
		offset += written.bytes.length;
	}
	const central = Buffer.concat(directory);
	parts.push(
		central,
		Buffer.from(frame.beforeEnd ?? []),
		endRecord(entries.length, central.length, offset, frame),
		Buffer.from(frame.after ?? []),
	);
	return Buffer.concat(parts);
}

/** An extra field: id, length, data. */
export function extraField(id: number, data: Uint8Array): Buffer {
	const head = Buffer.alloc(4);
	head.writeUInt16LE(id, 0);
	head.writeUInt16LE(data.length, 2);
	return Buffer.concat([head, data]);
}

interface Written {
	readonly bytes: Buffer;
	readonly crc: number;
	readonly size: number;
	readonly compressedSize: number;
}

function nameOf(name: string | Buffer): Buffer {
	return typeof name === "string" ? Buffer.from(name, "utf8") : name;
}

function writeEntry(entry: ZipEntry): Written {
	const content = Buffer.from(entry.content ?? "");
	const method = entry.method ?? 8;
	const data = method === 8 ? deflateRawSync(content) : content;
	const crc = entry.says?.crc ?? crc32(content);
	const size = entry.says?.size ?? content.length;
	const compressedSize = entry.says?.compressedSize ?? data.length;
	const name = nameOf(entry.says?.localName ?? entry.name);
	const extra = Buffer.from(entry.extra ?? []);
	const header = Buffer.alloc(30);
	header.writeUInt32LE(0x04034b50, 0);
	header.writeUInt16LE(20, 4);
	header.writeUInt16LE(entry.says?.localFlags ?? flagsOf(entry), 6);
	header.writeUInt16LE(method, 8);
	header.writeUInt32LE(entry.descriptor === true ? 0 : crc, 14);
	header.writeUInt32LE(entry.descriptor === true ? 0 : compressedSize, 18);
	header.writeUInt32LE(entry.descriptor === true ? 0 : size, 22);
	header.writeUInt16LE(name.length, 26);
	header.writeUInt16LE(extra.length, 28);
	const parts = [header, name, extra, data];
	if (entry.descriptor === true) {
		const descriptor = Buffer.alloc(16);
		descriptor.writeUInt32LE(0x08074b50, 0);
		descriptor.writeUInt32LE(crc, 4);
		descriptor.writeUInt32LE(compressedSize, 8);
		descriptor.writeUInt32LE(size, 12);
		parts.push(descriptor);
	}
	return { bytes: Buffer.concat([...parts, Buffer.from(entry.gap ?? [])]), crc, size, compressedSize };
}

function flagsOf(entry: ZipEntry): number {
	return (entry.flags ?? 0x800) | (entry.descriptor === true ? 0x8 : 0);
}

function centralHeader(entry: ZipEntry, { crc, size, compressedSize }: Written, offset: number): Buffer {
	const name = nameOf(entry.name);
	const extra = Buffer.from(entry.extra ?? []);
	const header = Buffer.alloc(46);
	header.writeUInt32LE(0x02014b50, 0);
	header.writeUInt16LE(0x031e, 4);
	header.writeUInt16LE(20, 6);
	header.writeUInt16LE(flagsOf(entry), 8);
	header.writeUInt16LE(entry.method ?? 8, 10);
	header.writeUInt32LE(crc, 16);
	header.writeUInt32LE(compressedSize, 20);
	header.writeUInt32LE(size, 24);
	header.writeUInt16LE(name.length, 28);
	header.writeUInt16LE(extra.length, 30);
	header.writeUInt32LE(((entry.mode ?? defaultMode(entry)) << 16) >>> 0, 38);
	header.writeUInt32LE(offset, 42);
	return Buffer.concat([header, name, extra]);
}

function defaultMode({ name }: ZipEntry): number {
	return nameOf(name).at(-1) === 0x2f ? 0o040755 : 0o100644;
}

function endRecord(entries: number, directoryBytes: number, directoryOffset: number, frame: ZipFrame): Buffer {
	const comment = Buffer.from(frame.comment ?? "", "utf8");
	const says = frame.says ?? {};
	const record = Buffer.alloc(22);
	record.writeUInt32LE(0x06054b50, 0);
	record.writeUInt16LE(says.entries ?? entries, 8);
	record.writeUInt16LE(says.entries ?? entries, 10);
	record.writeUInt32LE(says.directoryBytes ?? directoryBytes, 12);
	record.writeUInt32LE(says.directoryOffset ?? directoryOffset, 16);
	record.writeUInt16LE(comment.length, 20);
	return Buffer.concat([record, comment]);
}
