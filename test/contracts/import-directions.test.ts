// Proves that the lint rules in biome.json really report what they forbid: a pattern that matches nothing passes every
// check for ever. Each case is a small file in a copy of the repository's layout.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { startProcess } from "../support/start-process.js";
import { tempDir } from "../support/temp-dir.js";

const REPOSITORY = resolve(import.meta.dirname, "../..");

interface Case {
	readonly title: string;
	/** Where the file stands in the repository. */
	readonly file: string;
	readonly source: string;
	/** The rule that reports it; absent: nothing does. */
	readonly rule?: string;
}

const IMPORTS = "lint/style/noRestrictedImports";

const CASES: readonly Case[] = [
	...forbidden("schemas imports foundation", "schemas/src", "@hookbus/foundation"),
	...forbidden("schemas imports a service by path", "schemas/src", "../../services/runtime/src/main.js"),
	...forbidden("foundation imports a service", "services/foundation/src", "@hookbus/runtime"),
	...forbidden("foundation imports the client", "services/foundation/src", "@hookbus/client"),
	...forbidden("a service imports another service", "services/runtime/src", "@hookbus/control-plane"),
	...forbidden("a service imports another service by path", "services/control-plane/src/http", "../../../runtime/src/index.js"),
	...forbidden("a service imports the built files of another", "services/runtime/src", "../../control-plane/dist/index.js"),
	...forbidden("a service imports the client", "services/control-plane/src", "@hookbus/client"),
	...forbidden("a service imports past an index", "services/runtime/src", "@hookbus/foundation/dist/ordered-stop.js"),
	...forbidden("the client imports foundation", "sdk/client/src", "@hookbus/foundation"),
	...forbidden("the client imports past an index", "sdk/client/src", "@hookbus/schemas/src/event.js"),
	...forbidden("a service imports a plugin", "services/runtime/src", "../../../plugins-wasm/hello-world/build/index.js"),
	...forbidden("a service imports deploy", "services/control-plane/src", "../../../deploy/local/start.js"),
	...forbidden("a service imports a test", "services/runtime/src", "../../../test/support/wait-for.js"),
	...forbidden("the client imports a test", "sdk/client/src", "../../../test/support/wait-for.js"),
	...forbidden("schemas imports a test", "schemas/src", "../../test/support/wait-for.js"),
	...forbidden("deploy imports a test", "deploy/local", "../../test/support/wait-for.js"),
	...forbidden("deploy imports the source of a service", "deploy/local", "../../services/runtime/src/main.js"),
	...forbidden("a test imports past an index by name", "test/runtime", "@hookbus/runtime/dist/main.js"),
	...allowed("a service imports foundation and its own files", "services/runtime/src/chain", "@hookbus/foundation", "../main.js"),
	...allowed("foundation imports schemas", "services/foundation/src", "@hookbus/schemas", "./clock.js"),
	...allowed("the client imports schemas", "sdk/client/src", "@hookbus/schemas", "nats"),
	...allowed("deploy imports the client", "deploy/local", "@hookbus/client", "./start.js"),
	...allowed("a test imports a source file", "test/runtime", "../../services/runtime/src/chain/run.js", "../support/wait-for.js"),
	{
		title: "a cycle of imports",
		file: "services/runtime/src/cycle-a.ts",
		source: 'import { b } from "./cycle-b.js";\nexport const a = (): unknown => b;\n',
		rule: "lint/suspicious/noImportCycles",
	},
	{
		title: "the other half of the cycle",
		file: "services/runtime/src/cycle-b.ts",
		source: 'import { a } from "./cycle-a.js";\nexport const b = (): unknown => a;\n',
		rule: "lint/suspicious/noImportCycles",
	},
	{
		title: "a promise that nobody waits for",
		file: "services/runtime/src/floating.ts",
		source:
			"async function send(): Promise<void> {\n\tawait Promise.resolve();\n}\n\nexport function run(): void {\n\tsend();\n}\n",
		rule: "lint/nursery/noFloatingPromises",
	},
	{
		title: "any",
		file: "services/runtime/src/untyped.ts",
		source: "export const value = (input: any): unknown => input;\n",
		rule: "lint/suspicious/noExplicitAny",
	},
	{
		title: "an import that is not used",
		file: "services/runtime/src/unused-import.ts",
		source: 'import { join } from "node:path";\n\nexport const value = 1;\n',
		rule: "lint/correctness/noUnusedImports",
	},
	{
		title: "a variable that is not used",
		file: "services/runtime/src/unused-variable.ts",
		source: "export function value(): number {\n\tconst unused = 2;\n\treturn 1;\n}\n",
		rule: "lint/correctness/noUnusedVariables",
	},
	{
		title: "a skipped test",
		file: "test/runtime/skipped.test.ts",
		source: 'import { test } from "vitest";\n\ntest.skip("later", () => undefined);\n',
		rule: "lint/suspicious/noSkippedTests",
	},
];

/** The same forbidden import in the three ways that one can write it. */
function forbidden(title: string, folder: string, specifier: string): Case[] {
	const name = title.replaceAll(" ", "-");
	return [
		{
			title,
			file: `${folder}/${name}.ts`,
			source: `import { it } from "${specifier}";\n\nexport const same = it;\n`,
			rule: IMPORTS,
		},
		{ title: `${title}, as an export`, file: `${folder}/${name}-2.ts`, source: `export * from "${specifier}";\n`, rule: IMPORTS },
		{
			title: `${title}, when called`,
			file: `${folder}/${name}-3.ts`,
			source: `export const load = (): Promise<unknown> => import("${specifier}");\n`,
			rule: IMPORTS,
		},
	];
}

function allowed(title: string, folder: string, ...specifiers: string[]): Case[] {
	const source = specifiers.map((specifier) => `export * from "${specifier}";\n`).join("");
	return [{ title, file: `${folder}/${title.replaceAll(" ", "-")}.ts`, source }];
}

/** File → the rules that reported it. */
let reported: Map<string, Set<string>>;

beforeAll(async () => {
	const dir = tempDir("lint");
	copyFileSync(join(REPOSITORY, "biome.json"), join(dir, "biome.json"));
	for (const { file, source } of CASES) {
		mkdirSync(dirname(join(dir, file)), { recursive: true });
		writeFileSync(join(dir, file), source);
	}
	const biome = await startProcess(
		process.execPath,
		[join(REPOSITORY, "node_modules/@biomejs/biome/bin/biome"), "lint", "--reporter=json", "--max-diagnostics=none"],
		{ cwd: dir },
	);
	await biome.exited;
	reported = readReport(biome.stdout());
});

function readReport(text: string): Map<string, Set<string>> {
	const report = JSON.parse(text) as { diagnostics: { category: string; location: { path: string | { file: string } } }[] };
	const rules = new Map<string, Set<string>>();
	for (const { category, location } of report.diagnostics) {
		const path = typeof location.path === "string" ? location.path : location.path.file;
		rules.set(path, (rules.get(path) ?? new Set()).add(category));
	}
	return rules;
}

describe("lint reports", () => {
	test.each(CASES.filter(({ rule }) => rule !== undefined))("$title", ({ file, rule }) => {
		expect([...(reported.get(file) ?? [])]).toContain(rule);
	});
});

describe("lint lets through", () => {
	test.each(CASES.filter(({ rule }) => rule === undefined))("$title", ({ file }) => {
		expect([...(reported.get(file) ?? [])]).toEqual([]);
	});
});
