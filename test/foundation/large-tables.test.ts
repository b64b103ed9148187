// Large route tables as compressed lines: what goes in comes out, and what is no such table is refused.

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { CodedError, packTable, unpackTable, writeLines } from "@hookbus/foundation";
import type { PackedTable, RouteTable } from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { everyHookModule, largeTable } from "../support/large-tables.js";

const module = await everyHookModule();
const plugins = ["one", "two"].map((name) => ({ name, module }));

function tableOf(revision: number, assistants = 20): RouteTable {
	return largeTable({ tenant: "acme", revision, plugins, assistants });
}

async function pack(table: RouteTable) {
	return packTable(table, await writeLines(table));
}

/** An entry for lines as somebody wrote them by hand. */
function packedLines(lines: readonly string[], changes: Partial<PackedTable> = {}): [PackedTable, Uint8Array] {
	const text = Buffer.from(lines.join("\n"));
	const content = gzipSync(text);
	const digest = createHash("sha256").update(content).digest("hex");
	const entry = { spec: "1", packed: "gzip-lines", tenant: "acme", revision: 1, compiledAt: "", bytes: text.length } as const;
	return [{ ...entry, packedBytes: content.length, digest, ...changes }, content];
}

function code(thrown: unknown): string {
	return thrown instanceof CodedError ? thrown.code : String(thrown);
}

describe("a table", () => {
	test("comes out as it went in, and is a fraction of its size meanwhile", async () => {
		const table: RouteTable = {
			...tableOf(1, 500),
			optIns: { one: ["u1", "u2"], empty: [] },
			recalled: ["a".repeat(64)],
		};
		const { entry, content } = await pack(table);
		expect((await unpackTable(entry, content)).table).toEqual(table);
		expect(entry.packedBytes).toBe(content.length);
		expect(content.length * 10).toBeLessThan(Buffer.byteLength(JSON.stringify(table)));
	});

	test("without hooks, without plugins, or with a hook for nobody comes out as it went in", async () => {
		const empty: RouteTable = { ...tableOf(1), plugins: {}, hooks: {} };
		const nobody: RouteTable = {
			...empty,
			hooks: { on_tool_call: { assistants: {} }, on_chat_message: { all: [], assistants: { __proto__x: [] } } },
		};
		const odd: RouteTable = {
			...empty,
			hooks: { on_tool_call: { assistants: JSON.parse('{"__proto__": [], "constructor": []}') } },
		};
		for (const table of [empty, nobody, odd]) {
			const { entry, content } = await pack(table);
			const { table: found } = await unpackTable(entry, content);
			expect(JSON.stringify(found.hooks)).toBe(JSON.stringify(table.hooks));
			expect(found.plugins).toEqual({});
		}
	});

	test("takes fields along that this release does not know", async () => {
		const later = { ...tableOf(1), keys: { a: { text: "x" }, b: 2 }, flag: true, list: [1, 2], nothing: {} };
		const { entry, content } = await pack(later);
		expect((await unpackTable(entry, content)).table).toEqual(later);
	});

	test("keeps the objects of what did not change, and makes equal chains one object", async () => {
		const before = tableOf(1);
		const first = await pack(before);
		const read = await unpackTable(first.entry, first.content);
		const chat = before.hooks.on_chat_message?.assistants ?? {};
		const changed = { ...chat, "assistant-3": [], "assistant-4": chat["assistant-5"] ?? [] };
		const second = await pack({ ...before, revision: 2, hooks: { ...before.hooks, on_chat_message: { assistants: changed } } });
		const { table } = await unpackTable(second.entry, second.content, read.memory);
		const now = table.hooks.on_chat_message?.assistants ?? {};
		const then = read.table.hooks.on_chat_message?.assistants ?? {};
		expect(table.plugins["one"]).toBe(read.table.plugins["one"]);
		expect(now["assistant-5"]).toBe(then["assistant-5"]);
		expect(now["assistant-4"]).toBe(now["assistant-5"]);
		expect(now["assistant-3"]).toEqual([]);
	});
});

describe("is refused, with a code that says whether it may pass by itself:", () => {
	test.each<[string, () => Promise<[PackedTable, Uint8Array]>, string]>([
		[
			"content with another digest",
			async () => {
				const { entry, content } = await pack(tableOf(1));
				return [{ ...entry, digest: "0".repeat(64) }, content];
			},
			"table_corrupt",
		],
		[
			"content that is no gzip",
			async () => {
				const content = Buffer.from("no gzip");
				const [entry] = packedLines([], { digest: createHash("sha256").update(content).digest("hex"), bytes: 10 });
				return [entry, content];
			},
			"table_corrupt",
		],
		[
			"more than the entry says",
			async () => {
				const { entry, content } = await pack(tableOf(1));
				return [{ ...entry, bytes: entry.bytes - 1 }, content];
			},
			"table_corrupt",
		],
		[
			"less than the entry says",
			async () => {
				const { entry, content } = await pack(tableOf(1));
				return [{ ...entry, bytes: entry.bytes + 1 }, content];
			},
			"table_corrupt",
		],
		[
			"the table of another revision",
			async () => {
				const { entry, content } = await pack(tableOf(1));
				return [{ ...entry, revision: 2 }, content];
			},
			"table_invalid",
		],
		[
			"the table of another tenant",
			async () => {
				const { entry, content } = await pack(tableOf(1));
				return [{ ...entry, tenant: "other" }, content];
			},
			"table_invalid",
		],
		["a line without a path", async () => packedLines(["{}"]), "table_invalid"],
		["a line that is no JSON", async () => packedLines(['["plugins","a"]\t{']), "table_invalid"],
		["a plugin that is none", async () => packedLines(['["plugins","a"]\t{"name":"a"}']), "table_invalid"],
		["a chain that is none", async () => packedLines(['["hooks","on_chat_message","all"]\t[{"plugin":1}]']), "table_invalid"],
		[
			"a revision that is none",
			async () => packedLines(['["spec"]\t"1"', '["tenant"]\t"acme"', '["revision"]\t"x"']),
			"table_invalid",
		],
		["nothing of a table", async () => packedLines(['["spec"]\t"1"']), "table_invalid"],
	])("%s", async (_, make, expected) => {
		const [entry, content] = await make();
		expect(await unpackTable(entry, content).then(() => "taken", code)).toBe(expected);
	});
});
