// Walks the instructions of a module's functions and says which of its state they can change that nobody can put back from
// outside: tables, and segments that were dropped. Instructions that this host does not know are refused: among them are those
// that catch exceptions, with which a plugin could go on after the host has ended its call. Source: WebAssembly Core 2.0, section 5.4.
import type { BinaryReader } from "./binary-reader.js";
import { ModuleFault } from "./module-fault.js";
import { VALUE_TYPES } from "./value-types.js";

/** Why the state of an instance cannot be put back after a call. */
export type Irreversible = "changes a table" | "drops a segment";

/**
 * Reads what stands before the instructions of a function.
 *
 * @throws ModuleFault `instruction_refused` for types that this host does not know
 */
export function readLocals(reader: BinaryReader): void {
	for (let groups = reader.u32(); groups > 0; groups -= 1) {
		reader.u32();
		readTypes(reader, 1);
	}
}

/**
 * Reads instructions until `pause` is reached or the reader is done. `undefined`: nothing that cannot be put back.
 *
 * @param pause offset from which on the caller wants to go on later
 * @throws ModuleFault `instruction_refused`, `malformed`
 */
export function findIrreversible(reader: BinaryReader, pause: number): Irreversible | undefined {
	let first: Irreversible | undefined;
	while (!reader.done && reader.offset < pause) {
		const found = readInstruction(reader, reader.byte());
		first ??= found;
	}
	return first;
}

/** Skips one constant expression, its `end` included. */
export function skipConstant(reader: BinaryReader): void {
	for (;;) {
		const opcode = reader.byte();
		if (opcode === END) return;
		if (readInstruction(reader, opcode) !== undefined) throw reader.malformed("holds an expression that is not constant");
	}
}

const END = 0x0b;

function unknown(reader: BinaryReader, what: string): ModuleFault {
	const where = `near byte ${reader.offset} of the module`;
	return new ModuleFault(
		"instruction_refused",
		"code section",
		`${what} ${where}, which this host does not know; build for WebAssembly 2.0, without exceptions, threads and garbage collection`,
	);
}

function readInstruction(reader: BinaryReader, opcode: number): Irreversible | undefined {
	// Arithmetic, comparisons and conversions, which have no immediates, are by far the most.
	if (opcode >= 0x45 && opcode <= 0xc4) return undefined;
	if (opcode >= 0x28 && opcode <= 0x3e) return readMemoryArgument(reader);
	switch (opcode) {
		case 0x00: // unreachable
		case 0x01: // nop
		case 0x05: // else
		case END:
		case 0x0f: // return
		case 0x1a: // drop
		case 0x1b: // select
		case 0xd1: // ref.is_null
			return undefined;
		case 0x02: // block
		case 0x03: // loop
		case 0x04: // if
		case 0x41: // i32.const
		case 0xd0: // ref.null
			reader.skipSigned(32);
			return undefined;
		case 0x42: // i64.const
			reader.skipSigned(64);
			return undefined;
		case 0x43: // f32.const
			reader.skip(4);
			return undefined;
		case 0x44: // f64.const
			reader.skip(8);
			return undefined;
		case 0x0c: // br
		case 0x0d: // br_if
		case 0x10: // call
		case 0x12: // return_call
		case 0x20: // local.get
		case 0x21: // local.set
		case 0x22: // local.tee
		case 0x23: // global.get
		case 0x24: // global.set
		case 0x25: // table.get
		case 0x3f: // memory.size
		case 0x40: // memory.grow
		case 0xd2: // ref.func
			reader.u32();
			return undefined;
		case 0x11: // call_indirect
		case 0x13: // return_call_indirect
			reader.u32();
			reader.u32();
			return undefined;
		case 0x0e: // br_table
			for (let labels = reader.u32() + 1; labels > 0; labels -= 1) reader.u32();
			return undefined;
		case 0x1c: // select with types
			readTypes(reader, reader.u32());
			return undefined;
		case 0x26: // table.set
			reader.u32();
			return "changes a table";
		case 0xfc:
			return readPrefixed(reader);
		case 0xfd:
			return readVector(reader);
		default:
			throw unknown(reader, `uses instruction 0x${opcode.toString(16)}`);
	}
}

/** Types of one byte; newer ones are longer, and everything behind them would be misread. */
function readTypes(reader: BinaryReader, count: number): void {
	for (let left = count; left > 0; left -= 1) {
		const type = reader.byte();
		if (VALUE_TYPES[type] === undefined) throw unknown(reader, `uses a value of type 0x${type.toString(16)}`);
	}
}

/** Bit 6 of the alignment announces a memory index, which this host does not know. */
function readMemoryArgument(reader: BinaryReader): undefined {
	if (reader.u32() >= 64) throw unknown(reader, "reads or writes another memory");
	reader.u32();
	return undefined;
}

function readPrefixed(reader: BinaryReader): Irreversible | undefined {
	const opcode = reader.u32();
	// Saturating conversions.
	if (opcode <= 7) return undefined;
	switch (opcode) {
		case 8: // memory.init
		case 10: // memory.copy
			reader.u32();
			reader.u32();
			return undefined;
		case 11: // memory.fill
		case 16: // table.size
			reader.u32();
			return undefined;
		case 9: // data.drop
		case 13: // elem.drop
			reader.u32();
			return "drops a segment";
		case 12: // table.init
		case 14: // table.copy
			reader.u32();
			reader.u32();
			return "changes a table";
		case 15: // table.grow
		case 17: // table.fill
			reader.u32();
			return "changes a table";
		default:
			throw unknown(reader, `uses instruction 0xfc ${opcode}`);
	}
}

function readVector(reader: BinaryReader): Irreversible | undefined {
	const opcode = reader.u32();
	if (opcode <= 11 || opcode === 92 || opcode === 93) return readMemoryArgument(reader);
	// v128.const and i8x16.shuffle
	if (opcode === 12 || opcode === 13) {
		reader.skip(16);
		return undefined;
	}
	// Lanes in and out of a vector.
	if (opcode >= 21 && opcode <= 34) {
		reader.byte();
		return undefined;
	}
	// Lanes between a vector and memory.
	if (opcode >= 84 && opcode <= 91) {
		readMemoryArgument(reader);
		reader.byte();
		return undefined;
	}
	if (opcode > 255) throw unknown(reader, `uses instruction 0xfd ${opcode}`);
	return undefined;
}
