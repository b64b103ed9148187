// Rewrites a module so that its whole state can be read and put back from outside: its memory and every global that can change
// become exports. An instance can then serve call after call without one call seeing what another left. Where the state cannot
// be put back, the module says why, and each call gets a new instance. The module's own exports are renamed, so that they mean
// nothing to Extism's SDK, which would run some of them at a time of its own choice.
import { setImmediate as nextTurn } from "node:timers/promises";
import { BinaryReader } from "./binary-reader.js";
import { encodeName, encodeU32, encodeVector, replaceSection } from "./binary-writer.js";
import { type FunctionType, inspectModule, KINDS, type ModuleExport } from "./inspect-module.js";
import { readSections, SECTION, sectionReader } from "./read-sections.js";
import { findIrreversible, type Irreversible, readLocals } from "./scan-instructions.js";
import type { ValueType } from "./value-types.js";
import { WASI } from "./wasi-imports.js";

export const MEMORY_EXPORT = "state:memory";

/** Export of the global at this position of `ExposedModule.globals`. */
export function globalExport(position: number): string {
	return `state:global:${position}`;
}

/** What an export of the module is called after the rewriting. */
export function ownExport(name: string): string {
	return `own:${name}`;
}

export interface ExposedModule {
	readonly bytes: Uint8Array;
	/** Exported functions by the name that the module gave them. */
	readonly functions: ReadonlyMap<string, FunctionType>;
	readonly hasMemory: boolean;
	/** It imports functions of WASI. */
	readonly usesWasi: boolean;
	/** Types of the globals that can change; the one at position n is exported as `globalExport(n)`. */
	readonly globals: readonly ValueType[];
	/** Why the state cannot be put back; `undefined`: it can. */
	readonly irreversible: Irreversible | "has too many globals" | undefined;
}

/** Copying more than this many globals for each call would cost more than a new instance. */
const MAX_GLOBALS = 1_000;

/**
 * @throws ModuleFault when the bytes are no readable module, or use an instruction that is refused
 */
export async function exposeState(bytes: Uint8Array): Promise<ExposedModule> {
	const facts = inspectModule(bytes);
	const irreversible = await scanInstructions(bytes);
	const globals = facts.mutableGlobals.size > MAX_GLOBALS ? [] : [...facts.mutableGlobals];
	const hasMemory = facts.memories.length > 0;
	const entries = [
		...facts.exports.map(({ name, kind, index }) => exportEntry(ownExport(name), kind, index)),
		...(hasMemory ? [exportEntry(MEMORY_EXPORT, "memory", 0)] : []),
		...globals.map(([index], position) => exportEntry(globalExport(position), "global", index)),
	];
	return {
		bytes: replaceSection(bytes, SECTION.export, encodeVector(entries)),
		functions: new Map(facts.exports.flatMap(({ name, type }) => (type === undefined ? [] : [[name, type] as const]))),
		hasMemory,
		usesWasi: facts.imports.some(({ module }) => module === WASI),
		globals: globals.map(([, type]) => type),
		irreversible: facts.mutableGlobals.size > MAX_GLOBALS ? "has too many globals" : irreversible,
	};
}

function exportEntry(name: string, kind: ModuleExport["kind"], index: number): number[] {
	return [...encodeName(name), KINDS.indexOf(kind), ...encodeU32(index)];
}

/** Bytes of code after which others get their turn. */
const SLICE_BYTES = 128 * 1024;

/**
 * Reads all instructions, a slice at a time.
 *
 * @returns why the state of an instance cannot be put back; `undefined`: it can
 * @throws ModuleFault `instruction_refused`, `malformed`
 */
export async function scanInstructions(bytes: Uint8Array): Promise<Irreversible | undefined> {
	const section = readSections(bytes).find(({ id }) => id === SECTION.code);
	if (section === undefined) return undefined;
	let first: Irreversible | undefined;
	const reader = sectionReader(bytes, section);
	let pause = reader.offset + SLICE_BYTES;
	for (let functions = reader.u32(); functions > 0; functions -= 1) {
		const length = reader.u32();
		const begin = reader.skip(length);
		const body = new BinaryReader(bytes, begin, begin + length, "code section");
		readLocals(body);
		while (!body.done) {
			const found = findIrreversible(body, pause);
			first ??= found;
			if (body.offset < pause) continue;
			await nextTurn();
			pause = body.offset + SLICE_BYTES;
		}
	}
	return first;
}
