// Hostile packages: each is refused with a code and a place, and leaves neither a row nor a file behind.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage, testManifest } from "../support/build-package.js";
import { buildZip, extraField, type ZipEntry, type ZipFrame } from "../support/build-zip.js";
import { assemble, fixtureModule, moduleReturning } from "../support/module-returning.js";
import { standsStill } from "../support/real-time.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { storedNames } from "./stored-names.js";

/** A machine that keeps standing still counts its standstills as time of the process. */
const SLACK = standsStill() ? 8 : 1;

let control: StartedControlPlane;
let good: ZipEntry[];
let module: Uint8Array;

beforeAll(async () => {
	// No NATS here: an install does not need it.
	control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	module = await moduleReturning({ on_chat_message: { action: "continue" } });
	good = [
		{ name: "plugin.yaml", content: stringify(testManifest()) },
		{ name: "plugin.wasm", content: module },
	];
});

/** Sends a file that has to be refused, and looks that nothing of it stayed. */
async function refused(file: Uint8Array, fields?: Record<string, string>): Promise<ProblemBody> {
	const answer = await control.admin.install<ProblemBody>({ file, ...(fields === undefined ? {} : { fields }) });
	expect(answer.headers.get("content-type")).toContain("application/problem+json");
	await expectNothingLeft();
	return { ...answer.body, status: answer.status };
}

async function expectNothingLeft(): Promise<void> {
	expect(await storedNames(control.plane.database)).toEqual([]);
	expect(readdirSync(join(control.dataDir, "staging"))).toEqual([]);
}

function zip(extra: readonly ZipEntry[], frame?: ZipFrame): Buffer {
	return buildZip([...good, ...extra], frame);
}

test("UP-01 the archive that the hostile ones are made from is a good one", async () => {
	const installed = await control.admin.install({
		file: zip([
			{ name: "assets/", content: "", method: 0 },
			{ name: "assets/a.txt", content: "a", descriptor: true },
		]),
	});
	expect(installed.status).toBe(201);
	expect((await control.admin.delete("/api/v1/plugins/tester")).status).toBe(200);
	await expectNothingLeft();
});

describe("UP-01 unsafe names", () => {
	const nameInExtraField = (name: string, raw: Buffer): Buffer => {
		const data = Buffer.concat([Buffer.from([1]), Buffer.alloc(4), Buffer.from(name)]);
		data.writeUInt32LE(crcOf(raw), 1);
		return extraField(0x7075, data);
	};
	const rows: { title: string; entry: ZipEntry; code: string }[] = [
		{ title: "a parent directory", entry: { name: "../evil.txt", content: "x" }, code: "archive_path" },
		{ title: "a parent directory in the middle", entry: { name: "a/../../evil.txt", content: "x" }, code: "archive_path" },
		{ title: "a parent directory at the end", entry: { name: "a/..", content: "x" }, code: "archive_path" },
		{ title: "an absolute path", entry: { name: "/etc/evil.txt", content: "x" }, code: "archive_path" },
		{ title: "a drive letter", entry: { name: "C:/evil.txt", content: "x" }, code: "archive_path" },
		{ title: "a drive letter with backslash", entry: { name: "C:\\evil.txt", content: "x" }, code: "archive_path" },
		{ title: "backslashes", entry: { name: "..\\evil.txt", content: "x" }, code: "archive_path" },
		{ title: "an empty name", entry: { name: "", content: "x" }, code: "archive_path" },
		{ title: "a control character", entry: { name: "a\u0001b", content: "x" }, code: "archive_path" },
		{ title: "a zero byte", entry: { name: "plugin.txt\0.png", content: "x" }, code: "archive_path" },
		{
			title: "another name in the Unicode extra field",
			entry: { name: "innocent.txt", content: "x", extra: nameInExtraField("../evil.txt", Buffer.from("innocent.txt")) },
			code: "archive_path",
		},
		{
			title: "another name in the entry's own header",
			entry: { name: "b.txt", content: "x", says: { localName: "c.txt" } },
			code: "archive_malformed",
		},
		{ title: "a symbolic link", entry: { name: "link", content: "/etc/passwd", mode: 0o120777 }, code: "archive_link" },
		{ title: "a character device", entry: { name: "device", content: "", mode: 0o020666 }, code: "archive_link" },
		{ title: "a block device", entry: { name: "device", content: "", mode: 0o060666 }, code: "archive_link" },
		{ title: "a pipe", entry: { name: "pipe", content: "", mode: 0o010666 }, code: "archive_link" },
		{ title: "a directory that is none", entry: { name: "file.txt", content: "x", mode: 0o040755 }, code: "archive_link" },
		{
			title: "a hard link in the Unix extra field",
			entry: { name: "hard", content: "", extra: extraField(0x000d, Buffer.alloc(20)) },
			code: "archive_link",
		},
		{
			title: "a link in the ASi extra field",
			entry: { name: "asi", content: "", extra: extraField(0x756e, Buffer.alloc(14)) },
			code: "archive_link",
		},
	];
	test.each(rows)("UP-01 an entry with $title is refused", async ({ entry, code }) => {
		expect(await refused(zip([entry]))).toMatchObject({ status: 422, code });
	});

	test("UP-01 nothing is written outside of the data directory", async () => {
		await refused(zip([{ name: "../../../../evil.txt", content: "x" }]));
		for (let up = join(control.dataDir, "staging"); up !== "/"; up = join(up, ".."))
			expect(existsSync(join(up, "evil.txt"))).toBe(false);
	});
});

describe("UP-02 bombs", () => {
	const zeros = Buffer.alloc(5 * 1024 * 1024);
	const rows: { title: string; build: () => Buffer; code: string }[] = [
		{ title: "5 MiB of zeros in 5 KiB", build: () => zip([{ name: "zeros", content: zeros }]), code: "archive_ratio" },
		{
			title: "many entries that are large only together",
			build: () => {
				const noise = Buffer.alloc(1024 * 1024, "0123456789abcdef repeated with some 42 variation ");
				const half = Buffer.concat([noise, randomLike(64 * 1024)]);
				return zip(Array.from({ length: 50 }, (_, index) => ({ name: `part-${index}`, content: half })));
			},
			code: "archive_too_large",
		},
		{
			title: "10 GB declared for 1 KB",
			build: () => zip([{ name: "big", content: "x".repeat(1_000), says: { size: 0xffff_fffe } }]),
			code: "archive_ratio",
		},
		{
			title: "1 KB declared for 3 MB",
			build: () => zip([{ name: "small", content: zeros.subarray(0, 3_000_000), says: { size: 1_000 } }]),
			code: "archive_corrupt",
		},
		{
			title: "100 entries",
			build: () => zip(Array.from({ length: 100 }, (_, index) => ({ name: `f${index}` }))),
			code: "archive_too_many_entries",
		},
		{
			title: "65,000 entries",
			build: () => zip(Array.from({ length: 65_000 }, (_, index) => ({ name: `f${index}`, method: 0 }))),
			code: "archive_too_many_entries",
		},
		{
			title: "an archive inside",
			build: () => zip([{ name: "inner.bin", content: buildZip([{ name: "a" }]), method: 0 }]),
			code: "archive_nested",
		},
		{
			title: "a gzip inside",
			build: () => zip([{ name: "inner.gz", content: Buffer.from("1f8b0800", "hex") }]),
			code: "archive_nested",
		},
		{
			title: "entries that share their bytes",
			build: () => {
				const quine = zip([{ name: "one", content: "the same bytes" }]);
				const at = quine.indexOf(Buffer.from("one"), 0) - 30;
				return zip([
					{ name: "one", content: "the same bytes" },
					{ name: "one ", content: "the same bytes", says: { offset: at } },
				]);
			},
			code: "archive_malformed",
		},
	];
	test.each(rows)("UP-02 $title: refused", async ({ build, code }) => {
		const file = build();
		const before = process.cpuUsage();
		expect(await refused(file)).toMatchObject({ status: 422, code });
		const { user, system } = process.cpuUsage(before);
		expect((user + system) / 1e6).toBeLessThan(2 * SLACK);
	});

	test("UP-02 a manifest full of aliases is not unfolded", async () => {
		const lines = ["a: &a [x,x,x,x,x,x,x,x,x]"];
		for (let level = 1; level < 12; level += 1) {
			const [name, below] = [level, level - 1].map((index) => String.fromCharCode(97 + index));
			lines.push(`${name}: &${name} [${Array(9).fill(`*${below}`).join(",")}]`);
		}
		const problem = await refused(buildZip([{ name: "plugin.yaml", content: lines.join("\n") }, good[1] as ZipEntry]));
		expect(problem).toMatchObject({ status: 422, code: "manifest_unreadable" });
	});
});

describe("UP-03 archives that lie about themselves", () => {
	const rows: { title: string; build: () => Buffer; code: string }[] = [
		{ title: "truncated in the middle", build: () => zip([]).subarray(0, 400), code: "archive_malformed" },
		{ title: "truncated by one byte", build: () => zip([]).subarray(0, -1), code: "archive_malformed" },
		{ title: "with bytes after its end", build: () => zip([], { after: Buffer.from("more") }), code: "archive_malformed" },
		{ title: "with a comment", build: () => zip([], { comment: "hello" }), code: "archive_malformed" },
		{
			title: "with bytes before its first entry",
			build: () => Buffer.concat([zip([])]).fill(0, 0, 0) && zip([], { before: Buffer.from("PK\x03\x04junk") }),
			code: "archive_malformed",
		},
		{ title: "with two central directories", build: twoDirectories, code: "archive_malformed" },
		{
			title: "with hidden bytes between entries",
			build: () => zip([{ name: "a", content: "a", gap: Buffer.from("hidden") }]),
			code: "archive_malformed",
		},
		{
			title: "with more entries than it says",
			build: () => zip([{ name: "a" }], { says: { entries: 2 } }),
			code: "archive_malformed",
		},
		{ title: "with fewer entries than it says", build: () => zip([], { says: { entries: 5 } }), code: "archive_malformed" },
		{ title: "without any entry", build: () => buildZip([]), code: "archive_malformed" },
		{
			title: "with zip64 marks in its end record",
			build: () => zip([], { says: { entries: 0xffff, directoryOffset: 0xffff_ffff } }),
			code: "archive_malformed",
		},
		{
			title: "with zip64 sizes in an entry",
			build: () => zip([{ name: "a", content: "a", extra: extraField(1, Buffer.alloc(16)) }]),
			code: "archive_malformed",
		},
		{
			title: "with an encrypted entry",
			build: () => zip([{ name: "a", content: "a", flags: 0x801 }]),
			code: "archive_encrypted",
		},
		{ title: "with strong encryption", build: () => zip([{ name: "a", content: "a", flags: 0x841 }]), code: "archive_encrypted" },
		{
			title: "with an entry that is encrypted in its own header only",
			build: () => zip([{ name: "a", content: "a", says: { localFlags: 0x801 } }]),
			code: "archive_malformed",
		},
		...[
			["another compression", 8],
			["another checksum", 14],
			["another compressed size", 18],
			["another size", 22],
		].map(([what, at]) => ({
			title: `with an entry that has ${what} in its own header only`,
			build: () => withOwnHeader({ name: "odd.txt", content: "content" }, Number(at)),
			code: "archive_malformed",
		})),
		...[
			["signature", 16],
			["checksum", 12],
			["compressed size", 8],
			["size", 4],
		].map(([what, back]) => ({
			title: `with a wrong ${what} in a descriptor`,
			build: () => withDescriptor({ name: "odd.txt", content: "content", descriptor: true }, Number(back)),
			code: "archive_malformed",
		})),
		{ title: "with an entry hidden behind the end of what another was deflated to", build: hiddenEntry, code: "archive_corrupt" },
		{
			title: "with a wrong checksum",
			build: () => zip([{ name: "a", content: "content", says: { crc: 1 } }]),
			code: "archive_corrupt",
		},
		{ title: "with damaged content", build: damaged, code: "archive_corrupt" },
		{
			title: "with an unknown compression",
			build: () => zip([{ name: "a", content: "a", method: 12 }]),
			code: "archive_corrupt",
		},
		{
			title: "with the same name twice",
			build: () => zip([{ name: "plugin.yaml", content: "name: other" }]),
			code: "archive_duplicate",
		},
		{
			title: "with names that differ in case only",
			build: () => zip([{ name: "PLUGIN.yaml", content: "name: other" }]),
			code: "archive_duplicate",
		},
		{
			title: "with names that differ in Unicode form only",
			build: () => zip([{ name: "caf\u00e9" }, { name: "cafe\u0301" }]),
			code: "archive_duplicate",
		},
		{
			title: "with a file and a directory of one name",
			build: () => zip([{ name: "a" }, { name: "a/", method: 0 }]),
			code: "archive_duplicate",
		},
		{ title: "with content in a directory", build: () => zip([{ name: "a/", content: "content" }]), code: "archive_malformed" },
	];
	test.each(rows)("UP-03 an archive $title is refused", async ({ build, code }) => {
		expect(await refused(build())).toMatchObject({ status: 422, code });
	});

	test("UP-03 the refusal names the entry", async () => {
		const problem = await refused(zip([{ name: "deep/down.txt", content: "content", says: { crc: 1 } }]));
		expect(problem.detail).toContain("deep/down.txt");
		expect(problem.errors).toEqual([{ path: "deep/down.txt", message: "this entry" }]);
	});
});

describe("UP-04 what a file is, its bytes decide", () => {
	const manifest = stringify(testManifest());
	const rows: { title: string; file: () => Uint8Array | Promise<Uint8Array>; fields?: Record<string, string>; code: string }[] = [
		{ title: "an empty file", file: () => new Uint8Array(), code: "package_unknown" },
		{ title: "a web page", file: () => Buffer.from("<!doctype html><script>alert(1)</script>"), code: "package_unknown" },
		{
			title: "a web page with an archive behind it",
			file: () => Buffer.concat([Buffer.from("<html>"), zip([])]),
			code: "package_unknown",
		},
		{ title: "a module without a manifest", file: () => module, code: "package_file_missing" },
		{ title: "an archive with a manifest beside it", file: () => zip([]), fields: { manifest }, code: "package_ambiguous" },
	];
	test.each(rows)("UP-04 $title is refused", async ({ file, fields, code }) => {
		expect(await refused(await file(), fields)).toMatchObject({ status: 422, code });
	});

	const hook = '(func (export "on_chat_message") (result i32) (i32.const 0))';
	const modules: {
		title: string;
		file: () => Uint8Array | Promise<Uint8Array>;
		code: "module_refused" | "module_probe_failed";
		section: string;
		rule: RegExp;
	}[] = [
		{
			title: "with an archive behind it",
			file: () => Buffer.concat([module, zip([])]),
			code: "module_refused",
			section: "module",
			rule: /malformed: .*section id/,
		},
		{
			title: "that is a component",
			file: () => Buffer.from("0061736d0d000100", "hex"),
			code: "module_refused",
			section: "header",
			rule: /component: .*core modules/,
		},
		{
			title: "of eight bytes",
			file: () => Buffer.from("0061736d01000000", "hex"),
			code: "module_refused",
			section: "export section",
			rule: /"on_chat_message" is missing/,
		},
		{
			title: "that is cut off",
			file: () => module.subarray(0, module.length - 5),
			code: "module_refused",
			section: "module",
			rule: /malformed: /,
		},
		{
			title: "without the hook's export",
			file: () => moduleReturning({ on_tool_call: { action: "continue" } }),
			code: "module_refused",
			section: "export section",
			rule: /"on_chat_message" is missing/,
		},
		{
			title: "whose export has another type",
			file: () => assemble('(module (func (export "on_chat_message") (param i32) (result i32) (i32.const 0)))'),
			code: "module_refused",
			section: "export section",
			rule: /"on_chat_message" is \(i32\) → i32; it must be \(\) → i32/,
		},
		{
			title: "that wants a function of WASI with another type",
			file: () => assemble(`(module (import "wasi_snapshot_preview1" "fd_write" (func)) ${hook})`),
			code: "module_refused",
			section: "import section",
			rule: /"wasi_snapshot_preview1" "fd_write" is declared as/,
		},
		{
			title: "that wants what no host offers",
			file: () => assemble(`(module (import "env" "system" (func)) ${hook})`),
			code: "module_refused",
			section: "import section",
			rule: /"env" "system" comes from a module that this host does not offer/,
		},
		{
			title: "with a start function",
			file: () => assemble(`(module (func $s (loop (br 0))) (start $s) ${hook})`),
			code: "module_refused",
			section: "start section",
			rule: /a start function would run before any limit/,
		},
		{
			title: "that begins with too much memory",
			file: () => assemble(`(module (memory 300) ${hook})`),
			code: "module_refused",
			section: "memory section",
			rule: /begins with 300 pages; the limit is 256/,
		},
		{
			title: "that begins with too large a table",
			file: () => assemble(`(module (table 100000 funcref) ${hook})`),
			code: "module_refused",
			section: "table section",
			rule: /begins with 100000 elements/,
		},
		{
			title: "whose code does not validate",
			file: () => assemble('(module (func (export "on_chat_message") (result i32) (i64.const 0)))'),
			code: "module_probe_failed",
			section: "code section",
			rule: /malformed: code section: Compiling function #0.* failed: type error/,
		},
		{
			title: "whose data does not fit its memory",
			file: () => assemble(`(module (memory 1) (data (i32.const 65535) "too far") ${hook})`),
			code: "module_probe_failed",
			section: "data section",
			rule: /data segment .*out of bounds/,
		},
		{
			title: "whose data has no memory",
			file: () => assemble(`(module (data (i32.const 0) "x") ${hook})`),
			code: "module_probe_failed",
			section: "data section",
			rule: /without memory/,
		},
		{
			title: "whose elements do not fit its table",
			file: () => assemble(`(module (table 1 funcref) (func $f) (elem (i32.const 5) $f) ${hook})`),
			code: "module_probe_failed",
			section: "element section",
			rule: /table index is out of bounds/,
		},
	];
	test.each(modules)("UP-04 a module $title is refused, with section, thing and rule", async ({ file, code, section, rule }) => {
		const problem = await refused(await file(), { manifest });
		expect(problem).toMatchObject({ status: 422, code });
		expect(problem.errors?.map(({ path }) => path)).toEqual([section]);
		expect(problem.errors?.[0]?.message).toMatch(rule);
		expect(problem.detail).toMatch(/^plugin\.wasm/);
	});

	test("UP-04 a module and its manifest install, whatever the file is called", async () => {
		const installed = await control.admin.install<{ plugin: { digest: string } }>({ file: module, fields: { manifest } });
		expect(installed.status).toBe(201);
		expect(installed.body.plugin.digest).toBe(createHash("sha256").update(module).digest("hex"));
		await control.admin.delete("/api/v1/plugins/tester");
	});

	test("UP-04 a module of another architecture inside an archive is checked the same way", async () => {
		const problem = await refused(buildZip([good[0] as ZipEntry, { name: "plugin.wasm", content: "\x7fELF not wasm" }]));
		expect(problem).toMatchObject({ code: "module_refused" });
		expect(problem.detail).toContain("00 61 73 6d");
	});

	test("UP-04 hostile modules that are well formed install, because a probe calls nothing", async () => {
		for (const name of ["loop-forever", "grow-memory", "trap"]) {
			const file = await fixtureModule(name);
			const answer = await control.admin.install({ file, fields: { manifest } });
			expect(answer.status).toBe(201);
			await control.admin.delete("/api/v1/plugins/tester");
		}
	});

	const incomplete: { title: string; entries: () => ZipEntry[]; code: string }[] = [
		{ title: "without a manifest", entries: () => good.slice(1), code: "package_file_missing" },
		{
			title: "with its manifest in a folder",
			entries: () => [{ ...(good[0] as ZipEntry), name: "tester/plugin.yaml" }, good[1] as ZipEntry],
			code: "package_file_missing",
		},
		{ title: "without a module", entries: () => good.slice(0, 1), code: "package_file_missing" },
		{ title: "with two manifests", entries: () => [...good, { name: "plugin.json", content: "{}" }], code: "package_ambiguous" },
		{
			title: "whose manifest is not UTF-8",
			entries: () => [{ name: "plugin.yaml", content: Buffer.from([0xff, 0xfe, 0x00]) }, good[1] as ZipEntry],
			code: "manifest_unreadable",
		},
		{
			title: "whose README is not text",
			entries: () => [...good, { name: "README.md", content: Buffer.from([0xc3, 0x28]) }],
			code: "manifest_unreadable",
		},
		{
			title: "whose manifest is too long",
			entries: () => [{ name: "plugin.yaml", content: randomLike(300 * 1024).toString("base64") }, good[1] as ZipEntry],
			code: "archive_too_large",
		},
	];
	test.each(incomplete)("UP-04 an archive $title is refused", async ({ entries, code }) => {
		expect(await refused(buildZip(entries()))).toMatchObject({ status: 422, code });
	});
});

describe("UP-06 manifests", () => {
	const rows: { title: string; change: Record<string, unknown>; path: string }[] = [
		{ title: "an unknown hook", change: { hooks: [{ hook: "on_everything", effect: "observe" }] }, path: "/hooks/0/hook" },
		{
			title: "an effect that the hook does not allow",
			change: { hooks: [{ hook: "on_after_response", effect: "gate" }] },
			path: "/hooks/0/effect",
		},
		{
			title: "a transform without paths",
			change: { hooks: [{ hook: "on_chat_message", effect: "transform" }] },
			path: "/hooks/0/paths",
		},
		{ title: "an unknown permission", change: { permissions: ["root_access"] }, path: "/permissions/0" },
		{ title: "network access to nowhere", change: { permissions: ["network_access"] }, path: "/network" },
		{ title: "network rules without the permission", change: { network: [{ host: "a.example.com" }] }, path: "/permissions" },
		{
			title: "a network rule for every host",
			change: { permissions: ["network_access"], network: [{ host: "*" }] },
			path: "/network/0/host",
		},
		{
			title: "a network rule that places what is no secret",
			change: {
				permissions: ["network_access"],
				network: [{ host: "a.example.com", secrets: [{ secret: "token", header: "Authorization" }] }],
			},
			path: "/network/0/secrets/0/secret",
		},
		{ title: "hosts of its own", change: { allowedHosts: ["*"] }, path: "/allowedHosts" },
		{ title: "paths of its own", change: { allowedPaths: { "/": "/" } }, path: "/allowedPaths" },
		{ title: "a module from a URL", change: { wasm: [{ url: "http://127.0.0.1:1/evil.wasm" }] }, path: "/wasm" },
		{ title: "a module from a path", change: { wasm: [{ path: "/etc/passwd" }] }, path: "/wasm" },
		{ title: "more memory than allowed", change: { limits: { memoryPages: 65_536 } }, path: "/limits/memoryPages" },
		{ title: "more time than allowed", change: { limits: { timeoutMs: 600_000 } }, path: "/limits/timeoutMs" },
		{ title: "a huge description", change: { description: "x".repeat(100_000) }, path: "/description" },
		{ title: "a description that cannot be stored", change: { description: "a\u0000b" }, path: "/description" },
		{ title: "a host API that this is not", change: { hookbus: "^2.0.0" }, path: "/hookbus" },
		{ title: "a range that is none", change: { hookbus: "latest" }, path: "/hookbus" },
		{ title: "a version that is none", change: { version: "1.0" }, path: "/version" },
		{ title: "a name that is a word of the API", change: { name: "install" }, path: "/name" },
		{ title: "a configuration that is no object", change: { config: { type: "array" } }, path: "/config/type" },
		{
			title: "a schema from elsewhere",
			change: { config: { type: "object", properties: { a: { $ref: "http://127.0.0.1:1/s.json" } } } },
			path: "/config/properties/a/$ref",
		},
		{
			title: "a reference to nothing",
			change: { config: { type: "object", properties: { a: { $ref: "#/$defs/a" } } } },
			path: "/config/properties/a/$ref",
		},
		{
			title: "a reference to itself",
			change: { config: { type: "object", properties: { a: { $ref: "#/properties/a" } } }, defaults: { a: 1 } },
			path: "/config",
		},
		{
			title: "an expression that is none",
			change: { config: { type: "object", properties: { a: { type: "string", pattern: "(" } } } },
			path: "/config/properties/a/pattern",
		},
		{
			title: "a type that is none",
			change: { config: { type: "object", properties: { a: { type: "text" } } } },
			path: "/config/properties/a/type",
		},
		{ title: "a schema that is nested too deep", change: { config: { type: "object", properties: nested(15) } }, path: "" },
		{
			title: "defaults that do not fit",
			change: { config: { type: "object", properties: { a: { type: "integer" } } }, defaults: { a: "one" } },
			path: "/defaults/a",
		},
		{ title: "defaults without a schema", change: { defaults: { a: 1 } }, path: "/defaults" },
		{
			title: "a secret that is no text",
			change: { config: { type: "object", properties: { a: { type: "number", secret: true } } } },
			path: "/config/properties/a",
		},
		{
			title: "a secret with a default",
			change: { config: { type: "object", properties: { a: { type: "string", secret: true, default: "x" } } } },
			path: "/config/properties/a/default",
		},
		{
			title: "a secret inside of an object",
			change: {
				config: { type: "object", properties: { a: { type: "object", properties: { b: { type: "string", secret: true } } } } },
			},
			path: "/config/properties/a/properties/b/secret",
		},
		{ title: "a tool whose arguments are no object", change: toolWith({ type: "string" }), path: "/tools/0/parameters/type" },
		{
			title: "a tool that refers to itself without end",
			change: toolWith({ type: "object", allOf: [{ $ref: "#" }] }),
			path: "/tools/0/parameters",
		},
	];
	test.each(rows)("UP-06 $title: refused with its path", async ({ change, path }) => {
		const manifest = { ...testManifest(), ...change };
		const problem = await refused(buildZip([{ name: "plugin.json", content: JSON.stringify(manifest) }, good[1] as ZipEntry]));
		expect(problem).toMatchObject({ status: 422, code: "manifest_invalid" });
		expect(problem.errors?.map((fault) => fault.path)).toContain(path);
	});

	test("UP-06 an expression that takes for ever is stopped", async () => {
		const config = { type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } };
		const manifest = { ...testManifest(), config, defaults: { a: `${"a".repeat(60)}!` } };
		const started = performance.now();
		const problem = await refused(buildZip([{ name: "plugin.json", content: JSON.stringify(manifest) }, good[1] as ZipEntry]));
		expect(problem.errors?.[0]?.message).toContain("did not end within");
		expect(performance.now() - started).toBeLessThan(15_000 * SLACK);
	});

	test("UP-06 a manifest that is not YAML says where", async () => {
		const problem = await refused(
			buildZip([{ name: "plugin.yaml", content: "name: tester\n  bad: : indent" }, good[1] as ZipEntry]),
		);
		expect(problem).toMatchObject({ code: "manifest_unreadable" });
		expect(problem.detail).toMatch(/line \d/);
	});

	test("UP-06 a key that stands twice is refused", async () => {
		const text = `${stringify(testManifest())}name: other\n`;
		expect(await refused(buildZip([{ name: "plugin.yaml", content: text }, good[1] as ZipEntry]))).toMatchObject({
			code: "manifest_unreadable",
		});
	});
});

describe("fields of the form", () => {
	const rows: { title: string; fields: Record<string, string>; code: string; status?: number }[] = [
		{ title: "an unknown field", fields: { grant: "all" }, code: "upload_field_invalid" },
		{ title: "a digest that is none", fields: { digest: "abc" }, code: "upload_field_invalid" },
		{ title: "another digest", fields: { digest: "0".repeat(64) }, code: "digest_mismatch" },
		{ title: "an unknown permission", fields: { grants: "everything" }, code: "upload_field_invalid" },
		{ title: "a permission that is not asked for", fields: { grants: "read_secrets" }, code: "grant_not_asked" },
		{ title: "enable with missing permissions", fields: { enable: "true" }, code: "grants_missing", status: 409 },
		{ title: "enable that is neither true nor false", fields: { enable: "yes" }, code: "upload_field_invalid" },
		{ title: "bind to something else", fields: { bind: "everyone" }, code: "upload_field_invalid" },
	];
	test.each(rows)("$title: refused, nothing left", async ({ fields, code, status }) => {
		expect(await refused(zip([]), fields)).toMatchObject({ status: status ?? 422, code });
	});

	test("a form without a file is refused", async () => {
		const form = new FormData();
		form.append("enable", "true");
		const answer = await control.admin.call<ProblemBody>("POST", "/api/v1/plugins/install", form);
		expect(answer).toMatchObject({ status: 422, body: { code: "upload_field_invalid" } });
	});

	test("two files are refused", async () => {
		const form = new FormData();
		form.append("file", new Blob([new Uint8Array(zip([]))]), "a.zip");
		form.append("file", new Blob([new Uint8Array(zip([]))]), "b.zip");
		const answer = await control.admin.call<ProblemBody>("POST", "/api/v1/plugins/install", form);
		expect(answer).toMatchObject({ status: 422, body: { code: "upload_field_invalid" } });
		await expectNothingLeft();
	});

	test("a body that is no form and no JSON is refused", async () => {
		const answer = await control.admin.call<ProblemBody>("POST", "/api/v1/plugins/install", "name: x", {
			"content-type": "application/yaml",
		});
		expect(answer).toMatchObject({ status: 415, body: { code: "media_type_unknown" } });
	});

	test("a form that is cut off is refused", async () => {
		const body = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK';
		const answer = await control.admin.call<ProblemBody>("POST", "/api/v1/plugins/install", body, {
			"content-type": "multipart/form-data; boundary=x",
		});
		expect(answer).toMatchObject({ status: 400, body: { code: "upload_incomplete" } });
		await expectNothingLeft();
	});

	test("a file that is too large is refused", async () => {
		const small = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", env: { HOOKBUS_MAX_UPLOAD_BYTES: "2048" } });
		const answer = await small.admin.install<ProblemBody>({ file: Buffer.alloc(100_000, "PK") });
		expect(answer).toMatchObject({ status: 413, body: { code: "upload_too_large" } });
		expect(readdirSync(join(small.dataDir, "staging"))).toEqual([]);
	});
});

test("what a killed process left in staging is swept at the next start", async () => {
	const { dataDir } = control;
	await control.stop();
	mkdirSync(join(dataDir, "staging/left"), { recursive: true });
	writeFileSync(join(dataDir, "staging/left/upload"), "x");
	await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", dataDir });
	expect(readdirSync(join(dataDir, "staging"))).toEqual([]);
});

test("a package built by the other tests installs", async () => {
	const other = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	const { zip: file } = await buildPackage({ readme: "# Hello" });
	const answer = await other.admin.install<{ plugin: { readme: string } }>({ file, fields: { grants: "all", enable: "true" } });
	expect(answer).toMatchObject({ status: 201, body: { plugin: { readme: "# Hello", status: "enabled" } } });
});

/** A second, complete archive behind the first one, with its own directory: readers disagree which of them counts. */
function twoDirectories(): Buffer {
	return Buffer.concat([zip([]), zip([{ name: "other.txt", content: "other" }])]);
}

/** Bytes of one more entry, which stands last, changed at this place of its own header. */
function withOwnHeader(entry: ZipEntry, at: number): Buffer {
	const bytes = zip([entry]);
	const place = bytes.indexOf(String(entry.name)) - 30 + at;
	bytes.writeUInt8((bytes.readUInt8(place) ^ 0x55) & 0xff, place);
	return bytes;
}

/** The same, changed in the descriptor so many bytes before its end. */
function withDescriptor(entry: ZipEntry, back: number): Buffer {
	const bytes = zip([entry]);
	const place = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) - back;
	bytes.writeUInt8((bytes.readUInt8(place) ^ 0x55) & 0xff, place);
	return bytes;
}

/** What an entry was deflated to, and behind it, as part of its content by all headers, another entry. */
function hiddenEntry(): Buffer {
	const whole = buildZip([{ name: "hidden.txt", content: "x" }]);
	const gap = whole.subarray(0, whole.indexOf(Buffer.from([0x50, 0x4b, 1, 2])));
	const content = "innocent";
	return zip([{ name: "odd.txt", content, gap, says: { compressedSize: deflateRawSync(content).length + gap.length } }]);
}

function damaged(): Buffer {
	const content = randomLike(2_000);
	const file = zip([{ name: "a", content }]);
	const at = file.indexOf(deflateRawSync(content).subarray(0, 40)) + 500;
	file[at] = (file[at] as number) ^ 0xff;
	return file;
}

function nested(levels: number): Record<string, unknown> {
	return levels === 0 ? {} : { a: { type: "object", properties: nested(levels - 1) } };
}

function toolWith(parameters: Record<string, unknown>): Record<string, unknown> {
	return { hooks: [{ hook: "on_tool_call", effect: "claim" }], tools: [{ name: "tool", description: "d", parameters }] };
}

/** Bytes that do not compress, the same in every run. */
function randomLike(length: number): Buffer {
	const blocks: Buffer[] = [];
	for (let size = 0, index = 0; size < length; index += 1, size += 32)
		blocks.push(createHash("sha256").update(String(index)).digest());
	return Buffer.concat(blocks).subarray(0, length);
}

function crcOf(bytes: Buffer): number {
	return buildZip([{ name: bytes, content: bytes, method: 0 }]).readUInt32LE(14);
}
