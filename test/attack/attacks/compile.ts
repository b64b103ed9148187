// Modules that are made to take a compiler long. They are compiled in a thread of their own, and whole, so that no call of a
// plugin waits for it.
import { encodeModule, encodeU32, encodeVector, SECTION } from "@hookbus/foundation";
import type { Attack } from "../attack.js";
import { hostileModule } from "../hostile-module.js";

const STOPPED_BY = "modules are compiled in a thread of their own, with a time limit, before the first event";

const bomb = (id: string, tries: string, fields: string, call = ""): Attack => ({
	id,
	tries,
	stoppedBy: STOPPED_BY,
	module: () => hostileModule({ hook: `${call} (call $continue)`, fields }),
	outcome: "ok",
});

const times = (count: number, instruction: (index: number) => string) =>
	Array.from({ length: count }, (_, index) => instruction(index)).join(" ");

/** A hook of these instructions, which answers nothing. */
function onlyHook(...parts: readonly (readonly [count: number, bytes: readonly number[]])[]): Uint8Array {
	const body = [0];
	for (const [count, bytes] of parts) for (let turn = 0; turn < count; turn += 1) for (const byte of bytes) body.push(byte);
	body.push(I32_CONST, 0, END);
	return encodeModule([
		[SECTION.type, encodeVector([[0x60, 0, 1, 0x7f]])],
		[SECTION.function, encodeVector([[0]])],
		[SECTION.export, encodeVector([[15, ...Buffer.from("on_chat_message"), 0, 0]])],
		[SECTION.code, [...encodeU32(1), ...encodeU32(body.length), ...body]],
	]);
}

const BLOCK = 0x02;
const LOOP = 0x03;
const IF = 0x04;
const END = 0x0b;
const BR_TABLE = 0x0e;
const I32_CONST = 0x41;
const EMPTY = 0x40;

const nested = (id: string, tries: string, module: () => Uint8Array): Attack => ({
	id,
	tries,
	stoppedBy: STOPPED_BY,
	module: async () => module(),
	outcome: "bad_output",
	error: /no result/,
});

export const COMPILE: readonly Attack[] = [
	bomb(
		"compile-locals",
		"has a function of 49,000 locals, all of them used",
		`(func $f (result i64) (local ${"i64 ".repeat(49_000)})
			${times(20_000, (index) => `(local.set ${index * 2} (i64.add (local.get ${index * 2 + 1}) (i64.const ${index})))`)}
			(local.get 5))`,
		"(drop (call $f))",
	),
	bomb(
		"compile-straight-line",
		"has a function of 1.8 MB without a branch",
		`(func $f (param i64) (result i64) (local.get 0) ${"(i64.const 7) i64.mul (local.get 0) i64.xor ".repeat(300_000)})`,
		"(drop (call $f (i64.const 1)))",
	),
	bomb(
		"compile-calls",
		"has a function of half a million calls",
		`(func $g (param i64) (result i64) (local.get 0))
			(func $f (param i64) (result i64) (local.get 0) ${"call $g ".repeat(500_000)})`,
		"(drop (call $f (i64.const 1)))",
	),
	bomb(
		"compile-functions",
		"has 90,000 functions",
		times(90_000, (index) => `(func (result i32) (i32.const ${index}))`),
	),
	nested("compile-loops", "nests 100,000 loops", () => onlyHook([100_000, [LOOP, EMPTY]], [100_000, [END]])),
	nested("compile-ifs", "nests 300,000 conditions", () => onlyHook([300_000, [I32_CONST, 0, IF, EMPTY]], [300_000, [END]])),
	nested("compile-branch-tables", "branches by 40 tables of 60,000 targets", () =>
		onlyHook(
			[2_000, [BLOCK, EMPTY]],
			[
				40,
				[
					I32_CONST,
					0,
					BR_TABLE,
					...encodeU32(60_000),
					...Array.from({ length: 60_001 }, (_, index) => encodeU32(index % 2_000)).flat(),
				],
			],
			[2_000, [END]],
		),
	),
];
