// What is written down twice must agree: error catalogue, its page and its throw sites; tables and migrations; settings and
// what the README of the settings says elsewhere.
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ERROR_CATALOGUE } from "@hookbus/control-plane";
import { describe, expect, test } from "vitest";
import { tempDir } from "../support/temp-dir.js";

const SERVICE = resolve(import.meta.dirname, "../../services/control-plane");

function sources(directory = join(SERVICE, "src")): string[] {
	return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
		const path = join(directory, entry.name);
		return entry.isDirectory() ? sources(path) : [readFileSync(path, "utf8")];
	});
}

describe("errors", () => {
	const documented = new Map(
		[...readFileSync(join(SERVICE, "ERRORS.md"), "utf8").matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.+?) \| (.+?) \|$/gm)].map(
			([, code, status, title, remedy]) => [code as string, { status: Number(status), title, remedy }],
		),
	);
	const thrown = new Set(
		sources().flatMap((text) => [...text.matchAll(/\berrors\.([a-z_]+)\(/g)].map(([, code]) => code as string)),
	);

	test("the page lists exactly the codes of the catalogue, in its order, with status and title", () => {
		const catalogue = Object.entries(ERROR_CATALOGUE).map(([code, { status, title }]) => [code, { status, title }]);
		expect([...documented].map(([code, { status, title }]) => [code, { status, title }])).toEqual(catalogue);
	});

	test("every code of the catalogue is thrown somewhere", () => {
		expect(Object.keys(ERROR_CATALOGUE).filter((code) => !thrown.has(code))).toEqual([]);
	});

	test("every code says what to do about it", () => {
		expect([...documented].filter(([, { remedy }]) => (remedy ?? "").length < 10)).toEqual([]);
	});
});

test("the checked-in migrations bring a database to what the tables say", () => {
	const copy = tempDir("migrations");
	cpSync(join(SERVICE, "migrations"), join(copy, "migrations"), { recursive: true });
	const before = readdirSync(join(copy, "migrations"));
	const drizzleKit = resolve(SERVICE, "../../node_modules/drizzle-kit/bin.cjs");
	const args = [
		"generate",
		"--dialect",
		"postgresql",
		"--schema",
		join(SERVICE, "dist/database/tables/*.js"),
		"--out",
		"./migrations",
	];
	const output = execFileSync(process.execPath, [drizzleKit, ...args], { cwd: copy, encoding: "utf8" });
	expect(output).toContain("No schema changes");
	expect(readdirSync(join(copy, "migrations"))).toEqual(before);
}, 60_000);
