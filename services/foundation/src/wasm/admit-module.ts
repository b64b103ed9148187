// Decides whether a module may run here at all: its imports, its memory, its exports. Asked when a plugin is installed, and
// again when a runtime loads the module, because a check that stands only at the door is no check.
import { MAX_MODULE_BYTES } from "@hookbus/schemas";
import { describeType, EXTISM_ENV, EXTISM_IMPORTS, HOOK_EXPORT_TYPE, sameType } from "./extism-imports.js";
import { inspectModule, type ModuleExport, type ModuleFacts, type ModuleImport } from "./inspect-module.js";
import { ModuleFault } from "./module-fault.js";

/** Most elements that a module's tables may begin with. */
const MAX_TABLE_ELEMENTS = 65_536;
const MAX_IMPORTS = 100;
const MAX_EXPORTS = 1_000;

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
	const facts = inspectModule(bytes);
	return [
		...importFaults(facts),
		...memoryFaults(facts, rules.memoryPages),
		...exportFaults(facts, rules.requiredExports),
		...startFaults(facts),
	];
}

function importFaults(facts: ModuleFacts): ModuleFault[] {
	if (facts.imports.length > MAX_IMPORTS) {
		return [
			new ModuleFault("import_refused", "import section", `${facts.imports.length} imports; at most ${MAX_IMPORTS} are allowed`),
		];
	}
	return facts.imports.flatMap((entry) => importFault(entry) ?? []);
}

function importFault(entry: ModuleImport): ModuleFault | undefined {
	const label = `"${entry.module}" "${entry.name}"`;
	const refuse = (why: string) => new ModuleFault("import_refused", "import section", `${label} ${why}`);
	if (entry.module === "wasi_snapshot_preview1") return refuse("is WASI, which this host does not offer; build without WASI");
	if (entry.module !== EXTISM_ENV) return refuse(`comes from a module that this host does not offer; only "${EXTISM_ENV}" is`);
	if (entry.kind !== "function" || entry.type === undefined) return refuse(`is a ${entry.kind}; only functions can be imported`);
	const expected = Object.hasOwn(EXTISM_IMPORTS, entry.name) ? EXTISM_IMPORTS[entry.name] : undefined;
	if (expected === undefined) return refuse("is unknown to this host API; the plugin may need a newer host");
	if (!sameType(expected, entry.type))
		return refuse(`is declared as ${describeType(entry.type)}; it is ${describeType(expected)}`);
	return undefined;
}

function memoryFaults(facts: ModuleFacts, memoryPages: number): ModuleFault[] {
	const refuse = (why: string) => new ModuleFault("memory_refused", "memory section", why);
	const faults: ModuleFault[] = [];
	if (facts.memories.length > 1) faults.push(refuse(`${facts.memories.length} memories; at most one is allowed`));
	for (const memory of facts.memories) {
		if (memory.shared) faults.push(refuse("shared memory is not allowed"));
		if (memory.minPages > memoryPages) {
			faults.push(
				refuse(`begins with ${memory.minPages} pages; the limit is ${memoryPages} (limits.memoryPages in the manifest)`),
			);
		}
	}
	if (facts.tableElements > MAX_TABLE_ELEMENTS) {
		faults.push(
			new ModuleFault(
				"memory_refused",
				"table section",
				`${facts.tableElements} elements; at most ${MAX_TABLE_ELEMENTS} are allowed`,
			),
		);
	}
	return faults;
}

function exportFaults(facts: ModuleFacts, required: readonly string[]): ModuleFault[] {
	const refuse = (why: string) => new ModuleFault("export_missing", "export section", why);
	if (facts.exports.length > MAX_EXPORTS) return [refuse(`${facts.exports.length} exports; at most ${MAX_EXPORTS} are allowed`)];
	const byName = new Map(facts.exports.map((entry) => [entry.name, entry]));
	const faults = required.flatMap((name) => hookExportFault(name, byName.get(name)) ?? []);
	const initialize = byName.get("initialize");
	const fault = initialize === undefined ? undefined : hookExportFault("initialize", initialize);
	return fault === undefined ? faults : [...faults, fault];
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
