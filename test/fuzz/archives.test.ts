// Archives with random changes, and archives whose headers lie at random: the reader of packages says with a coded error what is
// wrong, or gives back exactly what was packed. What it takes, a reader that starts at the other end finds too: an archive that
// two tools read differently is how something gets past a check.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { readArchive, type WantedFiles } from "@hookbus/control-plane";
import { CodedError } from "@hookbus/foundation";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { buildZip, type ZipEntry, type ZipFrame } from "../support/build-zip.js";
import { closeAfter } from "../support/close-after.js";
import { makeTempDir, removeDir } from "../support/temp-dir.js";
import { quickly } from "./expect-harmless.js";
import { moveBytes, randomFrom, replaceBytes } from "./mutate.js";

const SEED = 20_264;
const MUTANTS = 2_500;

const WANTED: WantedFiles = new Map([
	["plugin.yaml", 1_000],
	["plugin.wasm", 5_000],
	["README.md", 1_000],
]);

const ENTRIES: readonly ZipEntry[] = [
	{ name: "plugin.yaml", content: "name: tester\nversion: 1.0.0\n" },
	{ name: "assets/", content: "", method: 0 },
	{ name: "assets/icon.svg", content: "<svg/>".repeat(100), descriptor: true },
	{ name: "plugin.wasm", content: Uint8Array.from({ length: 3_000 }, (_, at) => (at * at * 31) >>> 4), method: 0 },
	{ name: "README.md", content: "Lies nicht: ä\n".repeat(40) },
];

const contents = new Map(ENTRIES.map(({ name, content }) => [String(name), Buffer.from(content ?? "")]));

let path: string;

beforeAll(() => {
	const dir = makeTempDir("archives");
	closeAfter(() => removeDir(dir));
	path = join(dir, "package.zip");
});

/** What the reader makes of these bytes: the files, or the code of its error. */
async function read(bytes: Uint8Array): Promise<ReadonlyMap<string, Buffer> | string> {
	writeFileSync(path, bytes);
	const result = await quickly(() => readArchive(path, WANTED).catch((thrown: unknown) => thrown));
	if (result instanceof Map) return result as ReadonlyMap<string, Buffer>;
	expect(result).toBeInstanceOf(CodedError);
	const { code } = result as CodedError;
	expect(code).toMatch(/^archive_/);
	return code;
}

/** Files by a walk from the first entry to the central directory, which it does not look at; `undefined`: it cannot be walked. */
function readFromTheFront(bytes: Buffer): Map<string, Buffer> | undefined {
	const files = new Map<string, Buffer>();
	let at = 0;
	while (bytes.readUInt32LE(at) === LOCAL_HEADER) {
		const [flags, method, sizeSaid] = [bytes.readUInt16LE(at + 6), bytes.readUInt16LE(at + 8), bytes.readUInt32LE(at + 18)];
		const nameEnd = at + 30 + bytes.readUInt16LE(at + 26);
		const name = bytes.toString("utf8", at + 30, nameEnd);
		const begin = nameEnd + bytes.readUInt16LE(at + 28);
		// Nobody can tell from the front where an entry ends that is stored and has its size behind it.
		if (method === 0 && (flags & HAS_DESCRIPTOR) !== 0 && sizeSaid === 0) return undefined;
		const { content, size } =
			method === 8 ? inflate(bytes.subarray(begin)) : { content: bytes.subarray(begin, begin + sizeSaid), size: sizeSaid };
		files.set(name, content);
		at = begin + size;
		if ((flags & HAS_DESCRIPTOR) !== 0) at += bytes.readUInt32LE(at) === DESCRIPTOR ? 16 : 12;
	}
	return files;
}

const LOCAL_HEADER = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const HAS_DESCRIPTOR = 0x8;

/** @returns the content, and the bytes that it was deflated to */
function inflate(bytes: Buffer): { content: Buffer; size: number } {
	const { buffer, engine } = inflateRawSync(bytes, { info: true }) as unknown as {
		buffer: Buffer;
		engine: { bytesWritten: number };
	};
	return { content: buffer, size: engine.bytesWritten };
}

function expectSame(files: ReadonlyMap<string, Buffer>, bytes: Buffer): void {
	for (const [name, content] of files) {
		expect([...WANTED.keys()]).toContain(name);
		expect(content.equals(contents.get(name) ?? Buffer.alloc(0)), name).toBe(true);
	}
	const fromTheFront = readFromTheFront(bytes);
	if (fromTheFront === undefined) return;
	const wanted = [...fromTheFront].filter(([name]) => WANTED.has(name)).map(([name, content]) => [name, content.toString("hex")]);
	expect(Object.fromEntries(wanted)).toEqual(
		Object.fromEntries([...files].map(([name, content]) => [name, content.toString("hex")])),
	);
}

/** How many files this process has open; 0 where that cannot be seen. */
const openFiles = () => (existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0);

describe("FZ-04 archives", () => {
	test("that are good are read", async () => {
		const bytes = buildZip(ENTRIES);
		const files = await read(bytes);
		expect([...(files as ReadonlyMap<string, Buffer>).keys()].sort()).toEqual([...WANTED.keys()].sort());
		expectSame(files as ReadonlyMap<string, Buffer>, bytes);
	});

	test("with random changes are refused with a code, or hold what was packed; no file is left open", async () => {
		const random = randomFrom(SEED);
		const original = buildZip(ENTRIES);
		const directory = original.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
		const seen: Record<string, number> = {};
		const before = openFiles();
		for (let mutant = 0; mutant < MUTANTS; mutant += 1) {
			const kind = random();
			// Most of the archive is content, and most of what can go wrong is in the headers.
			const bytes = Buffer.from(
				kind < 0.5
					? replaceBytes(original, random, 2, directory)
					: kind < 0.8
						? replaceBytes(original, random, 3)
						: moveBytes(original, random),
			);
			const files = await read(bytes);
			const outcome = typeof files === "string" ? files : "read";
			seen[outcome] = (seen[outcome] ?? 0) + 1;
			if (typeof files !== "string") expectSame(files, bytes);
		}
		expect(openFiles()).toBe(before);
		expect(Object.keys(seen).length, JSON.stringify(seen)).toBeGreaterThan(4);
		expect(seen["read"], JSON.stringify(seen)).toBeGreaterThan(50);
	});

	test("whose headers lie are refused with a code, or hold what was packed", async () => {
		const says = fc.record(
			{
				crc: fc.nat(0xffff_ffff),
				size: fc.oneof(fc.nat(10_000), fc.nat(0xffff_ffff)),
				compressedSize: fc.oneof(fc.nat(10_000), fc.nat(0xffff_ffff)),
				localName: fc.constantFrom("plugin.yaml", "plugin.wasm", "../x", ""),
				localFlags: fc.constantFrom(0, 1, 8, 0x800, 0x808),
				offset: fc.nat(5_000),
			},
			{ requiredKeys: [] },
		);
		const lie = fc.record(
			{
				says,
				flags: fc.constantFrom(0, 1, 0x40, 0x800),
				method: fc.constantFrom(0, 8, 12, 93),
				mode: fc.constantFrom(0o100644, 0o120777, 0o040755, 0),
				gap: fc.uint8Array({ maxLength: 40 }),
				descriptor: fc.boolean(),
			},
			{ requiredKeys: [] },
		);
		const frame: fc.Arbitrary<ZipFrame> = fc.record(
			{
				before: fc.uint8Array({ maxLength: 40 }),
				beforeEnd: fc.uint8Array({ maxLength: 60 }),
				after: fc.uint8Array({ maxLength: 40 }),
				comment: fc.string({ maxLength: 20 }),
				says: fc.record(
					{ entries: fc.nat(8), directoryBytes: fc.nat(2_000), directoryOffset: fc.nat(8_000) },
					{ requiredKeys: [] },
				),
			},
			{ requiredKeys: [] },
		);
		const seen = { read: 0, refused: 0 };
		await fc.assert(
			fc.asyncProperty(
				fc.nat(ENTRIES.length - 1),
				fc.option(lie, { freq: 3 }),
				fc.option(fc.nat(ENTRIES.length - 1)),
				fc.option(frame, { freq: 1 }),
				async (at, lies, twice, frameLies) => {
					const entries = ENTRIES.map((entry, index) => (index === at && lies !== null ? { ...entry, ...lies } : entry));
					if (twice !== null) entries.push(ENTRIES[twice] as ZipEntry);
					const bytes = buildZip(entries as ZipEntry[], frameLies ?? {});
					const files = await read(bytes);
					seen[typeof files === "string" ? "refused" : "read"] += 1;
					if (typeof files !== "string") expectSame(files, bytes);
				},
			),
			{ numRuns: 1_000, seed: SEED },
		);
		expect(Math.min(seen.read, seen.refused), JSON.stringify(seen)).toBeGreaterThan(40);
	});
});
