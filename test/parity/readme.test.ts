// README.md and the tests of this folder say the same: a row whose test is gone would promise what nobody looks at, and a test without a
// row would not be found by whoever asks where something of theirs is here.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const FOLDER = import.meta.dirname;
const README = readFileSync(join(FOLDER, "README.md"), "utf8");
const SOURCES = ["Skillbox", "chat phase", "agent-tool", "Arcade", "hook-based"];

/** Last cells of the rows of all tables. */
function promised(): string[] {
	const rows = README.split("\n").filter((line) => line.startsWith("|") && !/^\|(-| theirs)/.test(line));
	return rows.map((line) => line.split(" | ").at(-1)?.replace(/ \|$/, "") ?? "");
}

const TITLE = /^(\t*)(describe|test|test\.each.*\)|\]\))\(\s*"((?:[^"\\]|\\.)*)"/gm;

/** Titles of the tests in a file, each with the source in front of it, which may be that of its describe. */
function titlesIn(file: string): string[] {
	let block = "";
	const titles: string[] = [];
	for (const [, indent, what, title = ""] of readFileSync(join(FOLDER, file), "utf8").matchAll(TITLE)) {
		if (what === "describe") block = title;
		else titles.push(indent === "" || SOURCES.some((source) => title.startsWith(`${source}: `)) ? title : `${block}: ${title}`);
	}
	return titles;
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".test.ts") && name !== "readme.test.ts");
const titles = files.flatMap(titlesIn);

test("the tests are found", () => {
	expect(files.length).toBeGreaterThan(5);
	expect(titles.length).toBeGreaterThan(80);
	expect(new Set(titles).size).toBe(titles.length);
});

test("each row names a test that exists", () => {
	const rows = promised();
	expect(rows.length).toBeGreaterThan(90);
	expect(rows.filter((row) => !titles.includes(row))).toEqual([]);
});

test("each test has a row", () => {
	const rows = promised();
	expect(titles.filter((title) => !rows.includes(title))).toEqual([]);
});

describe("tools and function calling", () => {
	const [, section = ""] = README.split("## Tools and function calling");
	const later = section.split("\n").filter((line) => line.startsWith("- "));
	test.each(["POST /plugins/:id/execute", "POST /chat/detect-functions", "POST /chat/execute-function", "get_tools", "/mcp"])(
		"%s is listed by name",
		(name) => {
			expect(later.filter((line) => line.includes(name))).toHaveLength(1);
		},
	);
	for (const line of later) test.todo(line.slice(2));
});
