// What a plugin may ask of the host, through the SDK for AssemblyScript: compiled by the real compiler, against a host that the
// test plays. That the runtime plays the same host is shown in test/runtime.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { EXTISM_ENV, EXTISM_IMPORTS, inspectModule, moduleFaults, USER_IMPORTS, USER_MODULE } from "@hookbus/foundation";
import { beforeAll, describe, expect, test } from "vitest";
import { buildModule, buildPlugin } from "../../plugins-wasm/build-plugin.js";
import { type HostScript, runScripted } from "../support/scripted-host.js";
import { tempDir } from "../support/temp-dir.js";

/** Texts that go wrong easily: nothing, one byte, more than one word of eight, every length of UTF-8, and a zero in the middle. */
const TEXTS = ["", "a", "12345678", "123456789", "é", "語", "😀", "añ語😀 and more", "a\u0000b", "\ufeffmark"];

let module: Uint8Array;

async function build(folder: string): Promise<Uint8Array> {
	return readFileSync((await buildModule(resolve(import.meta.dirname, folder), tempDir("module"))).wasm);
}

beforeAll(async () => {
	module = await build("host-module");
}, 600_000);

/** Calls an export with these arguments and returns what it put out, and what it asked the host for. */
async function run(name: string, given: readonly unknown[], script: HostScript = {}) {
	const { code, output, error, calls } = await runScripted(module, name, JSON.stringify(given), script);
	expect([code, error]).toEqual([0, undefined]);
	return { value: JSON.parse(output ?? "") as unknown, calls };
}

describe("imports of a module", () => {
	const userImports = (bytes: Uint8Array) => inspectModule(bytes).imports.filter((entry) => entry.module === USER_MODULE);

	test("that uses everything are the functions that the host offers, with their types", () => {
		const imported = userImports(module).map(({ name, type }) => [name, type]);
		expect(Object.fromEntries(imported)).toEqual(USER_IMPORTS);
		const fromExtism = inspectModule(module).imports.filter(
			(entry) => entry.module === EXTISM_ENV && entry.name.startsWith("http_"),
		);
		const { http_headers, http_request, http_status_code } = EXTISM_IMPORTS;
		expect(Object.fromEntries(fromExtism.map(({ name, type }) => [name, type]))).toEqual({
			http_headers,
			http_request,
			http_status_code,
		});
		expect(moduleFaults(module, { requiredExports: [], memoryPages: 256 })).toEqual([]);
	});

	test("that uses the SDK, but nothing of this, are none of these", async () => {
		for (const bytes of [await build("sdk-module"), readFileSync((await buildPlugin("hello-world")).wasm)]) {
			expect(userImports(bytes)).toEqual([]);
			expect(inspectModule(bytes).imports.filter((entry) => entry.name.startsWith("http_"))).toEqual([]);
		}
	});
});

describe("State", () => {
	test.each(TEXTS)("gets the text %j under a key that is a text like it", async (text) => {
		const { value, calls } = await run("state_get", [text], { state_get: () => text });
		expect([value, calls]).toEqual([text, [["state_get", text]]]);
	});

	test("an empty value is a value, and one that is absent is null", async () => {
		expect((await run("state_get", ["k"], { state_get: () => "" })).value).toBe("");
		expect((await run("state_get", ["k"], { state_get: () => undefined })).value).toBe(null);
		expect((await run("state_get_bytes", ["k"], { state_get: () => "" })).value).toEqual([]);
		expect((await run("state_get_bytes", ["k"], { state_get: () => undefined })).value).toBe(null);
	});

	test("gets any bytes as they are, and as a text without those that are none", async () => {
		const bytes = Uint8Array.of(0, 0x41, 0x80, 0xff, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f);
		expect((await run("state_get_bytes", ["k"], { state_get: () => bytes })).value).toEqual([...bytes]);
		const { value } = await run("state_get", ["k"], { state_get: () => bytes });
		expect(value).toBe("\0A\ufffd\ufffdé\ufffd\ufffd\ufffd😀\ufffd\ufffd");
	});

	test("gets a value of 64 KiB", async () => {
		const text = "é".repeat(32_768);
		expect((await run("state_get", ["k"], { state_get: () => text })).value).toBe(text);
	});

	test.each(TEXTS)("sets the text %j for a time", async (text) => {
		const { value, calls } = await run("state_set", ["kéy", text, "60000"], { state_set: () => 0 });
		expect([value, calls]).toEqual([true, [["state_set", "kéy", Buffer.from(text), 60_000n]]]);
	});

	test("sets for ever when no time is said", async () => {
		const { calls } = await run("state_set_for_ever", ["k", "v"], { state_set: () => 0 });
		expect(calls).toEqual([["state_set", "k", Buffer.from("v"), 0n]]);
	});

	test("sets any bytes, none included", async () => {
		for (const bytes of [[], [0, 255, 128, 10]]) {
			const { value, calls } = await run("state_set_bytes", ["k", bytes, "5"], { state_set: () => 0 });
			expect([value, calls]).toEqual([true, [["state_set", "k", Buffer.from(bytes), 5n]]]);
		}
	});

	test("says false when there is no room", async () => {
		expect((await run("state_set", ["k", "v", "0"], { state_set: () => 1 })).value).toBe(false);
		expect((await run("state_set_bytes", ["k", [1], "0"], { state_set: () => 1 })).value).toBe(false);
	});

	test("half surrogates never reach the host", async () => {
		const { calls } = await run("state_set", ["k\ud83d", "\udc00v", "0"], { state_set: () => 0 });
		expect(calls).toEqual([["state_set", "k\ufffd", Buffer.from("\ufffdv"), 0n]]);
	});

	test("deletes", async () => {
		const { calls } = await run("state_delete", ["kéy"], { state_delete: () => undefined });
		expect(calls).toEqual([["state_delete", "kéy"]]);
	});

	test.each(["0", "-1", "9223372036854775807", "-9223372036854775808"])("adds %s, in 64 bits", async (by) => {
		const { value, calls } = await run("state_increment", ["n", by, "1000"], { state_increment: () => -5n });
		expect([value, calls]).toEqual([-5, [["state_increment", "n", BigInt(by), 1_000n]]]);
	});

	test("adds 1 for ever when nothing is said, and returns sums of 64 bits", async () => {
		const sum = 9_007_199_254_740_993n;
		const run64 = await runScripted(module, "state_increment_by_one", '["n"]', { state_increment: () => sum });
		expect([run64.output, run64.calls]).toEqual([String(sum), [["state_increment", "n", 1n, 0n]]]);
	});
});

test("once is true for the first call and false for the others", async () => {
	let first = true;
	const script: HostScript = {
		once: () => {
			const answer = first ? 1 : 0;
			first = false;
			return answer;
		},
	};
	const answers = [await run("once_for", ["evt-1/ü", "60000"], script), await run("once_for", ["evt-1/ü", "60000"], script)];
	expect(answers.map(({ value }) => value)).toEqual([true, false]);
	expect(answers[0]?.calls).toEqual([["once", "evt-1/ü", 60_000n]]);
});

describe("Files", () => {
	test.each(TEXTS)("reads and writes the text %j", async (text) => {
		expect((await run("file_read", ["a/ü.txt"], { file_read: () => text })).value).toBe(text);
		const { value, calls } = await run("file_write", ["a/ü.txt", text], { file_write: () => 0 });
		expect([value, calls]).toEqual([true, [["file_write", "a/ü.txt", Buffer.from(text)]]]);
	});

	test("an empty file is a file, and one that is absent is null", async () => {
		expect((await run("file_read", ["f"], { file_read: () => "" })).value).toBe("");
		expect((await run("file_read", ["f"], { file_read: () => undefined })).value).toBe(null);
		expect((await run("file_read_bytes", ["f"], { file_read: () => undefined })).value).toBe(null);
	});

	test("reads and writes any bytes", async () => {
		const bytes = [0, 255, 128, 10, 13, 26, 7, 8, 9];
		expect((await run("file_read_bytes", ["f"], { file_read: () => Uint8Array.from(bytes) })).value).toEqual(bytes);
		const { calls } = await run("file_write_bytes", ["f", bytes], { file_write: () => 0 });
		expect(calls).toEqual([["file_write", "f", Buffer.from(bytes)]]);
	});

	test("says false when there is no room", async () => {
		expect((await run("file_write", ["f", "x"], { file_write: () => 1 })).value).toBe(false);
		expect((await run("file_write_bytes", ["f", [1]], { file_write: () => 1 })).value).toBe(false);
	});

	test("deletes", async () => {
		const { calls } = await run("file_delete", ["a/b"], { file_delete: () => undefined });
		expect(calls).toEqual([["file_delete", "a/b"]]);
	});

	test("lists what begins with a text, and everything", async () => {
		const paths = ["a/1", "a/ü", 'a/"quoted"'];
		const { value, calls } = await run("file_list", ["a/"], { file_list: () => JSON.stringify(paths) });
		expect([value, calls]).toEqual([paths, [["file_list", "a/"]]]);
		const all = await run("file_list_all", [], { file_list: () => "[]" });
		expect([all.value, all.calls]).toEqual([[], [["file_list", ""]]]);
	});
});

test.each(TEXTS)("publish sends the text %j", async (text) => {
	const { calls } = await run("publish_text", ["reviews.created", text], { publish: () => undefined });
	expect(calls).toEqual([["publish", "reviews.created", Buffer.from(text)]]);
});

describe("Http", () => {
	const requestOf = (calls: readonly (readonly unknown[])[]) => JSON.parse(String(calls[0]?.[1])) as unknown;

	test("gets a page: status, headers whatever the case of their names, body", async () => {
		const headers = { "content-type": "text/plain; charset=utf-8", "x-ü": "ä" };
		const { value, calls } = await run("http_get", ["https://api.example.com/v1?q=ü"], {
			http_request: () => ({ status: 200, headers, body: "Grüße" }),
		});
		expect(requestOf(calls)).toEqual({ url: "https://api.example.com/v1?q=ü", method: "GET", headers: {} });
		expect(calls[0]?.[2]).toBeUndefined();
		expect(value).toEqual({
			status: 200,
			ok: true,
			type: "text/plain; charset=utf-8",
			headers,
			text: "Grüße",
			bytes: [...Buffer.from("Grüße")],
		});
	});

	test("sends a method, headers and a body", async () => {
		const given = ["https://api.example.com/v1", "PUT", "X-Note", 'a "quoted" ü', "bödy"];
		const { value, calls } = await run("http_send", given, { http_request: () => ({ status: 204 }) });
		expect(requestOf(calls)).toEqual({
			url: "https://api.example.com/v1",
			method: "PUT",
			headers: { "x-note": 'a "quoted" ü' },
		});
		expect(calls[0]?.[2]).toEqual(Buffer.from("bödy"));
		expect(value).toEqual({ status: 204, ok: true, type: "", headers: {}, text: "", bytes: [] });
	});

	test("an empty body is a body", async () => {
		const { calls } = await run("http_send", ["https://e.example", "POST", "a", "", ""], {
			http_request: () => ({ status: 200 }),
		});
		expect(calls[0]?.[2]).toEqual(Buffer.alloc(0));
	});

	test("sends JSON as such", async () => {
		const { calls } = await run("http_send_json", ["https://e.example", { a: [1, "ü"] }], {
			http_request: () => ({ status: 201 }),
		});
		expect(requestOf(calls)).toMatchObject({ method: "POST", headers: { "content-type": "application/json" } });
		expect(calls[0]?.[2]).toEqual(Buffer.from('{"a":[1,"ü"]}'));
	});

	test.each([
		[100, false],
		[199, false],
		[200, true],
		[299, true],
		[300, false],
		[404, false],
		[503, false],
		[599, false],
	])("status %i: ok is %s", async (status, ok) => {
		const { value } = await run("http_get", ["https://e.example"], { http_request: () => ({ status, body: "why" }) });
		expect(value).toMatchObject({ status, ok, text: "why" });
	});

	test("without a response the status is 0, and there is neither header nor body", async () => {
		const { value } = await run("http_get", ["https://nobody.example"], { http_request: () => ({ status: 0 }) });
		expect(value).toEqual({ status: 0, ok: false, type: "", headers: {}, text: "", bytes: [] });
	});

	test("a body that is not UTF-8 is there as bytes, and as a text without what is none", async () => {
		const body = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0xff);
		const { value } = await run("http_get", ["https://e.example/x.png"], { http_request: () => ({ status: 200, body }) });
		expect(value).toMatchObject({ bytes: [...body], text: "\ufffdPNG\0\ufffd" });
	});

	test("a response keeps its own status, headers and body after the next request", async () => {
		const { value } = await run("http_twice", ["https://e.example/1", "https://e.example/2"], {
			http_request: (request) =>
				request.includes("/1")
					? { status: 200, headers: { "content-type": "one" }, body: "first" }
					: { status: 500, body: "second" },
		});
		expect(value).toMatchObject([
			{ status: 200, type: "one", text: "first" },
			{ status: 500, type: "", text: "second" },
		]);
	});
});
