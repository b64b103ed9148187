// No call sees what an earlier one left, whether the instance was put back or replaced; and what `initialize` made is there
// in every call.
import { PluginInstance, setEngineFlags } from "@hookbus/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomModule, SUM_MEMORY_WAT } from "../fuzz/random-module.js";
import { assemble } from "../support/module-returning.js";
import { pluginImage } from "../support/plugin-image.js";
import { EXTISM_IMPORTS_WAT } from "../support/wat-parts.js";

setEngineFlags();

/**
 * A plugin that shows a value and then changes it. `fields` are further parts of the module; `value` leaves an i64 and `change`
 * leaves nothing; both may use `$input`, the first eight bytes of the input.
 */
function plugin({ fields = "", value, change, initialize }: Record<string, string | undefined>): Promise<Uint8Array> {
	return assemble(`(module ${EXTISM_IMPORTS_WAT}
		${fields.includes("(memory") ? "" : "(memory 1)"}
		${fields}
		(func (export "on_chat_message") (result i32)
			(local $block i64) (local $input i64)
			(local.set $input (call $input_load_u64 (i64.const 0)))
			(local.set $block (call $alloc (i64.const 8)))
			(call $store_u64 (local.get $block) ${value})
			(call $output_set (local.get $block) (i64.const 8))
			${change}
			(i32.const 0))
		${initialize === undefined ? "" : `(func (export "initialize") (result i32) ${initialize} (i32.const 0))`})`);
}

async function make(bytes: Uint8Array): Promise<PluginInstance> {
	const instance = await PluginInstance.make(await pluginImage(bytes));
	if (!(instance instanceof PluginInstance)) throw new Error(instance.failure.message);
	return instance;
}

/** @param input words that the plugin reads */
function call(instance: PluginInstance, ...input: number[]): bigint {
	const words = new BigUint64Array((input.length === 0 ? [7] : input).map(BigInt));
	const outcome = instance.call("on_chat_message", new Uint8Array(words.buffer));
	if ("failure" in outcome) throw new Error(outcome.failure.message);
	return Buffer.from(outcome.output as Uint8Array).readBigUInt64LE();
}

const KEY = "(call $alloc (i64.const 3))";

const restored: Record<string, Record<string, string>> = {
	"a byte of memory": {
		value: "(i64.load (i32.const 40000))",
		change: "(i64.store (i32.const 40000) (local.get $input))",
	},
	"memory that held data": {
		fields: '(memory 1) (data (i32.const 65528) "abcdefgh")',
		value: "(i64.load (i32.const 65528))",
		change: "(memory.fill (i32.const 0) (i32.const 255) (i32.const 65536))",
	},
	"memory that initialize wrote": {
		value: "(i64.load (i32.const 1000))",
		change: "(i64.store (i32.const 1000) (local.get $input))",
		initialize: "(i64.store (i32.const 1000) (i64.const 4711))",
	},
	"memory that grew in initialize": {
		value: "(i64.add (i64.load (i32.const 131064)) (i64.extend_i32_u (memory.size)))",
		change: "(i64.store (i32.const 131064) (local.get $input))",
		initialize: "(drop (memory.grow (i32.const 2))) (i64.store (i32.const 131064) (i64.const 4711))",
	},
	"a global": {
		fields: "(global $g (mut i64) (i64.const 5))",
		value: "(global.get $g)",
		change: "(global.set $g (local.get $input))",
	},
	"a global that initialize set": {
		fields: "(global $g (mut i32) (i32.const 5))",
		value: "(i64.extend_i32_u (global.get $g))",
		change: "(global.set $g (i32.const 9))",
		initialize: "(global.set $g (i32.const 77))",
	},
	"a global with the bits of a NaN": {
		fields: "(global $f (mut f32) (f32.const nan:0x12345)) (global $d (mut f64) (f64.const nan:0x123456789))",
		value: "(i64.xor (i64.extend_i32_u (i32.reinterpret_f32 (global.get $f))) (i64.reinterpret_f64 (global.get $d)))",
		change: "(global.set $f (f32.const 1)) (global.set $d (f64.const 1))",
	},
	"a global of 128 bits": {
		fields: "(global $v (mut v128) (v128.const i64x2 11 22))",
		value: "(i64x2.extract_lane 1 (global.get $v))",
		change: "(global.set $v (v128.const i64x2 1 2))",
	},
	"a global that is a reference": {
		fields: "(elem declare func $one) (func $one) (global $r (mut funcref) (ref.null func))",
		value: "(i64.extend_i32_u (ref.is_null (global.get $r)))",
		change: "(global.set $r (ref.func $one))",
	},
	"a variable": {
		value: `(call $length (call $var_get ${KEY}))`,
		change: `(call $var_set ${KEY} (call $alloc (i64.const 5)))`,
	},
	"a variable that initialize set": {
		value: `(call $length (call $var_get ${KEY}))`,
		change: `(call $var_set ${KEY} (i64.const 0))`,
		initialize: `(call $var_set ${KEY} (call $alloc (i64.const 5)))`,
	},
	"host memory that was never written": {
		value: "(call $load_u64 (call $alloc (i64.const 8)))",
		// The block that the value was loaded from: behind the null block, the input and the output.
		change: "(call $store_u64 (i64.const 0x0003000000000000) (local.get $input))",
	},
	"the null block": {
		value: "(call $length (i64.const 0))",
		change: "(call $store_u64 (call $alloc (i64.const 8)) (local.get $input))",
	},
};

const replaced: Record<string, Record<string, string>> = {
	"memory that grew": {
		fields: "(memory 1 3)",
		value: "(i64.extend_i32_u (memory.size))",
		change: "(drop (memory.grow (i32.const 1)))",
	},
	"a table": {
		fields: "(table 2 funcref) (elem declare func $one) (func $one)",
		value: "(i64.extend_i32_u (ref.is_null (table.get 0 (i32.const 1))))",
		change: "(table.set 0 (i32.const 1) (ref.func $one))",
	},
	"the size of a table": {
		fields: "(table 2 funcref)",
		value: "(i64.extend_i32_u (table.size 0))",
		change: "(drop (table.grow 0 (ref.null func) (i32.const 1)))",
	},
	"a segment that was dropped": {
		fields: '(memory 1) (data $d "abcdefgh")',
		value: "(block (result i64) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 8)) (i64.load (i32.const 0)))",
		change: "(data.drop $d)",
	},
};

describe("a call does not see what the call before it left:", () => {
	test.each(Object.entries(restored))("%s", async (_name, parts) => {
		const instance = await make(await plugin(parts));
		const first = call(instance);
		for (let round = 0; round < 3; round += 1) {
			expect(instance.restore()).toBe(true);
			expect(call(instance)).toBe(first);
		}
	});

	test.each(Object.entries(restored))("without the restoring it would see %s", async (name, parts) => {
		const instance = await make(await plugin(parts));
		const first = call(instance);
		// Blocks of host memory are cleared when a call begins, whoever restored what.
		if (["host memory that was never written", "the null block"].includes(name)) expect(call(instance)).toBe(first);
		else expect(call(instance)).not.toBe(first);
	});

	test.each(Object.entries(replaced))("%s, because the instance is not used again", async (_name, parts) => {
		const bytes = await plugin(parts);
		const instance = await make(bytes);
		const first = call(instance);
		expect(instance.restore()).toBe(false);
		expect(call(await make(bytes))).toBe(first);
	});

	test("an instance whose call trapped is not used again", async () => {
		const instance = await make(await plugin({ value: "(local.get $input)", change: "(unreachable)" }));
		expect(instance.call("on_chat_message", "12345678")).toMatchObject({ failure: { outcome: "trap" } });
		expect(instance.restore()).toBe(false);
	});

	test("how long its blocks of host memory were", async () => {
		const instance = await make(
			await assemble(`(module ${EXTISM_IMPORTS_WAT}
				(func (export "on_tool_call") (result i32)
					(local $i i32)
					(loop $next
						(drop (call $alloc (i64.const 4711)))
						(local.set $i (i32.add (local.get $i) (i32.const 1)))
						(br_if $next (i32.lt_u (local.get $i) (i32.const 10))))
					(i32.const 0))
				(func (export "on_chat_message") (result i32)
					(local $block i64)
					(local.set $block (call $alloc (i64.const 8)))
					;; Freeing one that was never made makes those in front of it exist, as far as their addresses go.
					(call $free (i64.const 0x0009000000000000))
					(call $store_u64 (local.get $block) (call $length (i64.const 0x0005000000000000)))
					(call $output_set (local.get $block) (i64.const 8))
					(i32.const 0)))`),
		);
		expect(instance.call("on_tool_call", "")).not.toHaveProperty("failure");
		expect(instance.restore()).toBe(true);
		expect(call(instance)).toBe(0n);
	});

	test("what it wrote over its input, which is no other plugin's either", async () => {
		const bytes = await plugin({
			value: "(local.get $input)",
			change: `(call $store_u64 (call $input_offset) (i64.const -1))
				(if (i64.ne (call $input_load_u64 (i64.const 0)) (i64.const -1)) (then (unreachable)))`,
		});
		const shared = new Uint8Array(Buffer.from("01234567 and more"));
		const instances = [await make(bytes), await make(bytes)];
		for (const instance of [...instances, ...instances]) {
			const outcome = instance.call("on_chat_message", shared);
			expect(outcome).toMatchObject({ output: new Uint8Array(Buffer.from("01234567")) });
			expect(instance.restore()).toBe(true);
		}
		expect(Buffer.from(shared).toString()).toBe("01234567 and more");
	});

	test("any writes to memory", async () => {
		const instance = await make(
			await assemble(`(module ${EXTISM_IMPORTS_WAT} (memory 2) (data (i32.const 300) "some data") (data (i32.const 70000) "more data")
				(func (export "on_chat_message") (result i32)
					(local $block i64) (local $at i32) (local $sum i64)
					(loop $next
						(local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load (local.get $at))))
						(local.set $at (i32.add (local.get $at) (i32.const 8)))
						(br_if $next (i32.lt_u (local.get $at) (i32.const 131072))))
					(memory.fill
						(i32.wrap_i64 (call $input_load_u64 (i64.const 0)))
						(i32.wrap_i64 (call $input_load_u64 (i64.const 8)))
						(i32.wrap_i64 (call $input_load_u64 (i64.const 16))))
					(local.set $block (call $alloc (i64.const 8)))
					(call $store_u64 (local.get $block) (local.get $sum))
					(call $output_set (local.get $block) (i64.const 8))
					(i32.const 0)))`),
		);
		const first = call(instance, 0, 0, 0);
		fc.assert(
			fc.property(fc.nat(131_071), fc.nat(255), fc.nat(131_072), (begin, value, length) => {
				expect(instance.restore()).toBe(true);
				expect(call(instance, begin, value, Math.min(length, 131_072 - begin))).toBe(first);
			}),
			{ numRuns: 200 },
		);
	});

	test("FZ-03 anything that a module of random instructions does", async () => {
		const seen = { restored: 0, replaced: 0 };
		await fc.assert(
			fc.asyncProperty(randomModule, async ({ fields, checksum }) => {
				const bytes = await assemble(`(module ${EXTISM_IMPORTS_WAT} ${fields}
					${fields.includes("(memory") ? SUM_MEMORY_WAT : ""}
					(func (export "on_chat_message") (result i32)
						(local $block i64)
						(local.set $block (call $alloc (i64.const 8)))
						(call $store_u64 (local.get $block) ${checksum})
						(call $output_set (local.get $block) (i64.const 8))
						(call $f0)
						(i32.const 0)))`);
				const image = await pluginImage(bytes);
				let first: unknown;
				let instance: PluginInstance | undefined;
				for (let round = 0; round < 3; round += 1) {
					const restored = instance?.restore() ?? false;
					if (instance !== undefined) seen[restored ? "restored" : "replaced"] += 1;
					if (instance === undefined || !restored) {
						const made = await PluginInstance.make(image);
						if (!(made instanceof PluginInstance)) {
							// What it exports as _start traps: there is never an instance.
							expect([round, made.failure.outcome]).toEqual([0, "trap"]);
							return;
						}
						instance = made;
					}
					const outcome = instance.call("on_chat_message", "");
					const answer = "failure" in outcome ? outcome.failure : Buffer.from(outcome.output as Uint8Array).toString("hex");
					first ??= answer;
					expect(answer).toEqual(first);
				}
			}),
			{ numRuns: 120, seed: 3 },
		);
		// Otherwise nothing was shown.
		expect(seen.restored, JSON.stringify(seen)).toBeGreaterThan(50);
		expect(seen.replaced, JSON.stringify(seen)).toBeGreaterThan(50);
	});
});

describe("a module that needs to be started", () => {
	test.each(["_initialize", "_start", "hs_init"])("%s runs once, before initialize", async (name) => {
		const instance = await make(
			await assemble(`(module ${EXTISM_IMPORTS_WAT} (memory 1)
				(global $g (mut i64) (i64.const 1))
				(func (export "${name}") (global.set $g (i64.mul (global.get $g) (i64.const 10))))
				(func (export "initialize") (result i32) (global.set $g (i64.add (global.get $g) (i64.const 3))) (i32.const 0))
				(func (export "on_chat_message") (result i32)
					(local $block i64)
					(local.set $block (call $alloc (i64.const 8)))
					(call $store_u64 (local.get $block) (global.get $g))
					(call $output_set (local.get $block) (i64.const 8))
					(i32.const 0)))`),
		);
		expect(call(instance)).toBe(13n);
		expect(instance.restore()).toBe(true);
		expect(call(instance)).toBe(13n);
	});
});
