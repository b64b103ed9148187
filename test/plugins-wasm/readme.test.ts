// What plugins-wasm/README.md says to authors: its samples compile, its manifest is valid, and its plugin does what it says.
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { inspectModule, moduleFaults, USER_MODULE } from "@hookbus/foundation";
import { type Manifest, manifestFaults } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { buildModule } from "../../plugins-wasm/build-plugin.js";
import { type HostScript, runScripted } from "../support/scripted-host.js";
import { tempDir } from "../support/temp-dir.js";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const FOLDER = join(REPOSITORY, "plugins-wasm");
const readme = readFileSync(join(FOLDER, "README.md"), "utf8");

/** The first block of code in this language. */
function block(language: string): string {
	return new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(readme)?.[1] ?? "";
}

/** Rows of the table of host functions, each by its column's title. */
function rows(): Record<string, string>[] {
	const lines = readme.split("\n");
	const start = lines.findIndex((line) => line.startsWith("| function |"));
	const cells = (line = "") =>
		line
			.split("|")
			.slice(1, -1)
			.map((cell) => cell.trim());
	const titles = cells(lines[start]);
	const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
	return lines.slice(start + 2, end).map((line) => Object.fromEntries(cells(line).map((cell, index) => [titles[index], cell])));
}

async function compile(source: string): Promise<Uint8Array> {
	const dir = tempDir("readme");
	symlinkSync(join(REPOSITORY, "node_modules"), join(dir, "node_modules"));
	const folder = join(dir, "plugin");
	mkdirSync(join(folder, "assembly"), { recursive: true });
	writeFileSync(join(folder, "assembly/index.ts"), source);
	copyFileSync(join(FOLDER, "hello-world/asconfig.json"), join(folder, "asconfig.json"));
	return readFileSync((await buildModule(folder, join(dir, "build"))).wasm);
}

test("every file that it names exists", () => {
	const paths = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path ?? "");
	expect(paths.length).toBeGreaterThan(5);
	expect(paths.filter((path) => !existsSync(join(FOLDER, path)))).toEqual([]);
});

test("the samples of its table compile, and import the functions of the host that they stand for", async () => {
	const samples = rows().map((row) => (row["sample"] ?? "").replaceAll("`", ""));
	expect(samples).toEqual(Array.from({ length: 7 }, () => expect.stringMatching(/;$/)));
	const imports = 'import { Files, Http, logInfo, once, publish, readConfig, State } from "@hookbus/plugin-as";';
	const bytes = await compile(`${imports}\nexport function on_chat_message(): i32 {\n${samples.join("\n")}\nreturn 0;\n}`);
	const imported = inspectModule(bytes)
		.imports.filter((entry) => entry.module === USER_MODULE)
		.map(({ name }) => name);
	expect(imported.sort()).toEqual(["file_write", "once", "publish", "state_increment"]);
});

describe("its plugin", () => {
	let manifest: Manifest;
	let module: Uint8Array;

	beforeAll(async () => {
		manifest = parse(block("yaml")) as Manifest;
		module = await compile(block("ts"));
	}, 600_000);

	const event = (outcome: string) =>
		JSON.stringify({ id: "evt-1", hook: "on_after_response", conversation: "conv-1", data: { outcome } });

	const host = (answers: Partial<HostScript>): HostScript => ({
		once: () => 1,
		state_increment: () => 7n,
		http_request: () => ({ status: 201, body: '{"id":"T-7"}' }),
		file_write: () => 0,
		publish: () => undefined,
		...answers,
	});

	test("has a valid manifest, and a module that this host admits for it", () => {
		expect(manifestFaults(manifest)).toEqual([]);
		const rules = { requiredExports: manifest.hooks.map(({ hook }) => hook), memoryPages: 256 };
		expect(moduleFaults(module, rules)).toEqual([]);
	});

	test("sends a request that its network rule allows, keeps the answer and publishes the ticket", async () => {
		const { code, output, calls } = await runScripted(module, "on_after_response", event("error"), host({}));
		const ticket = '{"conversation":"conv-1","number":7}';
		expect([code, JSON.parse(output ?? "")]).toEqual([0, { action: "continue" }]);
		const request = JSON.parse(String(calls[2]?.[1])) as { url: string; method: string };
		expect(calls).toEqual([
			["once", "ticket/evt-1", 604_800_000n],
			["state_increment", "tickets", 1n, 0n],
			["http_request", expect.any(String), Buffer.from(ticket)],
			["file_write", "tickets/evt-1.json", Buffer.from('{"id":"T-7"}')],
			["publish", "ticket.opened", Buffer.from(ticket)],
		]);
		const [rule] = manifest.network ?? [];
		expect(request.url).toBe(`https://${rule?.host}${rule?.path}`);
		expect(rule?.methods).toContain(request.method);
	});

	test("asks for nothing when the event came before, or is none of its own", async () => {
		const again = await runScripted(module, "on_after_response", event("error"), { once: () => 0 });
		expect(again.calls).toHaveLength(1);
		expect((await runScripted(module, "on_after_response", event("ok"))).calls).toEqual([]);
	});

	test.each([
		["no response", { http_request: () => ({ status: 0 }) }, "the ticket was not taken: status 0"],
		["no room", { file_write: () => 1 }, "no room for the ticket"],
	])("says so when there is %s", async (_what, answers, message) => {
		const { code, error } = await runScripted(module, "on_after_response", event("error"), host(answers));
		expect([code, error]).toEqual([1, message]);
	});
});
