// Writes schemas/generated from the TypeBox schemas, or with --check says what there is stale. The files are what people
// and programs without TypeScript read; when they are stale, others build against shapes that do not exist any more.
//
//   npm run generate          writes
//   npm run generate:check    changes nothing; ends with 1 and a list when a file is stale
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { differences, existingFiles, wantedFiles } from "./generated-files.js";

const FOLDER = resolve(import.meta.dirname, "../generated");

const wanted = wantedFiles();
const there = existingFiles(FOLDER);
const found = differences(wanted, there);

if (found.length === 0) {
	console.log(`${wanted.size} files in schemas/generated fit schemas/src`);
} else if (process.argv.includes("--check")) {
	console.error(`${found.join("\n")}\nThese files in schemas/generated do not fit schemas/src; run: npm run generate`);
	process.exitCode = 1;
} else {
	for (const path of there.keys()) if (!wanted.has(path)) rmSync(join(FOLDER, path));
	for (const [path, text] of wanted) {
		if (there.get(path) === text) continue;
		mkdirSync(dirname(join(FOLDER, path)), { recursive: true });
		writeFileSync(join(FOLDER, path), text);
	}
	console.log(`written:\n${found.join("\n")}`);
}
