// Decides whether a module may run here at all: its imports, its memory, its exports. Asked when a plugin is installed, and
// again when a runtime loads the module, because a check that stands only at the door is no check.
import { MAX_MODULE_BYTES } from "@hookbus/schemas";
import { EXTISM_ENV, EXTISM_IMPORTS, HOOK_EXPORT_TYPE } from "./extism-imports.js";
import { describeType, sameType } from "./function-types.js";
import { type FunctionType, inspectModule, type ModuleExport, type ModuleFacts, type ModuleImport } from "./inspect-module.js";
import { MAX_TABLE_ELEMENTS, tableTooLarge } from "./limit-tables.js";
import { ModuleFault, type ModuleFaultCode } from "./module-fault.js";
import { readSections, SECTION, sectionReader } from "./read-sections.js";
import { USER_IMPORTS, USER_MODULE } from "./user-imports.js";
import { WASI, WASI_IMPORTS } from "./wasi-imports.js";

/** Most items of each section. They are counted before any item is read, so that a flood costs nothing. */
const MAX_ITEMS: readonly (readonly [section: keyof typeof SECTION, code: ModuleFaultCode, what: string, most: number])[] = [
	["type", "too_large", "types", 10_000],
	["import", "import_refused", "imports", 100],
	["function", "too_large", "functions", 100_000],
	["table", "memory_refused", "tables", 16],
	["memory", "memory_refused", "memories", 1],
	["global", "memory_refused", "globals", 10_000],
	["export", "export_missing", "exports", 1_000],
	["element", "too_large", "element segments", 10_000],
	["data", "too_large", "data segments", 100_000],
];

/** What a plugin may import, by module and name. */
const IMPORTS: Readonly<Record<string, Readonly<Record<string, FunctionType>>>> = {
	[EXTISM_ENV]: EXTISM_IMPORTS,
	[USER_MODULE]: USER_IMPORTS,
	[WASI]: WASI_IMPORTS,
};

export interface AdmissionRules {
	/** Exports that the manifest promises; each must be a function without parameters that returns an i32. */
	readonly requiredExports: readonly string[];
	/** Most pages of 64 KiB that the plugin's memory may have. */
	readonly memoryPages: number;
}

/**
 * Everything for which this host refuses the module; an empty list admits it.
 *
 * @throws ModuleFault when the bytes are no readable module
 */
export function moduleFaults(bytes: Uint8Array, rules: AdmissionRules): ModuleFault[] {
	if (bytes.length > MAX_MODULE_BYTES) {
		return [new ModuleFault("too_large", "module", `${bytes.length} bytes; at most ${MAX_MODULE_BYTES} are allowed`)];
	}
	const floods = floodFaults(bytes);
	if (floods.length > 0) return floods;
	const facts = inspectModule(bytes);
	return [
		...importFaults(facts),
		...memoryFaults(facts, rules.memoryPages),
		...tableFaults(facts),
		...exportFaults(facts, rules.requiredExports),
		...startFaults(facts),
	];
}

function floodFaults(bytes: Uint8Array): ModuleFault[] {
	const sections = readSections(bytes);
	return MAX_ITEMS.flatMap(([name, code, what, most]) => {
		const section = sections.find(({ id }) => id === SECTION[name]);
		const count = section === undefined ? 0 : sectionReader(bytes, section).u32();
		return count > most
			? [new ModuleFault(code, `${section?.name} section`, `${count} ${what}; at most ${most} are allowed`)]
			: [];
	});
}

function importFaults(facts: ModuleFacts): ModuleFault[] {
	return facts.imports.flatMap((entry) => importFault(entry) ?? []);
}

function importFault(entry: ModuleImport): ModuleFault | undefined {
	const label = `"${entry.module}" "${entry.name}"`;
	const refuse = (why: string) => new ModuleFault("import_refused", "import section", `${label} ${why}`);
	const known = own(IMPORTS, entry.module);
	if (known === undefined) {
		const offered = Object.keys(IMPORTS).map((name) => `"${name}"`);
		return refuse(`comes from a module that this host does not offer; only ${offered.join(", ")} are`);
	}
	if (entry.kind !== "function" || entry.type === undefined) return refuse(`is a ${entry.kind}; only functions can be imported`);
	const expected = own(known, entry.name);
	if (expected === undefined) return refuse("is unknown to this host API; the plugin may need a newer host");
	if (!sameType(expected, entry.type))
		return refuse(`is declared as ${describeType(entry.type)}; it is ${describeType(expected)}`);
	return undefined;
}

/** Names come from strangers: `toString` is in every object. */
function own<T>(values: Readonly<Record<string, T>>, name: string): T | undefined {
	return Object.hasOwn(values, name) ? values[name] : undefined;
}

function memoryFaults(facts: ModuleFacts, memoryPages: number): ModuleFault[] {
	const refuse = (why: string) => new ModuleFault("memory_refused", "memory section", why);
	const faults: ModuleFault[] = [];
	for (const memory of facts.memories) {
		if (memory.shared) faults.push(refuse("shared memory is not allowed"));
		if (memory.minPages > memoryPages) {
			faults.push(refuse(`begins with ${memory.minPages} pages; the limit is ${memoryPages} (limits.memoryPages)`));
		}
	}
	return faults;
}

function tableFaults(facts: ModuleFacts): ModuleFault[] {
	return facts.tables.flatMap(({ minElements }) => (minElements > MAX_TABLE_ELEMENTS ? [tableTooLarge(minElements)] : []));
}

function exportFaults(facts: ModuleFacts, required: readonly string[]): ModuleFault[] {
	const byName = new Map(facts.exports.map((entry) => [entry.name, entry]));
	const faults = required.flatMap((name) => hookExportFault(name, byName.get(name)) ?? []);
	for (const name of ["initialize", "health", "shutdown"]) {
		const entry = byName.get(name);
		const fault = entry === undefined ? undefined : hookExportFault(name, entry);
		if (fault !== undefined) faults.push(fault);
	}
	return faults;
}

function hookExportFault(name: string, entry: ModuleExport | undefined): ModuleFault | undefined {
	const refuse = (why: string) => new ModuleFault("export_missing", "export section", why);
	if (entry === undefined)
		return refuse(`function "${name}" is missing; the manifest lists the hook, so the module must export it`);
	if (entry.kind !== "function" || entry.type === undefined) return refuse(`"${name}" is a ${entry.kind}; it must be a function`);
	if (!sameType(entry.type, HOOK_EXPORT_TYPE)) {
		return refuse(`function "${name}" is ${describeType(entry.type)}; it must be ${describeType(HOOK_EXPORT_TYPE)}`);
	}
	return undefined;
}

function startFaults(facts: ModuleFacts): ModuleFault[] {
	if (!facts.hasStart) return [];
	return [
		new ModuleFault(
			"start_refused",
			"start section",
			"a start function would run before any limit; move its work into the export initialize",
		),
	];
}
