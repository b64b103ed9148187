// Turns a route table into compressed lines. Each line holds one value and where it stands, so that the reader can parse, check and
// keep line by line; a table as one JSON text can only be parsed as a whole, and everything else of the process waits for it.
//
//   ["plugins","kb-search"]⇥{"name":"kb-search",…}
//   ["userConfigs","kb-search","u1"]⇥{"user":"u1",…}
//   ["hooks","on_chat_message","assistants","a1"]⇥[{"plugin":"kb-search",…}]
//
// Fields that a later release adds travel too, without anybody here knowing them: a field that is an object by its entries, any
// other one in one line.
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { PackedTable, RouteTable } from "@hookbus/schemas";
import { TimeSlices } from "../time-slices.js";

export interface PackedDocument {
	readonly entry: PackedTable;
	/** What the parts hold together. */
	readonly content: Uint8Array;
}

/** Bytes that one line has at most on average before it is joined to a chunk; keeps the number of buffers small. */
const CHUNK_BYTES = 64 * 1024;
/** Compressing is done while the tenant is locked; higher levels take twice the time for a tenth less. */
const LEVEL = 4;
const compress = promisify(gzip);

/** The lines, in chunks, and their bytes. */
export interface TableLines {
	readonly chunks: readonly Buffer[];
	readonly bytes: number;
}

/** Writes the lines of a table, in slices of time. */
export async function writeLines(table: RouteTable): Promise<TableLines> {
	const slices = new TimeSlices();
	const chunks: Buffer[] = [];
	let text = "";
	let bytes = 0;
	const flush = () => {
		const chunk = Buffer.from(text);
		chunks.push(chunk);
		bytes += chunk.length;
		text = "";
	};
	for (const line of linesOf(table)) {
		text += line;
		if (text.length >= CHUNK_BYTES) flush();
		if (slices.isOver()) await slices.pause();
	}
	flush();
	return { chunks, bytes };
}

/** Compresses lines, outside of this thread. */
export async function packTable(table: RouteTable, { chunks, bytes }: TableLines): Promise<PackedDocument> {
	const content = await compress(Buffer.concat(chunks), { level: LEVEL, chunkSize: 1024 * 1024 });
	const { tenant, revision, compiledAt } = table;
	const digest = createHash("sha256").update(content).digest("hex");
	return {
		entry: { spec: "1", packed: "gzip-lines", tenant, revision, compiledAt, bytes, packedBytes: content.length, digest },
		content,
	};
}

function* linesOf(table: RouteTable): Generator<string> {
	for (const [field, value] of Object.entries(table)) {
		if (field === "hooks") yield* linesOfHooks(table.hooks);
		else if (field === "userConfigs") yield* linesOfUsers(table.userConfigs ?? {});
		else if (isRecord(value)) yield* linesOfRecord([field], value);
		else if (value !== undefined) yield lineOf([field], value);
	}
}

function* linesOfHooks(hooks: RouteTable["hooks"]): Generator<string> {
	for (const [hook, routes] of Object.entries(hooks)) {
		for (const [name, value] of Object.entries(routes ?? {})) {
			if (name === "assistants") yield* linesOfRecord(["hooks", hook, name], routes?.assistants ?? {});
			else if (value !== undefined) yield lineOf(["hooks", hook, name], value);
		}
	}
}

/** A user each: a plugin can have thousands, and a change concerns few of them. A plugin without any has a line with an empty list. */
function* linesOfUsers(users: NonNullable<RouteTable["userConfigs"]>): Generator<string> {
	if (Object.keys(users).length === 0) yield lineOf(["userConfigs"], {});
	for (const [key, own] of Object.entries(users)) {
		if (own.length === 0) yield lineOf(["userConfigs", key], []);
		for (const config of own) yield lineOf(["userConfigs", key, config.user], config);
	}
}

/** Also an empty record has a line: it is something else than none. */
function* linesOfRecord(path: readonly string[], record: Readonly<Record<string, unknown>>): Generator<string> {
	const entries = Object.entries(record);
	if (entries.length === 0) yield lineOf(path, {});
	for (const [key, value] of entries) yield lineOf([...path, key], value);
}

function lineOf(path: readonly string[], value: unknown): string {
	return `${JSON.stringify(path)}\t${JSON.stringify(value)}\n`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
