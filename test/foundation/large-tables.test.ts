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

/** Ids that come out in another order where they are names of an object. */
function userConfigs(names: readonly string[] = ["u2", "u1", "10", "9", "__proto__"]) {
	return names.map((user) => ({ user, configRevision: "1", config: { tone: user }, secrets: {} }));
}

function userLine(key: string, user: string, value: unknown): string {
	return `${JSON.stringify(["userConfigs", key, user])}\t${JSON.stringify(value)}`;
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

	test("comes out with its users in their order, also where a plugin or the whole table has none", async () => {
		for (const own of [{ one: userConfigs(), two: [], three: userConfigs(["u1"]) }, {}]) {
			const table: RouteTable = { ...tableOf(1), userConfigs: own };
			const { entry, content } = await pack(table);
			const { table: found } = await unpackTable(entry, content);
			expect(JSON.stringify(found.userConfigs)).toBe(JSON.stringify(own));
		}
	});

	test("has a line for each user, so that no line grows with how many they are", async () => {
		const names = Array.from({ length: 3000 }, (_, index) => `u${index}`);
		const { chunks } = await writeLines({ ...tableOf(1), userConfigs: { one: userConfigs(names) } });
		const lines = Buffer.concat(chunks).toString().split("\n");
		expect(lines.filter((line) => line.startsWith('["userConfigs","one",'))).toHaveLength(3000);
	});

	test("keeps the objects of users who did not change", async () => {
		const first = await pack({ ...tableOf(1), userConfigs: { one: userConfigs() } });
		const read = await unpackTable(first.entry, first.content);
		const [changed, ...others] = userConfigs();
		const now = [...others, { ...changed, user: "u2", configRevision: "2", config: {}, secrets: {} }];
		const second = await pack({ ...tableOf(2), userConfigs: { one: now } });
		const { table } = await unpackTable(second.entry, second.content, read.memory);
		expect(table.userConfigs?.["one"]).toEqual(now);
		expect(table.userConfigs?.["one"]?.[0]).toBe(read.table.userConfigs?.["one"]?.[1]);
		expect(table.userConfigs?.["one"]?.at(-1)).not.toBe(read.table.userConfigs?.["one"]?.[0]);
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
		["a user that is none", async () => packedLines([userLine("one", "u1", { user: "u1" })]), "table_invalid"],
		["a user under the name of another", async () => packedLines([userLine("one", "u1", userConfigs()[0])]), "table_invalid"],
		["a list of users in one line", async () => packedLines([`["userConfigs","one"]\t[{}]`]), "table_invalid"],
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

	test("a user who has two lines", async () => {
		const { chunks } = await writeLines({ ...tableOf(1), userConfigs: { one: userConfigs(["u1"]) } });
		const lines = Buffer.concat(chunks).toString().trimEnd().split("\n");
		expect(await unpackTable(...packedLines(lines)).then(() => "taken", code)).toBe("taken");
		const [twice = ""] = lines.filter((line) => line.startsWith('["userConfigs"'));
		expect(await unpackTable(...packedLines([...lines, twice])).then(() => "taken", code)).toBe("table_invalid");
	});
});
