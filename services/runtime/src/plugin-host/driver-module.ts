// Makes the small module through which the host reaches a plugin. Extism's SDK hands out the exports of one module only, the
// one called "main"; this one imports what the host needs of the plugin and of the host memory, and exports it again. It also
// keeps a copy of every global of the plugin that can change: in here they are copied as they are, while JavaScript would change
// some of them on the way (a NaN, a vector, a reference).
import {
	EXTISM_ENV,
	type ExposedModule,
	encodeFunctionType,
	encodeModule,
	encodeName,
	encodeU32,
	encodeVector,
	type FunctionType,
	globalExport,
	ownExport,
	SECTION,
	VALUE_TYPE_CODES,
	type ValueType,
} from "@hookbus/foundation/wasm";
import { MEMORY_ACCESS_MODULE, PLUGIN_MEMORY_MODULE, PLUGIN_MODULE, pluginExport } from "./linked-modules.js";

/** Functions of host-memory/assembly/index.ts that only the host calls. */
const HOST_MEMORY_FUNCTIONS: Readonly<Record<string, FunctionType>> = {
	begin: { params: ["i32", "f64", "i32"], results: ["i32"] },
	allocate_for_host: { params: ["i32"], results: ["i32"] },
	block_begin: { params: ["i32"], results: ["i32"] },
	block_length: { params: ["i32"], results: ["i32"] },
	set_error_block: { params: ["i32"], results: [] },
	result_kind: { params: [], results: ["i32"] },
	result_begin: { params: [], results: ["i32"] },
	result_length: { params: [], results: ["i32"] },
	refused_bytes: { params: [], results: ["f64"] },
};

/** Functions of host-memory/plugin-memory.wat. */
const PLUGIN_MEMORY_FUNCTIONS: Readonly<Record<string, FunctionType>> = {
	save_memory: { params: [], results: ["i32"] },
	restore_memory: { params: [], results: ["i32"] },
	memory_pages: { params: [], results: ["i32"] },
};

/** Functions of host-memory/memory-access.wat. */
const MEMORY_ACCESS_FUNCTIONS: Readonly<Record<string, FunctionType>> = {
	load_byte: { params: ["i32"], results: ["i32"] },
	load_word: { params: ["i32"], results: ["i32"] },
	store_byte: { params: ["i32", "i32"], results: [] },
	store_word: { params: ["i32", "i32"], results: [] },
};

const FUNCTION = 0;
const MEMORY = 2;
const GLOBAL = 3;
const MUTABLE = 1;

/**
 * @param called functions of the plugin that the host calls
 * @returns a module that exports the functions of the plugin as `plugin:<name>`, those of the host memory and the plugin's
 *   memory under their own names, the host memory itself as `memory`, and `save_globals` and `restore_globals`. What concerns
 *   the plugin's memory is missing when it has none, and single bytes of it can be reached only when the plugin uses WASI.
 */
export function encodeDriver(plugin: ExposedModule, called: readonly string[]): Uint8Array {
	const types: number[][] = [];
	const imports: number[][] = [];
	const exports: number[][] = [];
	const addType = (type: FunctionType) => encodeU32(types.push(encodeFunctionType(type)) - 1);
	const addImport = (from: string, name: string, description: readonly number[]) =>
		imports.push([...encodeName(from), ...encodeName(name), ...description]);
	const addExport = (name: string, kind: number, index: number) => exports.push([...encodeName(name), kind, ...encodeU32(index)]);

	let functions = 0;
	const passFunction = (from: string, name: string, type: FunctionType, as = name) => {
		addImport(from, name, [FUNCTION, ...addType(type)]);
		addExport(as, FUNCTION, functions);
		functions += 1;
	};
	for (const [name, type] of Object.entries(HOST_MEMORY_FUNCTIONS)) passFunction(EXTISM_ENV, name, type);
	for (const [name, type] of Object.entries(plugin.hasMemory ? PLUGIN_MEMORY_FUNCTIONS : {}))
		passFunction(PLUGIN_MEMORY_MODULE, name, type);
	for (const [name, type] of Object.entries(plugin.usesWasi && plugin.hasMemory ? MEMORY_ACCESS_FUNCTIONS : {}))
		passFunction(MEMORY_ACCESS_MODULE, name, type);
	for (const name of called)
		passFunction(PLUGIN_MODULE, ownExport(name), plugin.functions.get(name) as FunctionType, pluginExport(name));
	addImport(EXTISM_ENV, "memory", [MEMORY, 0, 0]);
	addExport("memory", MEMORY, 0);

	const { globals } = plugin;
	for (const [position, type] of globals.entries())
		addImport(PLUGIN_MODULE, globalExport(position), [GLOBAL, VALUE_TYPE_CODES[type], MUTABLE]);
	addExport("save_globals", FUNCTION, functions);
	addExport("restore_globals", FUNCTION, functions + 1);
	const voidType = addType({ params: [], results: [] });
	const count = globals.length;

	return encodeModule([
		[SECTION.type, encodeVector(types)],
		[SECTION.import, encodeVector(imports)],
		[SECTION.function, encodeVector([voidType, voidType])],
		[SECTION.global, encodeVector(globals.map((type) => [VALUE_TYPE_CODES[type], MUTABLE, ...EMPTY_VALUE[type], END]))],
		[SECTION.export, encodeVector(exports)],
		[SECTION.code, encodeVector([encodeCopies(0, count, count), encodeCopies(count, 0, count)])],
	]);
}

const GET = 0x23;
const SET = 0x24;
const END = 0x0b;

/** Instruction that makes a value of this type for a global to begin with. */
const EMPTY_VALUE: Readonly<Record<ValueType, readonly number[]>> = {
	i32: [0x41, 0],
	i64: [0x42, 0],
	f32: [0x43, 0, 0, 0, 0],
	f64: [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
	v128: [0xfd, 12, ...new Array<number>(16).fill(0)],
	funcref: [0xd0, VALUE_TYPE_CODES.funcref],
	externref: [0xd0, VALUE_TYPE_CODES.externref],
};

/** A function that copies so many globals. */
function encodeCopies(from: number, to: number, count: number): number[] {
	const body = [0];
	for (let position = 0; position < count; position += 1)
		body.push(GET, ...encodeU32(from + position), SET, ...encodeU32(to + position));
	body.push(END);
	return [...encodeU32(body.length), ...body];
}
