// Makes valid modules at random, as WebAssembly text: memory, tables, globals, segments, exports and functions of the
// instructions that concern them. They never run for long: no loop goes on, and functions call only those behind them.
import { EXTISM_IMPORTS, WASI_IMPORTS } from "@hookbus/foundation";
import fc from "fast-check";
import { watString } from "../support/wat-parts.js";

const NUMBERS = ["i32", "i64", "f32", "f64"] as const;

export interface RandomModule {
	/** Fields of a module; functions are `$f0`, `$f1`, … without parameters and results. */
	readonly fields: string;
	/** Names and kinds of what it exports, in order. */
	readonly exports: readonly { readonly name: string; readonly kind: "function" | "memory" | "table" | "global" }[];
	/** Leaves an i64 that depends on everything that instructions of the module can change. */
	readonly checksum: string;
}

interface Parts {
	readonly memory: { readonly min: number; readonly max: number | undefined } | undefined;
	readonly tables: readonly { readonly type: "funcref" | "externref"; readonly min: number; readonly max: number | undefined }[];
	readonly globals: readonly { readonly type: (typeof NUMBERS)[number] | "v128" | "funcref"; readonly isMutable: boolean }[];
	/** Passive data segments. */
	readonly data: readonly string[];
	/** Passive element segments. */
	readonly elements: number;
	/** For each function the instructions, as positions in the list of those that there are. */
	readonly functions: readonly (readonly number[])[];
	readonly exports: readonly { readonly name: string; readonly pick: number }[];
}

const limits = (min: fc.Arbitrary<number>) => ({ min, more: fc.option(fc.nat(40), { nil: undefined }) });
const withMax = <T extends { min: number; more: number | undefined }>({ more, ...rest }: T) => ({
	...rest,
	max: more === undefined ? undefined : rest.min + more,
});

function sometimes<T>(value: fc.Arbitrary<T>, otherwise: T): fc.Arbitrary<T> {
	return fc.oneof({ weight: 3, arbitrary: fc.constant(otherwise) }, { weight: 2, arbitrary: value });
}

const exportNames = fc.oneof(
	fc.constantFrom("memory", "state:memory", "own:f", "state:global:0", "__proto__", "constructor", "then", "", "_start", "f"),
	fc.string({ unit: "grapheme", maxLength: 12 }),
);

const parts: fc.Arbitrary<Parts> = fc.record({
	memory: fc.option(fc.record(limits(fc.nat(4))).map(withMax), { nil: undefined, freq: 5 }),
	// What cannot be put back is rarer than what can, so that both are often seen.
	tables: sometimes(
		fc.array(fc.record({ type: fc.constantFrom("funcref" as const, "externref" as const), ...limits(fc.nat(5)) }).map(withMax), {
			maxLength: 3,
		}),
		[],
	),
	globals: fc.array(
		fc.record({ type: fc.constantFrom(...NUMBERS, "v128" as const, "funcref" as const), isMutable: fc.boolean() }),
		{
			maxLength: 4,
		},
	),
	data: sometimes(fc.array(fc.string({ maxLength: 20 }), { maxLength: 2 }), []),
	elements: sometimes(fc.nat(2), 0),
	functions: fc.array(fc.array(fc.nat(9_999), { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
	exports: fc.uniqueArray(fc.record({ name: exportNames, pick: fc.nat(99) }), { maxLength: 6, selector: ({ name }) => name }),
});

/** Imports of a few functions that plugins may import. The names of functions below begin behind them, so nothing collides. */
export const randomImports: fc.Arbitrary<string> = fc
	.subarray([
		...Object.entries(EXTISM_IMPORTS).map((entry) => ["extism:host/env", ...entry] as const),
		...Object.entries(WASI_IMPORTS).map((entry) => ["wasi_snapshot_preview1", ...entry] as const),
	])
	.map((imports) =>
		imports
			.map(([from, name, { params, results }]) => {
				const list = (keyword: string, types: readonly string[]) =>
					types.length === 0 ? "" : ` (${keyword} ${types.join(" ")})`;
				return `(import "${from}" "${name}" (func${list("param", params)}${list("result", results)}))`;
			})
			.join("\n"),
	);

export const randomModule: fc.Arbitrary<RandomModule> = parts.map(build);

function build(made: Parts): RandomModule {
	const { memory, tables, globals, data, elements, functions } = made;
	const range = ({ min, max }: { min: number; max: number | undefined }) => `${min} ${max ?? ""}`;
	const hasMemory = memory !== undefined;
	const exports = exportsOf(made);
	const fields = [
		"(type $void (func))",
		memory === undefined ? "" : `(memory $m ${range(memory)})`,
		hasMemory && memory.min > 0 ? `(data (i32.const 100) ${watString("at a hundred")})` : "",
		...(hasMemory ? data : []).map((text, index) => `(data $d${index} ${watString(text)})`),
		...tables.map((table, index) => `(table $t${index} ${range(table)} ${table.type})`),
		...Array.from({ length: elements }, (_, index) => `(elem $e${index} func $f0)`),
		"(elem declare func $f0)",
		...globals.map(({ type, isMutable }, index) => `(global $g${index} ${isMutable ? `(mut ${type})` : type} ${zero(type)})`),
		...functions.map((picks, index) => {
			const instructions = instructionsOf(made, index);
			const body = picks.map((pick) => (instructions[pick % instructions.length] as Instruction)(pick));
			return `(func $f${index} (type $void) (local $i i32) (local $l i64) ${body.join("\n")})`;
		}),
		...exports.map(({ name, kind, of }) => `(export ${watString(name)} (${kind === "function" ? "func" : kind} ${of}))`),
	];
	return { fields: fields.join("\n"), exports: exports.map(({ name, kind }) => ({ name, kind })), checksum: checksumOf(made) };
}

function exportsOf({ memory, tables, globals, functions, exports }: Parts) {
	const things = [
		...functions.map((_, index) => ({ kind: "function" as const, of: `$f${index}` })),
		...(memory === undefined ? [] : [{ kind: "memory" as const, of: "$m" }]),
		...tables.map((_, index) => ({ kind: "table" as const, of: `$t${index}` })),
		...globals.map((_, index) => ({ kind: "global" as const, of: `$g${index}` })),
	];
	return exports.map(({ name, pick }) => ({ name, ...(things[pick % things.length] as (typeof things)[number]) }));
}

const ZEROES = {
	i32: "(i32.const 0)",
	i64: "(i64.const 0)",
	f32: "(f32.const 0)",
	f64: "(f64.const 0)",
	v128: "(v128.const i64x2 0 0)",
	funcref: "(ref.null func)",
} as const;

function zero(type: keyof typeof ZEROES): string {
	return ZEROES[type];
}

/** `n` decides about constants in it. */
type Instruction = (n: number) => string;

function instructionsOf({ memory, tables, globals, data, elements, functions }: Parts, index: number): Instruction[] {
	const at = (n: number) => `(i32.const ${(n * 37) % 65_536})`;
	return [
		() => "(nop)",
		(n) => `(local.set $i (i32.add (local.get $i) (i32.const ${n})))`,
		(n) => `(if (i32.and (local.get $i) (i32.const 1)) (then (local.set $l (i64.const ${n}))) (else (nop)))`,
		() => "(block (block (br_table 0 1 0 1 (local.get $i))))",
		() => "(loop (br_if 0 (i32.const 0)))",
		(n) => `(drop (select (i64.const ${n}) (local.get $l) (local.get $i)))`,
		(n) => `(drop (f64.add (f64.const ${n}.5) (f64.convert_i32_s (local.get $i))))`,
		(n) => `(drop (i8x16.extract_lane_u ${n % 16} (i8x16.splat (i32.const ${n % 256}))))`,
		() => "(drop (i64.trunc_sat_f64_s (f64.const 1e30)))",
		() => "(drop (ref.is_null (ref.func $f0)))",
		...functions.flatMap((_, other): Instruction[] => (other > index ? [() => `(call $f${other})`] : [])),
		...(memory === undefined ? [] : memoryInstructions(data, at)),
		...tables.flatMap(({ type }, table) => tableInstructions(type, `$t${table}`, elements)),
		...globals.flatMap(({ type, isMutable }, global) => (isMutable ? [globalInstruction(type, `$g${global}`)] : [])),
		...Array.from(
			{ length: elements },
			(_, element): Instruction =>
				() =>
					`(elem.drop $e${element})`,
		),
	];
}

function memoryInstructions(data: readonly string[], at: (n: number) => string): Instruction[] {
	return [
		(n) => `(i64.store ${at(n)} (i64.const ${n + 1}))`,
		(n) => `(i32.store8 offset=${n} ${at(n)} (i32.const ${n}))`,
		(n) => `(local.set $l (i64.load ${at(n)}))`,
		(n) => `(v128.store ${at(n)} (v128.const i64x2 ${n} 7))`,
		(n) => `(drop (memory.grow (i32.const ${n % 3})))`,
		() => "(local.set $i (memory.size))",
		(n) => `(memory.fill ${at(n)} (i32.const ${n % 256}) (i32.const ${n % 900}))`,
		(n) => `(memory.copy ${at(n)} ${at(n + 5)} (i32.const ${n % 900}))`,
		...data.flatMap((text, segment): Instruction[] => [
			(n) => `(memory.init $d${segment} ${at(n)} (i32.const 0) (i32.const ${n % (text.length + 1)}))`,
			() => `(data.drop $d${segment})`,
		]),
	];
}

function tableInstructions(type: "funcref" | "externref", table: string, elements: number): Instruction[] {
	const value = type === "funcref" ? "(ref.func $f0)" : "(ref.null extern)";
	return [
		(n) => `(table.set ${table} (i32.const ${n % 6}) ${value})`,
		() => `(drop (table.size ${table}))`,
		(n) => `(drop (table.grow ${table} ${value} (i32.const ${n % 4})))`,
		(n) => `(table.fill ${table} (i32.const 0) ${value} (i32.const ${n % 4}))`,
		(n) => `(table.copy ${table} ${table} (i32.const ${n % 3}) (i32.const 0) (i32.const 1))`,
		...(type === "externref"
			? []
			: Array.from({ length: elements }, (_, element): Instruction => {
					return (n) => `(table.init ${table} $e${element} (i32.const ${n % 3}) (i32.const 0) (i32.const 1))`;
				})),
	];
}

function globalInstruction(type: Parts["globals"][number]["type"], global: string): Instruction {
	switch (type) {
		case "v128":
			return (n) => `(global.set ${global} (v128.const i64x2 ${n} ${n + 1}))`;
		case "funcref":
			return () => `(global.set ${global} (ref.func $f0))`;
		default:
			return (n) => `(global.set ${global} (${type}.add (global.get ${global}) (${type}.const ${n + 1})))`;
	}
}

/** Everything that can be seen from inside: sizes, a walk over the memory, elements that are there, globals. */
function checksumOf({ memory, tables, globals }: Parts): string {
	const values = [
		...(memory === undefined ? [] : ["(i64.extend_i32_u (memory.size))", "(call $sum_memory)"]),
		...tables.flatMap(({ min }, table) => [
			`(i64.extend_i32_u (table.size $t${table}))`,
			...Array.from({ length: min }, (_, at) => `(i64.extend_i32_u (ref.is_null (table.get $t${table} (i32.const ${at}))))`),
		]),
		...globals.map(({ type }, global) => bitsOf(type, `(global.get $g${global})`)),
	];
	return values.reduce((sum, value) => `(i64.add (i64.mul ${sum} (i64.const 31)) ${value})`, "(i64.const 7)");
}

function bitsOf(type: Parts["globals"][number]["type"], value: string): string {
	switch (type) {
		case "i32":
			return `(i64.extend_i32_u ${value})`;
		case "i64":
			return value;
		case "f32":
			return `(i64.extend_i32_u (i32.reinterpret_f32 ${value}))`;
		case "f64":
			return `(i64.reinterpret_f64 ${value})`;
		case "v128":
			return `(i64x2.extract_lane 1 ${value})`;
		case "funcref":
			return `(i64.extend_i32_u (ref.is_null ${value}))`;
	}
}

/** `$sum_memory`, which {@link RandomModule.checksum} calls when the module has a memory. */
export const SUM_MEMORY_WAT = `(func $sum_memory (result i64) (local $at i32) (local $sum i64)
	(block $end
		(loop $next
			(br_if $end (i32.ge_u (local.get $at) (i32.shl (memory.size) (i32.const 16))))
			(local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load (local.get $at))))
			(local.set $at (i32.add (local.get $at) (i32.const 8)))
			(br $next)))
	(local.get $sum))`;
