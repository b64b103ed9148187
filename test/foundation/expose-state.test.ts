// A module after its state was exposed: what the engine sees of it, and which instructions make its state irreversible. An
// instruction that was misread would make the host trust a state that it cannot put back.
import { exposeState, inspectModule, ModuleFault } from "@hookbus/foundation";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assemble, assembleWith, fixtureModule } from "../support/module-returning.js";

const CHANGES_TABLE = "changes a table";
const DROPS_SEGMENT = "drops a segment";

describe("instructions", () => {
	const shell = (body: string) =>
		assemble(`(module (memory 1) (table $t 4 funcref) (elem $e func $f) (data $d "x") (global $g (mut i32) (i32.const 0))
			(type $void (func))
			(func $f (local i32 i64 f32 f64 v128 funcref externref) ${body}))`);

	test.each([
		["table.set", "(table.set $t (i32.const 0) (ref.null func))", CHANGES_TABLE],
		["table.grow", "(drop (table.grow $t (ref.null func) (i32.const 1)))", CHANGES_TABLE],
		["table.fill", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 1))", CHANGES_TABLE],
		["table.copy", "(table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 1))", CHANGES_TABLE],
		["table.init", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))", CHANGES_TABLE],
		["elem.drop", "(elem.drop $e)", DROPS_SEGMENT],
		["data.drop", "(data.drop $d)", DROPS_SEGMENT],
	])("%s cannot be put back", async (_name, body, irreversible) => {
		expect((await exposeState(await shell(body))).irreversible).toBe(irreversible);
		// Behind other instructions too.
		expect((await exposeState(await shell(`${REVERSIBLE.join("\n")} ${body}`))).irreversible).toBe(irreversible);
		// And in front of others, which are read as well: what was misread would be refused.
		expect((await exposeState(await shell(`${body} ${REVERSIBLE.join("\n")} ${body}`))).irreversible).toBe(irreversible);
	});

	// One of each shape of immediates, and constants whose bytes look like instructions that count.
	const REVERSIBLE = [
		"(nop)",
		"(block (br 0))",
		"(block (result i32) (i32.const 1)) drop",
		"(loop (br_if 0 (i32.const 0)))",
		"(if (i32.const 1) (then (nop)) (else (nop)))",
		"(block (block (br_table 0 1 0 1 (i32.const 0))))",
		"(call_indirect $t (type $void) (i32.const 0))",
		"(drop (select (i32.const 1) (i32.const 2) (i32.const 0)))",
		"(drop (select (result i64) (i64.const 1) (i64.const 2) (i32.const 0)))",
		"(local.set 0 (local.tee 0 (local.get 0)))",
		"(global.set $g (global.get $g))",
		"(drop (table.get $t (i32.const 0)))",
		"(drop (table.size $t))",
		"(i64.store offset=4 align=1 (i32.const 0) (i64.load offset=8000 (i32.const 8)))",
		"(drop (memory.grow (memory.size)))",
		"(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))",
		"(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))",
		"(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))",
		"(drop (i32.const 0x26))",
		"(drop (i32.const -2147483648))",
		"(drop (i64.const 0x26fc092609fc0926))",
		"(drop (f32.const 1.5e-18))",
		"(drop (f64.const -0x1.6fc0926fc0926p+99))",
		"(drop (ref.is_null (ref.func $f)))",
		"(drop (ref.null extern))",
		"(drop (i32.trunc_sat_f32_s (f32.const 1)))",
		"(drop (v128.const i32x4 0x26fc0926 0x09fc2626 0x0dfc26fc 0xfc0926fc))",
		"(drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.load (i32.const 0)) (v128.load32_zero (i32.const 0))))",
		"(drop (i8x16.extract_lane_s 9 (i8x16.splat (i32.const 1))))",
		"(drop (v128.load8_lane offset=3 5 (i32.const 0) (v128.const i32x4 0 0 0 0)))",
		"(v128.store64_lane 1 (i32.const 0) (v128.const i32x4 0 0 0 0))",
		"(drop (i32x4.dot_i16x8_s (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0)))",
	];

	test.each(REVERSIBLE)("%s can be put back", async (body) => {
		expect((await exposeState(await shell(body))).irreversible).toBeUndefined();
	});

	test("any mixture of them can be put back", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.constantFrom(...REVERSIBLE), { maxLength: 40 }), async (bodies) => {
				expect((await exposeState(await shell(bodies.join("\n")))).irreversible).toBeUndefined();
			}),
			{ numRuns: 100 },
		);
	});

	test("an instruction that this host does not know is refused, also behind one that cannot be put back", async () => {
		const bytes = await shell("(drop (i32.const 0x5a))");
		// i32.const (41) becomes atomic.fence's prefix (fe).
		const at = bytes.findIndex((byte, index) => byte === 0x41 && bytes[index + 1] === 0xda);
		bytes[at] = 0xfe;
		await expect(exposeState(bytes)).rejects.toThrow(/^code section: uses instruction 0xfe near byte \d+ .*does not know/);
		const catching = await assembleWith(
			{ exceptions: true },
			"(module (table 1 funcref) (func (table.set (i32.const 0) (ref.null func)) (try (do) (catch_all))))",
		);
		await expect(exposeState(catching)).rejects.toMatchObject({ code: "instruction_refused" });
	});
});

describe("a module whose state is exposed", () => {
	test("exports its memory, its globals that can change, and its own exports under other names", async () => {
		const bytes =
			await assemble(`(module (memory 1) (global i32 (i32.const 1)) (global (mut i64) (i64.const 1)) (global (mut f32) (f32.const 1))
			(func (export "_start")) (func $hidden) (func (export "on_chat_message") (result i32) (i32.const 0)) (export "mem" (memory 0)))`);
		const { bytes: exposed, functions, globals, hasMemory } = await exposeState(bytes);
		expect(WebAssembly.Module.exports(await WebAssembly.compile(new Uint8Array(exposed)))).toEqual([
			{ name: "own:_start", kind: "function" },
			{ name: "own:on_chat_message", kind: "function" },
			{ name: "own:mem", kind: "memory" },
			{ name: "state:memory", kind: "memory" },
			{ name: "state:global:0", kind: "global" },
			{ name: "state:global:1", kind: "global" },
		]);
		expect([...functions]).toEqual([
			["_start", { params: [], results: [] }],
			["on_chat_message", { params: [], results: ["i32"] }],
		]);
		expect({ globals, hasMemory }).toEqual({ globals: ["i64", "f32"], hasMemory: true });
	});

	test("gets an export section when it had none", async () => {
		const { bytes } = await exposeState(await assemble('(module (memory 1) (func) (data (i32.const 0) "x"))'));
		expect(inspectModule(bytes).exports.map(({ name }) => name)).toEqual(["state:memory"]);
		await WebAssembly.compile(new Uint8Array(bytes));
	});

	test("an own export may have a name that looks like state", async () => {
		const { bytes } = await exposeState(await assemble('(module (memory (export "state:memory") 1))'));
		expect(WebAssembly.Module.exports(await WebAssembly.compile(new Uint8Array(bytes)))).toEqual([
			{ name: "own:state:memory", kind: "memory" },
			{ name: "state:memory", kind: "memory" },
		]);
	});

	test("a function that is declared only by its export can still be referred to", async () => {
		const { bytes } = await exposeState(
			await assemble('(module (func $f (export "f") (result i32) (ref.is_null (ref.func $f))))'),
		);
		await WebAssembly.compile(new Uint8Array(bytes));
	});

	test("broken bytes give a ModuleFault or a module, never another error; what the engine took before, it still takes", async () => {
		const bytes = await fixtureModule("count-calls");
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
				async (changes) => {
					const broken = Uint8Array.from(bytes);
					for (const [at, value] of changes) broken[at] = value;
					const valid = WebAssembly.validate(broken);
					const exposed = await exposeState(broken).catch((thrown: unknown) => {
						expect(thrown).toBeInstanceOf(ModuleFault);
						return undefined;
					});
					if (exposed !== undefined) expect(WebAssembly.validate(new Uint8Array(exposed.bytes))).toBe(valid);
				},
			),
			{ numRuns: 2_000, seed: 7 },
		);
	});
});
