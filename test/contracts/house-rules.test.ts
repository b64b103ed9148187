// Rules of this repository that no tool knows: every source file says why it exists, and nothing is put off or silenced.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const FOLDERS = ["schemas", "services", "sdk", "plugins-wasm", "deploy", "test"];
const SKIPPED = ["node_modules", "dist", "build", "generated", "coverage"];

function sourceFiles(dir: string): string[] {
	return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
		const path = join(dir, entry.name);
		if (entry.isDirectory()) return SKIPPED.includes(entry.name) ? [] : sourceFiles(path);
		return /\.(ts|js)$/.test(entry.name) ? [path] : [];
	});
}

const FILES = FOLDERS.flatMap((folder) => sourceFiles(join(REPOSITORY, folder))).map((path) => ({
	name: relative(REPOSITORY, path),
	text: readFileSync(path, "utf8"),
}));

function namesOf(wrong: (file: { name: string; text: string }) => boolean): string[] {
	return FILES.filter(wrong).map(({ name }) => name);
}

test("the sources are found", () => {
	expect(FILES.length).toBeGreaterThan(100);
});

test("nothing silences lint or the compiler", () => {
	// Put together, so that this file does not hold what it looks for.
	const silencers = new RegExp(["biome-ig" + "nore", "@ts-ig" + "nore", "@ts-no" + "check", "@ts-expect-er" + "ror"].join("|"));
	// AssemblyScript has top-level decorators, which the TypeScript in an editor does not know.
	expect(namesOf(({ name, text }) => !/\/assembly\//.test(name) && silencers.test(text))).toEqual([]);
});

test("nothing is put off", () => {
	const marks = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|")})\\b`);
	expect(namesOf(({ text }) => marks.test(text))).toEqual([]);
});

test("what Extism's SDK and Node offer and cannot keep is used nowhere", () => {
	// Its workers stall and leak, its check of hosts ends at the first redirect, and Node's WASI reads files and sleeps natively.
	const traps = /\b(runInWorker|useWasi|allowedHosts|allowedPaths|node:wasi)\b|from "wasi"/;
	expect(namesOf(({ name, text }) => /^(services|sdk|deploy)\//.test(name) && traps.test(text))).toEqual([]);
});

test("no file has a name that says nothing", () => {
	const empty = /(^|\/)(utils?|helpers?|common|misc|manager|lib)(\.|\/)/;
	expect(namesOf(({ name }) => empty.test(name))).toEqual([]);
});

test("every file of a package starts with a comment that says why it exists", () => {
	const start = /^(#!.*\n)?(\/\/|\/\*)/;
	expect(namesOf(({ name, text }) => !/\.test\.ts$|\.d\.ts$/.test(name) && !start.test(text))).toEqual([]);
});
