// An empty PGlite database, made once and copied: making one takes several times longer than opening one. What a control
// plane finds in a copy is what its own first start would have made.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { inject } from "vitest";
import { inRepository, REPOSITORY } from "../../deploy/local/repository.js";
import { startProcess } from "./start-process.js";

/** Puts an empty database into a data directory that has none, where the control plane looks for it. */
export async function seedPglite(dataDir: string): Promise<void> {
	const database = join(dataDir, "database");
	if (existsSync(database)) return;
	const response = await fetch(inject("databaseBroker"), { headers: { connection: "close" } });
	const template = await response.text();
	if (!response.ok) throw new Error(`no PGlite database: ${template}`);
	mkdirSync(dataDir, { recursive: true });
	cpSync(template, database, { recursive: true });
}

/**
 * Directory of the template; makes it when this version of PGlite has none yet. Runs outside of test files, one call at a time.
 */
export async function ensurePgliteTemplate(): Promise<string> {
	const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite");
	const { version } = JSON.parse(readFileSync(join(dirname(entry), "../package.json"), "utf8")) as { version: string };
	const template = inRepository(`node_modules/.cache/hookbus-test/pglite-${version}`);
	if (existsSync(template)) return template;
	const draft = `${template}.${process.pid}`;
	mkdirSync(draft, { recursive: true });
	const script = `
		import { PGlite } from "@electric-sql/pglite";
		import { dataDir } from "@electric-sql/pglite-prepopulatedfs";
		await (await PGlite.create(process.argv[1], { loadDataDir: await dataDir() })).close();`;
	// It runs once: what the optimizing compiler would spend on it never comes back.
	const args = ["--liftoff-only", "--input-type=module", "-e", script, draft];
	const maker = await startProcess(process.execPath, args, { cwd: REPOSITORY });
	const { code, signal } = await maker.exited;
	if (code !== 0) throw new Error(`PGlite cannot make a database (${code ?? signal}):\n${maker.output()}`);
	renameSync(draft, template);
	return template;
}
