// What looks into a module and rewrites it, against the engine: on modules made at random, and on ours with random changes. It
// gives up on none of them in another way than with a ModuleFault, it sees what the engine sees, and what it hands on is as
// valid as what it was given, with the same imports, and the same exports and the state besides.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
	exposeState,
	globalExport,
	inspectModule,
	limitMemory,
	limitTables,
	MAX_TABLE_ELEMENTS,
	MEMORY_EXPORT,
	ModuleFault,
	moduleFaults,
	ownExport,
	scanInstructions,
} from "@hookbus/foundation";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { assemble, fixtureModule } from "../support/module-returning.js";
import { moveBytes, type Random, randomFrom, replaceBytes } from "./mutate.js";
import { randomImports, randomModule, SUM_MEMORY_WAT } from "./random-module.js";
import { mutateSections } from "./sections.js";

const SEED = 20_262;
const MUTANTS = 12_000;
const MEMORY_PAGES = 64;
/** Milliseconds in which any module of the sizes below must be looked through. */
const LIMIT_MS = 50;

const REPOSITORY = resolve(import.meta.dirname, "../..");

interface Seen {
	/** The engine takes it. */
	readonly valid: boolean;
	/** This host takes it. */
	readonly accepted: boolean;
}

/** Looks at everything that must hold for these bytes, whatever they are. */
async function look(bytes: Uint8Array<ArrayBuffer>): Promise<Seen> {
	const valid = WebAssembly.validate(bytes);
	const started = performance.now();
	const accepted = faultsOf(bytes).length === 0 && (await unlessRefused(() => scanInstructions(bytes).then(() => true))) === true;
	const rewritten = await rewrite(bytes);
	if (performance.now() - started > LIMIT_MS) await expectQuick(bytes);
	const facts = unlessFault(() => inspectModule(bytes));
	if (facts !== undefined && valid) {
		const module = new WebAssembly.Module(bytes);
		expect(facts.imports.map(({ module: from, name, kind }) => ({ module: from, name, kind }))).toEqual(
			WebAssembly.Module.imports(module),
		);
		expect(facts.exports.map(({ name, kind }) => ({ name, kind }))).toEqual(WebAssembly.Module.exports(module));
	}
	// What was let in must not fail later.
	if (accepted) expect(rewritten).toBeDefined();
	if (rewritten !== undefined && facts !== undefined) {
		expect(WebAssembly.validate(rewritten)).toBe(valid);
		if (valid) expectSameModule(bytes, rewritten, facts);
	}
	return { valid, accepted };
}

function faultsOf(bytes: Uint8Array): readonly ModuleFault[] {
	const faults = unlessFault(() => moduleFaults(bytes, { requiredExports: [], memoryPages: MEMORY_PAGES }));
	return faults ?? [new ModuleFault("malformed", "module", "cannot be read")];
}

async function rewrite(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
	const limited = unlessFault(() => limitTables(limitMemory(bytes, MEMORY_PAGES)));
	const exposed = limited && (await unlessRefused(() => exposeState(limited)));
	return exposed && new Uint8Array(exposed.bytes);
}

async function unlessRefused<T>(run: () => Promise<T>): Promise<T | undefined> {
	try {
		return await run();
	} catch (thrown) {
		expect(thrown).toBeInstanceOf(ModuleFault);
		return undefined;
	}
}

function unlessFault<T>(run: () => T): T | undefined {
	try {
		return run();
	} catch (thrown) {
		expect(thrown).toBeInstanceOf(ModuleFault);
		return undefined;
	}
}

/** What takes long once may have been interrupted; what takes long every time is slow. */
async function expectQuick(bytes: Uint8Array): Promise<void> {
	const times: number[] = [];
	for (let attempt = 0; attempt < 5; attempt += 1) {
		const started = performance.now();
		faultsOf(bytes);
		await rewrite(bytes);
		times.push(performance.now() - started);
	}
	expect(Math.min(...times)).toBeLessThan(LIMIT_MS);
}

function expectSameModule(
	original: Uint8Array<ArrayBuffer>,
	rewritten: Uint8Array<ArrayBuffer>,
	facts: ReturnType<typeof inspectModule>,
): void {
	const [before, after] = [new WebAssembly.Module(original), new WebAssembly.Module(rewritten)];
	expect(WebAssembly.Module.imports(after)).toEqual(WebAssembly.Module.imports(before));
	expect(WebAssembly.Module.exports(after)).toEqual([
		...WebAssembly.Module.exports(before).map(({ name, kind }) => ({ name: ownExport(name), kind })),
		...(facts.memories.length === 0 ? [] : [{ name: MEMORY_EXPORT, kind: "memory" }]),
		...[...facts.mutableGlobals].map((_, position) => ({ name: globalExport(position), kind: "global" })),
	]);
	const { memories, tables } = inspectModule(rewritten);
	for (const { maxPages } of memories) expect(maxPages).toBeLessThanOrEqual(MEMORY_PAGES);
	for (const { maxElements } of tables) expect(maxElements).toBeLessThanOrEqual(MAX_TABLE_ELEMENTS);
}

describe("FZ-02 modules", () => {
	test("that are made at random are let in, and come out as what they were", async () => {
		await fc.assert(
			fc.asyncProperty(randomImports, randomModule, async (imports, { fields, exports }) => {
				const sum = fields.includes("(memory") ? SUM_MEMORY_WAT : "";
				const bytes = await assemble(`(module ${imports} ${fields} ${sum})`);
				expect(inspectModule(bytes).exports.map(({ name, kind }) => ({ name, kind }))).toEqual(exports);
				expect(await look(new Uint8Array(bytes))).toEqual({ valid: true, accepted: true });
			}),
			{ numRuns: 200, seed: SEED },
		);
	});

	describe("with random changes", () => {
		const originals: Uint8Array[] = [];

		beforeAll(async () => {
			const built = ["hello-world", "math-solver", "pii-redactor"].map((name) => `plugins-wasm/${name}/build/plugin.wasm`);
			const hostMemory = "services/runtime/dist/host-memory";
			const own = readdirSync(resolve(REPOSITORY, hostMemory)).map((name) => `${hostMemory}/${name}`);
			for (const file of [...built, ...own]) originals.push(readFileSync(resolve(REPOSITORY, file)));
			for (const { name } of readdirSync(resolve(REPOSITORY, "test/fixtures/modules"), { withFileTypes: true }))
				originals.push(await fixtureModule(name.replace(/\.wat$/, "")));
			const samples = fc.sample(fc.tuple(randomImports, randomModule), { numRuns: 20, seed: SEED });
			for (const [imports, { fields }] of samples) originals.push(await assemble(`(module ${imports} ${fields})`));
		});

		test("are let in or refused, and never change what the engine thinks of them", async () => {
			const random = randomFrom(SEED);
			const counts = { valid: 0, accepted: 0, both: 0 };
			for (let mutant = 0; mutant < MUTANTS; mutant += 1) {
				const bytes = new Uint8Array(mutate(originals[mutant % originals.length] as Uint8Array, random));
				try {
					const { valid, accepted } = await look(bytes);
					counts.valid += valid ? 1 : 0;
					counts.accepted += accepted ? 1 : 0;
					counts.both += valid && accepted ? 1 : 0;
				} catch (cause) {
					throw new Error(`mutant ${mutant}: ${Buffer.from(bytes).toString("base64")}`, { cause });
				}
			}
			// The run must have seen all kinds.
			expect(counts.both, JSON.stringify(counts)).toBeGreaterThan(500);
			expect(counts.accepted - counts.both, JSON.stringify(counts)).toBeGreaterThan(500);
			expect(counts.valid - counts.both, JSON.stringify(counts)).toBeGreaterThan(50);
			expect(MUTANTS - counts.accepted, JSON.stringify(counts)).toBeGreaterThan(500);
		});
	});
});

function mutate(module: Uint8Array, random: Random): Uint8Array {
	const kind = random();
	if (kind < 0.7) return mutateSections(module, random);
	return kind < 0.9 ? replaceBytes(module, random, 3) : moveBytes(module, random);
}
