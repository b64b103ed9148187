// Checks the frame of a .zip byte by byte: it begins with its first entry, ends with its end record, and in between there is
// nothing but entries, in order, and one central directory. Archives that break this are read differently by different
// tools (two directories, hidden or overlapping entries), so what was checked would not be what another tool unpacks.
import type { FileHandle } from "node:fs/promises";
import { errors } from "../errors.js";
import { ARCHIVE_LIMITS } from "./archive-limits.js";

const LOCAL_HEADER = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const END_RECORD = 0x06054b50;
const END_RECORD_BYTES = 22;
const LOCAL_HEADER_BYTES = 30;
/** A data descriptor: crc and two sizes, with or without a signature before them. */
const DESCRIPTOR_BYTES = [12, 16];

export interface ArchiveFrame {
	readonly entries: number;
	readonly directoryOffset: number;
}

/** What the layout needs to know of an entry. */
export interface EntryPlace {
	readonly name: string;
	/** Name as it stands in the central directory. */
	readonly rawName: Uint8Array;
	readonly offset: number;
	readonly flags: number;
	readonly method: number;
	readonly crc: number;
	readonly compressedSize: number;
	readonly size: number;
}

function malformed(detail: string) {
	return errors.archive_malformed(`${detail}; pack it again with an ordinary zip tool`);
}

/**
 * Reads begin and end of the file.
 *
 * @throws CodedError `archive_malformed`, `archive_too_many_entries`
 */
export async function readFrame(file: FileHandle): Promise<ArchiveFrame> {
	const { size } = await file.stat();
	if (size < END_RECORD_BYTES) throw malformed(`${size} bytes are too few for an archive`);
	const head = await read(file, 0, 4);
	const end = await read(file, size - END_RECORD_BYTES, END_RECORD_BYTES);
	if (end.readUInt32LE(0) !== END_RECORD || end.readUInt16LE(20) !== 0) {
		throw malformed("the archive does not end with its end record: it is truncated, has a comment, or bytes after its end");
	}
	const entries = end.readUInt16LE(10);
	const directoryBytes = end.readUInt32LE(12);
	const directoryOffset = end.readUInt32LE(16);
	if (entries === 0xffff || directoryBytes === 0xffff_ffff || directoryOffset === 0xffff_ffff) {
		throw malformed("the archive is a zip64 one, which nothing of this size needs");
	}
	if (end.readUInt16LE(4) !== 0 || end.readUInt16LE(6) !== 0 || end.readUInt16LE(8) !== entries) {
		throw malformed("the archive is split over several disks");
	}
	if (entries > ARCHIVE_LIMITS.entries) {
		throw errors.archive_too_many_entries(`the archive holds ${entries} entries; at most ${ARCHIVE_LIMITS.entries} are taken`);
	}
	if (entries === 0) throw malformed("the archive is empty");
	if (head.readUInt32LE(0) !== LOCAL_HEADER) throw malformed("the archive does not begin with its first entry");
	if (directoryOffset + directoryBytes !== size - END_RECORD_BYTES) {
		throw malformed(
			"the central directory does not stand directly before the end record: there are bytes, or a second directory, between",
		);
	}
	return { entries, directoryOffset };
}

/**
 * Checks that the entries lie one behind the other without gap or overlap, and that each says of itself what the central
 * directory says of it.
 *
 * @throws CodedError `archive_malformed` naming the entry
 */
export async function checkLayout(file: FileHandle, frame: ArchiveFrame, entries: readonly EntryPlace[]): Promise<void> {
	const sorted = [...entries].sort((a, b) => a.offset - b.offset);
	let expected = [0];
	let described: Described | undefined;
	for (const entry of sorted) {
		if (!expected.includes(entry.offset)) {
			throw malformed(
				`entry "${entry.name}" begins at byte ${entry.offset}, where ${expected.join(" or ")} was expected: entries overlap, or hide something between them`,
			);
		}
		await checkDescriptor(file, described, entry.offset);
		const header = await read(file, entry.offset, LOCAL_HEADER_BYTES);
		const nameBytes = header.readUInt16LE(26);
		const name = await read(file, entry.offset + LOCAL_HEADER_BYTES, nameBytes);
		if (header.readUInt32LE(0) !== LOCAL_HEADER || !name.equals(entry.rawName)) {
			throw malformed(`entry "${entry.name}" has another name in its own header than in the central directory`);
		}
		const hasDescriptor = (entry.flags & 0x8) !== 0;
		const other = differenceOf(header, entry, hasDescriptor);
		if (other !== undefined) {
			throw malformed(`entry "${entry.name}" has another ${other} in its own header than in the central directory`);
		}
		const end = entry.offset + LOCAL_HEADER_BYTES + nameBytes + header.readUInt16LE(28) + entry.compressedSize;
		described = hasDescriptor ? { entry, end } : undefined;
		expected = hasDescriptor ? DESCRIPTOR_BYTES.map((bytes) => end + bytes) : [end];
	}
	if (!expected.includes(frame.directoryOffset)) {
		throw malformed("between the last entry and the central directory there are bytes that belong to neither");
	}
	await checkDescriptor(file, described, frame.directoryOffset);
}

/** An entry that has a descriptor, and where its content ends. */
interface Described {
	readonly entry: EntryPlace;
	readonly end: number;
}

/** The descriptor, which reaches up to `next`, says the same as the central directory. */
async function checkDescriptor(file: FileHandle, described: Described | undefined, next: number): Promise<void> {
	if (described === undefined) return;
	const { entry, end } = described;
	const bytes = await read(file, end, next - end);
	const isSigned = bytes.length === DESCRIPTOR_BYTES[1];
	const [crc, compressedSize, size] = [12, 8, 4].map((back) => bytes.readUInt32LE(bytes.length - back));
	const isSame = crc === entry.crc && compressedSize === entry.compressedSize && size === entry.size;
	if (isSame && !(isSigned && bytes.readUInt32LE(0) !== DESCRIPTOR)) return;
	throw malformed(`entry "${entry.name}" says something else behind its content than in the central directory`);
}

/** What an entry says of itself, and tools believe that read an archive from its beginning. With a descriptor it may say nothing. */
function differenceOf(header: Buffer, entry: EntryPlace, hasDescriptor: boolean): string | undefined {
	const differs = (own: number, listed: number) => own !== listed && !(hasDescriptor && own === 0);
	if (header.readUInt16LE(6) !== entry.flags) return "set of flags";
	if (header.readUInt16LE(8) !== entry.method) return "compression";
	if (differs(header.readUInt32LE(14), entry.crc)) return "checksum";
	if (differs(header.readUInt32LE(18), entry.compressedSize)) return "compressed size";
	return differs(header.readUInt32LE(22), entry.size) ? "size" : undefined;
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
	const buffer = Buffer.alloc(length);
	const { bytesRead } = await file.read(buffer, 0, length, position);
	if (bytesRead < length) throw malformed("the archive ends in the middle of an entry");
	return buffer;
}
