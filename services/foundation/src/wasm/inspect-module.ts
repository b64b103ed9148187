// What a module imports, exports and declares, read from the bytes before any engine compiles them. Extism links whatever
// names match without looking at types, so types are compared here.
import type { BinaryReader } from "./binary-reader.js";
import { ModuleFault } from "./module-fault.js";
import { readSections, SECTION, type Section, sectionReader } from "./read-sections.js";
import { skipConstant } from "./scan-instructions.js";
import { VALUE_TYPES, type ValueType } from "./value-types.js";

export interface FunctionType {
	readonly params: readonly ValueType[];
	readonly results: readonly ValueType[];
}

export interface ModuleImport {
	readonly module: string;
	readonly name: string;
	readonly kind: "function" | "table" | "memory" | "global" | "tag";
	readonly type?: FunctionType;
}

export interface ModuleExport {
	readonly name: string;
	readonly kind: "function" | "table" | "memory" | "global" | "tag";
	/** Position among all functions, memories, … of the module. */
	readonly index: number;
	/** Of an exported function. */
	readonly type?: FunctionType;
}

export interface MemoryLimits {
	readonly minPages: number;
	readonly maxPages?: number;
	readonly shared: boolean;
	readonly is64: boolean;
}

export interface TableLimits {
	readonly type: ValueType;
	readonly minElements: number;
	readonly maxElements?: number;
}

export interface ModuleFacts {
	readonly bytes: number;
	readonly imports: readonly ModuleImport[];
	readonly exports: readonly ModuleExport[];
	readonly memories: readonly MemoryLimits[];
	readonly hasStart: boolean;
	readonly tables: readonly TableLimits[];
	readonly functions: number;
	readonly globals: number;
	/** Types of the module's own globals that can change, by their index among all globals. */
	readonly mutableGlobals: ReadonlyMap<number, ValueType>;
}

/**
 * Reads the facts of a module. Does not validate function bodies; the engine does that.
 *
 * @throws ModuleFault `not_wasm`, `component`, `malformed`, or `memory_refused` for types that this host does not know
 */
export function inspectModule(bytes: Uint8Array): ModuleFacts {
	const sections = new Map<number, Section>();
	for (const section of readSections(bytes)) {
		if (section.id !== SECTION.custom) sections.set(section.id, section);
	}
	const read = <T>(id: number, item: (reader: BinaryReader) => T): T[] => {
		const section = sections.get(id);
		return section === undefined ? [] : readVector(sectionReader(bytes, section), item);
	};
	const types = read(SECTION.type, readFunctionType);
	const typeAt = (reader: BinaryReader, index: number): FunctionType => {
		const type = types[index];
		if (type === undefined) throw reader.malformed(`names type ${index} of ${types.length}`);
		return type;
	};
	const imports = read(SECTION.import, (reader) => readImport(reader, typeAt));
	const functionTypes = imports.flatMap((entry) => (entry.type === undefined ? [] : [entry.type]));
	functionTypes.push(...read(SECTION.function, (reader) => typeAt(reader, reader.u32())));
	const memories = read(SECTION.memory, readMemory);
	const exports = read(SECTION.export, (reader) => readExport(reader, functionTypes));
	const importedGlobals = imports.filter(({ kind }) => kind === "global").length;
	const globals = read(SECTION.global, readGlobal);
	return {
		bytes: bytes.length,
		imports,
		exports,
		memories,
		hasStart: sections.has(SECTION.start),
		tables: read(SECTION.table, readTable),
		functions: functionTypes.length,
		globals: globals.length,
		mutableGlobals: new Map(
			globals.flatMap(({ type, isMutable }, index) => (isMutable ? [[importedGlobals + index, type] as const] : [])),
		),
	};
}

function readVector<T>(reader: BinaryReader, item: (reader: BinaryReader) => T): T[] {
	const count = reader.u32();
	// Every item takes at least one byte, so a larger count is a lie that would only cost memory.
	if (count > reader.end - reader.offset) throw reader.malformed(`claims ${count} items`);
	const items: T[] = [];
	for (let index = 0; index < count; index += 1) items.push(item(reader));
	if (!reader.done) throw reader.malformed("has bytes after its last item");
	return items;
}

function readValueType(reader: BinaryReader): ValueType {
	const code = reader.byte();
	const type = VALUE_TYPES[code];
	if (type === undefined) throw reader.malformed(`uses value type 0x${code.toString(16)}, which this host does not know,`);
	return type;
}

function readTypes(reader: BinaryReader): ValueType[] {
	const count = reader.u32();
	if (count > 1_000) throw reader.malformed(`lists ${count} values in one function type`);
	return Array.from({ length: count }, () => readValueType(reader));
}

function readFunctionType(reader: BinaryReader): FunctionType {
	const form = reader.byte();
	if (form !== 0x60) throw reader.malformed(`uses type form 0x${form.toString(16)}; only function types (0x60) are known,`);
	return { params: readTypes(reader), results: readTypes(reader) };
}

function readLimits(reader: BinaryReader): { min: number; max?: number; shared: boolean; is64: boolean } {
	const flags = reader.byte();
	if (flags > 7) throw reader.malformed(`uses limits flags ${flags}, which this host does not know,`);
	const is64 = (flags & 4) !== 0;
	if (is64)
		throw new ModuleFault("memory_refused", "memory section", "64-bit memories and tables are not supported; build for wasm32");
	const min = reader.u32();
	const hasMax = (flags & 1) !== 0;
	return { min, ...(hasMax ? { max: reader.u32() } : {}), shared: (flags & 2) !== 0, is64 };
}

function readMemory(reader: BinaryReader): MemoryLimits {
	const { min, max, shared, is64 } = readLimits(reader);
	return { minPages: min, ...(max === undefined ? {} : { maxPages: max }), shared, is64 };
}

function readTable(reader: BinaryReader): TableLimits {
	const type = readValueType(reader);
	const { min, max, shared } = readLimits(reader);
	if (shared) throw new ModuleFault("memory_refused", "table section", "shared tables are not allowed");
	return { type, minElements: min, ...(max === undefined ? {} : { maxElements: max }) };
}

function readGlobal(reader: BinaryReader): { type: ValueType; isMutable: boolean } {
	const type = readValueType(reader);
	const isMutable = reader.byte() === 1;
	skipConstant(reader);
	return { type, isMutable };
}

/** Kinds of imports and exports; the position is the code in the binary format. */
export const KINDS = ["function", "table", "memory", "global", "tag"] as const;

function readImport(reader: BinaryReader, typeAt: (reader: BinaryReader, index: number) => FunctionType): ModuleImport {
	const module = reader.name();
	const name = reader.name();
	const kind = KINDS[reader.byte()];
	switch (kind) {
		case "function":
			return { module, name, kind, type: typeAt(reader, reader.u32()) };
		case "table":
			readTable(reader);
			return { module, name, kind };
		case "memory":
			readMemory(reader);
			return { module, name, kind };
		case "global":
			readValueType(reader);
			reader.byte();
			return { module, name, kind };
		case "tag":
			reader.byte();
			reader.u32();
			return { module, name, kind };
		default:
			throw reader.malformed("names an unknown kind of import");
	}
}

function readExport(reader: BinaryReader, functionTypes: readonly FunctionType[]): ModuleExport {
	const name = reader.name();
	const kind = KINDS[reader.byte()];
	if (kind === undefined) throw reader.malformed(`exports "${name}" of an unknown kind`);
	const index = reader.u32();
	if (kind !== "function") return { name, kind, index };
	const type = functionTypes[index];
	if (type === undefined) throw reader.malformed(`exports function ${index} of ${functionTypes.length}`);
	return { name, kind, index, type };
}
