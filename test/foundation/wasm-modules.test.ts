// What is read from a module's bytes agrees with the engine, and what must not run is refused with section, thing and rule.
import { inspectModule, limitMemory, limitTables, ModuleFault, moduleFaults } from "@hookbus/foundation";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assemble, fixtureModule, moduleReturning } from "../support/module-returning.js";

const rules = { requiredExports: ["on_chat_message"], memoryPages: 256 };
const good = '(func (export "on_chat_message") (result i32) (i32.const 0))';

describe("inspecting a module", () => {
	test.each(["loop-forever", "count-calls", "table-loop", "memory-init-loop"])(
		"%s has the imports and exports that the engine sees",
		async (name) => {
			const bytes = await fixtureModule(name);
			const facts = inspectModule(bytes);
			const module = await WebAssembly.compile(new Uint8Array(bytes));
			expect(facts.imports.map(({ module, name, kind }) => ({ module, name, kind }))).toEqual(WebAssembly.Module.imports(module));
			expect(facts.exports.map(({ name, kind }) => ({ name, kind }))).toEqual(WebAssembly.Module.exports(module));
		},
	);

	test("bytes that are broken anywhere give a ModuleFault or facts, never another error", async () => {
		const bytes = await fixtureModule("count-calls");
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
				fc.nat(bytes.length),
				(changes, cut) => {
					const broken = Uint8Array.from(bytes.subarray(0, bytes.length - (cut % 40)));
					for (const [at, value] of changes) if (at < broken.length) broken[at] = value;
					try {
						inspectModule(broken);
					} catch (thrown) {
						expect(thrown).toBeInstanceOf(ModuleFault);
					}
				},
			),
			{ numRuns: 5_000 },
		);
	});
});

describe("admitting a module", () => {
	const cases: [string, string, string, RegExp][] = [
		["an unknown module", `(import "evil" "x" (func)) ${good}`, "import_refused", /"evil" "x".*does not offer/],
		[
			"a wrongly typed function of WASI",
			`(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32) (result i32))) ${good}`,
			"import_refused",
			/\(i32, i32, i32\) → i32; it is \(i32, i32, i32, i32\) → i32/,
		],
		[
			"an unknown function of WASI",
			`(import "wasi_snapshot_preview1" "sock_open" (func (param i32) (result i32))) ${good}`,
			"import_refused",
			/"sock_open" is unknown to this host API/,
		],
		["a memory of WASI", `(import "wasi_snapshot_preview1" "fd_write" (memory 1)) ${good}`, "import_refused", /only functions/],
		[
			"WASI before it had this form",
			`(import "wasi_unstable" "sched_yield" (func (result i32))) ${good}`,
			"import_refused",
			/"wasi_unstable" "sched_yield".*does not offer/,
		],
		[
			"what only serves WASI here",
			`(import "hookbus:wasi" "exit" (func (param i32))) ${good}`,
			"import_refused",
			/"hookbus:wasi" "exit".*does not offer/,
		],
		["an unknown function", `(import "extism:host/env" "reboot" (func)) ${good}`, "import_refused", /unknown to this host API/],
		[
			"a function of Object",
			`(import "extism:host/env" "toString" (func)) ${good}`,
			"import_refused",
			/unknown to this host API/,
		],
		[
			"a wrongly typed function",
			`(import "extism:host/env" "alloc" (func (param i32) (result i32))) ${good}`,
			"import_refused",
			/\(i32\) → i32; it is \(i64\) → i64/,
		],
		["an imported memory", `(import "extism:host/env" "memory" (memory 1)) ${good}`, "import_refused", /only functions/],
		["too large a memory", `(memory 257) ${good}`, "memory_refused", /257 pages; the limit is 256/],
		["too large a table", `(table 65537 funcref) ${good}`, "memory_refused", /65537 elements/],
		["no hook export", "(memory 1)", "export_missing", /"on_chat_message" is missing/],
		[
			"a hook export of another type",
			'(func (export "on_chat_message") (param i32) (result i32) (i32.const 0))',
			"export_missing",
			/must be \(\) → i32/,
		],
		["a hook export that is a memory", '(memory (export "on_chat_message") 1)', "export_missing", /is a memory/],
		[
			"a health export of another type",
			`${good} (func (export "health"))`,
			"export_missing",
			/"health" is \(\) → nothing; it must be/,
		],
		[
			"a shutdown export of another type",
			`${good} (global (export "shutdown") i32 (i32.const 0))`,
			"export_missing",
			/is a global/,
		],
		["a start function", `(func $s) (start $s) ${good}`, "start_refused", /initialize/],
	];

	const sections: Readonly<Record<string, RegExp>> = {
		import_refused: /^import section: "/,
		memory_refused: /^(memory|table) section: /,
		export_missing: /^export section: (function )?"/,
		start_refused: /^start section: a start function/,
	};
	test.each(cases)("refuses %s, with section, thing and rule", async (_name, body, code, message) => {
		const faults = moduleFaults(await assemble(`(module ${body})`), rules);
		expect(faults.map((fault) => fault.code)).toEqual([code]);
		expect(faults[0]?.message).toMatch(message);
		expect(faults[0]?.message).toMatch(sections[code] as RegExp);
		expect(faults[0]?.message).toBe(`${faults[0]?.section}: ${faults[0]?.rule}`);
	});

	test("admits a plain plugin", async () => {
		expect(moduleFaults(await moduleReturning({ on_chat_message: "{}" }), rules)).toEqual([]);
	});

	test.each([
		["an empty file", new Uint8Array(0), "not_wasm", "header"],
		["a zip", Buffer.from("PK\u0003\u0004 and more"), "not_wasm", "header"],
		["a component", Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), "component", "header"],
		["a 64-bit memory", Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 4, 1), "memory_refused", "memory section"],
		["a shared table", Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 4, 5, 1, 0x70, 3, 1, 2), "memory_refused", "table section"],
		[
			"a section that claims too much",
			Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 0xff, 0xff, 0x03),
			"malformed",
			"module",
		],
	])("refuses %s", (_name, bytes, code, section) => {
		expect(() => moduleFaults(bytes, rules)).toThrow(expect.objectContaining({ code, section }));
	});
});

describe("limiting a module's tables", () => {
	test("a table grows to the limit and not beyond, whatever maximum it had", async () => {
		for (const [own, most] of [
			["", 65_536],
			["9", 9],
			["4000000", 65_536],
		] as const) {
			const bytes = limitTables(await assemble(`(module (table (export "t") 3 ${own} funcref) ${good})`));
			const { instance } = (await WebAssembly.instantiate(bytes)) as unknown as { instance: WebAssembly.Instance };
			const table = instance.exports["t"] as { grow(elements: number): number };
			expect(table.grow(most - 3)).toBe(3);
			expect(() => table.grow(1)).toThrow(RangeError);
		}
	});

	test("a minimum above the limit is refused", async () => {
		const bytes = await assemble(`(module (table 65537 funcref) ${good})`);
		expect(() => limitTables(bytes)).toThrow(/begins with 65537 elements; at most 65536/);
	});
});

describe("limiting a module's memory", () => {
	test("the module grows to the limit and not beyond, whatever maximum it had", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.integer({ min: 0, max: 20 }),
				fc.option(fc.integer({ min: 20, max: 2_000 })),
				fc.integer({ min: 20, max: 60 }),
				async (min, own, limit) => {
					const bytes = limitMemory(await assemble(`(module (memory (export "m") ${min} ${own ?? ""}) ${good})`), limit);
					const { instance } = (await WebAssembly.instantiate(bytes)) as unknown as { instance: WebAssembly.Instance };
					const memory = instance.exports.m as { grow(pages: number): number };
					const most = Math.min(limit, own ?? limit);
					expect(memory.grow(most - min)).toBe(min);
					expect(() => memory.grow(1)).toThrow(RangeError);
				},
			),
			{ numRuns: 60 },
		);
	});

	test("a minimum above the limit is refused", async () => {
		const bytes = await assemble(`(module (memory 30) ${good})`);
		expect(() => limitMemory(bytes, 20)).toThrow(/begins with 30 pages; the limit is 20/);
	});

	test("everything but the memory section stays as it was", async () => {
		const bytes = await fixtureModule("count-calls");
		const limited = limitMemory(bytes, 10);
		expect(inspectModule(limited).exports).toEqual(inspectModule(bytes).exports);
		expect(inspectModule(limited).memories).toEqual([{ minPages: 1, maxPages: 10, shared: false, is64: false }]);
		await WebAssembly.compile(new Uint8Array(limited));
	});
});
