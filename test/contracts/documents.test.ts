// What the documents point to exists: files and headings behind links, scripts behind npm commands, settings behind their names.
// A document is read when something else went wrong already; then it must not send anybody astray.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ControlPlaneSettings } from "@hookbus/control-plane";
import { RuntimeSettings } from "@hookbus/runtime";
import * as schemas from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { HELP } from "../../deploy/local/start/settings.js";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const SKIPPED = ["node_modules", "dist", "build", "coverage"];
/** Commands that npm has by itself. */
const NPM_COMMANDS = ["install", "ci"];

interface Document {
	/** Path from the top of the repository. */
	readonly name: string;
	readonly text: string;
}

function documentsIn(dir: string): Document[] {
	return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
		const path = join(dir, entry.name);
		if (entry.isDirectory()) return entry.name.startsWith(".") || SKIPPED.includes(entry.name) ? [] : documentsIn(path);
		return entry.name.endsWith(".md") ? [{ name: relative(REPOSITORY, path), text: readFileSync(path, "utf8") }] : [];
	});
}

const DOCUMENTS = documentsIn(REPOSITORY);

/** What stands in blocks and spans of code. */
function codeOf({ text }: Document): string {
	const blocks = [...text.matchAll(/```.*?\n(.*?)```/gs)].map(([, code]) => code ?? "");
	const spans = [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code ?? "");
	return [...blocks, ...spans].join("\n");
}

const withoutBlocks = (text: string) => text.replaceAll(/```.*?```/gs, "");

/** Targets of the links that lead to something in this repository. */
function linksOf({ text }: Document): string[] {
	const prose = withoutBlocks(text).replaceAll(/`[^`\n]+`/g, "code");
	const targets = [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g), ...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)];
	return targets.map(([, target]) => target ?? "").filter((target) => !/^[a-z]+:/.test(target));
}

/** Headings as a link names them: lower case, hyphens for spaces, no punctuation. */
function anchorsOf(path: string): string[] {
	return [...withoutBlocks(readFileSync(path, "utf8")).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
		(heading ?? "")
			.toLowerCase()
			.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
			.trim()
			.replaceAll(/\s/g, "-"),
	);
}

function deadLinks(document: Document): string[] {
	return linksOf(document).filter((link) => {
		const [path = "", anchor] = decodeURI(link).split("#");
		const target = path === "" ? join(REPOSITORY, document.name) : resolve(REPOSITORY, dirname(document.name), path);
		if (!existsSync(target) || relative(REPOSITORY, target).startsWith("..")) return true;
		return anchor !== undefined && (statSync(target).isDirectory() || !anchorsOf(target).includes(anchor));
	});
}

test("the documents are found, and their links", () => {
	const names = DOCUMENTS.map(({ name }) => name);
	expect(names).toEqual(expect.arrayContaining(["README.md", "plugins-wasm/README.md", "services/ARCHITECTURE.md"]));
	expect(DOCUMENTS.flatMap(linksOf).length).toBeGreaterThan(30);
});

describe.each(DOCUMENTS)("$name", (document) => {
	test("links only to files and headings that exist", () => {
		expect(deadLinks(document)).toEqual([]);
	});

	test("names only npm commands that exist", () => {
		const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as { scripts: Record<string, string> };
		expect(commandsIn(codeOf(document)).filter((script) => !(script in scripts) && !NPM_COMMANDS.includes(script))).toEqual([]);
	});

	test("names only settings that exist", () => {
		const settings = [
			...Object.keys(RuntimeSettings.properties),
			...Object.keys(ControlPlaneSettings.properties),
			...namesIn(HELP),
		].flatMap((name) => [name, `${name}_FILE`]);
		// Streams and buckets are named like settings.
		const onTheBus = Object.values(schemas).filter((value) => typeof value === "string");
		expect(namesIn(document.text).filter((name) => ![...settings, ...onTheBus].includes(name))).toEqual([]);
	});
});

test("deploy/README.md has every setting that only npm start has", () => {
	const text = DOCUMENTS.find(({ name }) => name === "deploy/README.md")?.text ?? "";
	expect(namesIn(HELP).filter((name) => !namesIn(text).includes(name))).toEqual([]);
});

test("the top README has every npm command that is for people", () => {
	const named = commandsIn(codeOf(DOCUMENTS.find(({ name }) => name === "README.md") as Document));
	expect(named).toEqual(expect.arrayContaining(["start", "demo", "test", "bench", "attack"]));
});

/** What follows `npm` or `npm run`, options left out. */
function commandsIn(code: string): string[] {
	return [...code.matchAll(/\bnpm (?:run )?(?:-\S+ )*([a-z][a-z:-]*)/g)].map(([, script]) => script ?? "");
}

/** Settings, streams and buckets by their form. */
function namesIn(text: string): string[] {
	return [...new Set([...text.matchAll(/\bHOOKBUS_[A-Z][A-Z_]*/g)].map(([name]) => name))];
}
