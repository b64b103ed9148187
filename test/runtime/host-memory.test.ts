// The functions of `extism:host/env` as the linked module serves them, against Extism's own: the same plugin runs on both, and
// both must give the same value or both must fail.
import createPlugin, { type Plugin } from "@extism/extism";
import { EXTISM_IMPORTS } from "@hookbus/foundation";
import { PluginInstance, setEngineFlags } from "@hookbus/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assemble } from "../support/module-returning.js";
import { pluginImage } from "../support/plugin-image.js";
import { BLOCK_FUNCTION_WAT, EXTISM_IMPORTS_WAT } from "../support/wat-parts.js";

setEngineFlags();

/** A plugin whose hook shows the value that `body` leaves, as eight bytes. `$greeting` and `$nothing` make blocks of these texts. */
function plugin(body: string): Promise<Uint8Array> {
	return assemble(`(module
		${EXTISM_IMPORTS_WAT}
		(memory 1)
		(data (i32.const 0) "greeting")
		(data (i32.const 16) "nothing")
		${BLOCK_FUNCTION_WAT}
		(func $greeting (result i64) (call $block (i32.const 0) (i32.const 8)))
		(func $nothing (result i64) (call $block (i32.const 16) (i32.const 7)))
		(func $value (result i64) (local $a i64) (local $b i64) ${body})
		(func (export "on_chat_message") (result i32)
			(local $value i64) (local $block i64)
			(local.set $value (call $value))
			(local.set $block (call $alloc (i64.const 8)))
			(call $store_u64 (local.get $block) (local.get $value))
			(call $output_set (local.get $block) (i64.const 8))
			(i32.const 0)))`);
}

const CONFIG = { greeting: "hello, wörld" };
const INPUT = "0123456789";

type Answer = { readonly output: string } | { readonly error: string } | "failed" | "nothing";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

async function onExtism(bytes: Uint8Array, input = INPUT): Promise<Answer> {
	let extism: Plugin | undefined;
	try {
		extism = await createPlugin(
			{ wasm: [{ data: bytes }] },
			{ config: CONFIG, memory: { maxVarBytes: 64 * 1024 }, logger: { ...console, error: () => undefined } },
		);
		const output = await extism.call("on_chat_message", input);
		return output === null ? "nothing" : { output: hex(output.bytes()) };
	} catch (thrown) {
		const prefix = "Plugin-originated error: ";
		const text = thrown instanceof Error ? thrown.message : "";
		// What a plugin says is shown on one line.
		return text.startsWith(prefix) ? { error: text.slice(prefix.length).replace(/[\u0000-\u001f]+/g, " ") } : "failed";
	} finally {
		await extism?.close();
	}
}

async function onHostMemory(bytes: Uint8Array, input = INPUT): Promise<Answer> {
	const instance = await PluginInstance.make(await pluginImage(bytes, CONFIG));
	if (!(instance instanceof PluginInstance)) throw new Error(instance.failure.message);
	const outcome = instance.call("on_chat_message", input);
	if ("failure" in outcome) return outcome.failure.outcome === "guest_error" ? { error: outcome.failure.message } : "failed";
	return outcome.output === undefined ? "nothing" : { output: hex(outcome.output) };
}

/** Address of a block that does not exist. */
const NOWHERE = "(i64.const 0x0777000000000000)";

const cases: Record<string, string> = {
	"alloc gives addresses one block after the other": "(drop (call $alloc (i64.const 1))) (call $alloc (i64.const 1))",
	"alloc of nothing is a block": "(call $length (call $alloc (i64.const 0)))",
	"a new block is zeroes": "(call $load_u64 (call $alloc (i64.const 8)))",
	"length of a block": "(call $length (call $alloc (i64.const 4711)))",
	"length of the null address": "(call $length (i64.const 0))",
	"length of a block that does not exist": `(call $length ${NOWHERE})`,
	"length of a negative address": "(call $length (i64.const -1))",
	"length_unsafe of a block": "(call $length_unsafe (call $alloc (i64.const 12)))",
	"length of a freed block":
		"(local.set $a (call $alloc (i64.const 12))) (call $free (local.get $a)) (call $length (local.get $a))",
	"free of a block that does not exist": `(call $free (i64.const 0x0003000000000000)) (i64.const 1)`,
	"a byte stored is the byte loaded":
		"(local.set $a (call $alloc (i64.const 9))) (call $store_u8 (i64.add (local.get $a) (i64.const 8)) (i32.const 0x1fe)) (i64.extend_i32_u (call $load_u8 (i64.add (local.get $a) (i64.const 8))))",
	"a word stored is the word loaded, at any offset":
		"(local.set $a (call $alloc (i64.const 11))) (call $store_u64 (i64.add (local.get $a) (i64.const 3)) (i64.const 0x0102030405060708)) (call $load_u64 (i64.add (local.get $a) (i64.const 3)))",
	"words are little-endian":
		"(local.set $a (call $alloc (i64.const 8))) (call $store_u64 (local.get $a) (i64.const 0x0102030405060708)) (i64.extend_i32_u (call $load_u8 (local.get $a)))",
	"load_u8 behind a block": "(i64.extend_i32_u (call $load_u8 (i64.add (call $alloc (i64.const 4)) (i64.const 4))))",
	"load_u64 across the end of a block": "(call $load_u64 (i64.add (call $alloc (i64.const 12)) (i64.const 5)))",
	"load_u64 of a block that is too short": "(call $load_u64 (call $alloc (i64.const 7)))",
	"store_u8 behind a block": "(call $store_u8 (i64.add (call $alloc (i64.const 4)) (i64.const 4)) (i32.const 1)) (i64.const 1)",
	"store_u64 across the end of a block":
		"(call $store_u64 (i64.add (call $alloc (i64.const 12)) (i64.const 5)) (i64.const 1)) (i64.const 1)",
	"a huge offset": "(i64.extend_i32_u (call $load_u8 (i64.add (call $alloc (i64.const 4)) (i64.const 0xffffffffffff))))",
	"load_u8 of a block that does not exist": `(i64.extend_i32_u (call $load_u8 ${NOWHERE}))`,
	"load_u64 of a block that does not exist": `(call $load_u64 ${NOWHERE})`,
	"store_u8 to a block that does not exist": `(call $store_u8 ${NOWHERE} (i32.const 1)) (i64.const 1)`,
	"store_u64 to a block that does not exist": `(call $store_u64 ${NOWHERE} (i64.const 1)) (i64.const 1)`,
	"load_u8 of a freed block":
		"(local.set $a (call $alloc (i64.const 4))) (call $free (local.get $a)) (i64.extend_i32_u (call $load_u8 (local.get $a)))",
	"load_u64 of a freed block":
		"(local.set $a (call $alloc (i64.const 8))) (call $free (local.get $a)) (call $load_u64 (local.get $a))",
	"load_u8 of the null address": "(i64.extend_i32_u (call $load_u8 (i64.const 0)))",
	"load_u8 behind the null block": "(i64.extend_i32_u (call $load_u8 (i64.const 1)))",
	"store_u8 to the null address": "(call $store_u8 (i64.const 0) (i32.const 7)) (i64.extend_i32_u (call $load_u8 (i64.const 0)))",
	input_length: "(call $input_length)",
	input_offset: "(call $input_offset)",
	input_load_u8: "(i64.extend_i32_u (call $input_load_u8 (i64.const 9)))",
	"input_load_u8 behind the input": "(i64.extend_i32_u (call $input_load_u8 (i64.const 10)))",
	input_load_u64: "(call $input_load_u64 (i64.const 2))",
	"input_load_u64 across the end": "(call $input_load_u64 (i64.const 3))",
	"input_load_u8 at a whole address": "(i64.extend_i32_u (call $input_load_u8 (i64.add (call $input_offset) (i64.const 1))))",
	"the input is a block": "(call $load_u64 (call $input_offset))",
	"the input can be written":
		"(call $store_u8 (call $input_offset) (i32.const 65)) (i64.extend_i32_u (call $input_load_u8 (i64.const 0)))",
	"input_length of a freed input": "(call $free (call $input_offset)) (call $input_length)",
	"input_load_u8 of a freed input": "(call $free (call $input_offset)) (i64.extend_i32_u (call $input_load_u8 (i64.const 0)))",
	"input_load_u64 of a freed input": "(call $free (call $input_offset)) (call $input_load_u64 (i64.const 0))",
	"output_set of a block that does not exist": `(call $output_set ${NOWHERE} (i64.const 1)) (i64.const 1)`,
	"output_set of a freed block":
		"(local.set $a (call $alloc (i64.const 4))) (call $free (local.get $a)) (call $output_set (local.get $a) (i64.const 4)) (i64.const 1)",
	"output_set longer than the block": "(call $output_set (call $alloc (i64.const 4)) (i64.const 5)) (i64.const 1)",
	error_set: "(call $error_set (call $greeting)) (i64.const 1)",
	"error_set of a block that does not exist": `(call $error_set ${NOWHERE}) (i64.const 1)`,
	"error_set of the null address": "(call $error_set (i64.const 0)) (i64.const 1)",
	"error_set of a block that is freed later":
		"(local.set $a (call $greeting)) (call $error_set (local.get $a)) (call $free (local.get $a)) (i64.const 1)",
	"error_get without an error": "(call $error_get)",
	error_get: "(local.set $a (call $greeting)) (call $error_set (local.get $a)) (call $error_get)",
	config_get: "(call $load_u64 (call $config_get (call $greeting)))",
	"config_get gives a block of its length in bytes": "(call $length (call $config_get (call $greeting)))",
	"config_get of an unknown key": "(call $config_get (call $nothing))",
	"config_get of a block that does not exist": `(call $config_get ${NOWHERE})`,
	"config_get frees its key":
		"(local.set $a (call $greeting)) (drop (call $config_get (local.get $a))) (call $length (local.get $a))",
	"var_get of what was never set": "(call $var_get (call $greeting))",
	"var_get of a block that does not exist": `(call $var_get ${NOWHERE})`,
	"var_get frees its key": "(local.set $a (call $greeting)) (drop (call $var_get (local.get $a))) (call $length (local.get $a))",
	"a variable set is the variable got":
		"(call $var_set (call $greeting) (call $nothing)) (local.set $a (call $var_get (call $greeting))) (call $length (local.get $a))",
	"var_set keeps its key and its value":
		"(local.set $a (call $greeting)) (local.set $b (call $nothing)) (call $var_set (local.get $a) (local.get $b)) (i64.add (call $length (local.get $a)) (call $length (local.get $b)))",
	"var_set copies":
		"(local.set $a (call $block (i32.const 0) (i32.const 8))) (call $var_set (call $nothing) (local.get $a)) (call $store_u8 (local.get $a) (i32.const 0)) (call $load_u64 (call $var_get (call $nothing)))",
	"var_set of nothing deletes":
		"(call $var_set (call $greeting) (call $nothing)) (call $var_set (call $greeting) (i64.const 0)) (call $var_get (call $greeting))",
	"var_set with a key that does not exist": `(call $var_set ${NOWHERE} (call $nothing)) (i64.const 1)`,
	"var_set of a value that does not exist": `(call $var_set (call $greeting) ${NOWHERE}) (call $var_get (call $greeting))`,
	http_status_code: "(i64.extend_i32_u (call $http_status_code))",
	http_headers: "(call $http_headers)",
	"log_info frees its block": "(local.set $a (call $greeting)) (call $log_info (local.get $a)) (call $length (local.get $a))",
	"log_error of a block that does not exist": `(call $log_error ${NOWHERE}) (i64.const 1)`,
	"many blocks":
		"(loop $next (drop (call $alloc (i64.const 8))) (local.set $a (i64.add (local.get $a) (i64.const 1))) (br_if $next (i64.lt_u (local.get $a) (i64.const 9000)))) (call $alloc (i64.const 1))",
	"a large block":
		"(local.set $a (call $alloc (i64.const 1000000))) (call $store_u8 (i64.add (local.get $a) (i64.const 999999)) (i32.const 9)) (i64.extend_i32_u (call $load_u8 (i64.add (local.get $a) (i64.const 999999))))",
};

describe("the linked host memory and Extism's own functions agree", () => {
	test.each(Object.entries(cases))("%s", async (_name, body) => {
		const bytes = await plugin(body);
		const expected = await onExtism(bytes);
		expect(await onHostMemory(bytes)).toEqual(expected);
	});

	test("every function of the ABI is in a case", () => {
		const text = Object.values(cases).join();
		// Outbound HTTP is refused here, and a log level decides nothing but what the plugin bothers to say.
		const special = ["http_request", "get_log_level", "log_trace", "log_debug", "log_warn"];
		expect(
			Object.keys(EXTISM_IMPORTS).filter(
				(name) => !special.includes(name) && !text.includes(`$${name})`) && !text.includes(`$${name} `),
			),
		).toEqual([]);
	});

	test("any sequence of allocations, stores, loads and frees", async () => {
		const block = fc.nat(3).map((index) => `(i64.shl (i64.const ${index + 2}) (i64.const 48))`);
		const address = fc.tuple(block, fc.nat(20)).map(([base, offset]) => `(i64.add ${base} (i64.const ${offset}))`);
		const step = fc.oneof(
			fc.nat(16).map((size) => `(drop (call $alloc (i64.const ${size})))`),
			fc.tuple(address, fc.nat(255)).map(([at, value]) => `(call $store_u8 ${at} (i32.const ${value}))`),
			fc.tuple(address, fc.nat()).map(([at, value]) => `(call $store_u64 ${at} (i64.const ${value}))`),
			address.map((at) => `(local.set $a (i64.xor (local.get $a) (i64.extend_i32_u (call $load_u8 ${at}))))`),
			address.map((at) => `(local.set $a (i64.xor (local.get $a) (call $load_u64 ${at})))`),
			block.map((base) => `(call $free ${base})`),
			block.map((base) => `(local.set $a (i64.add (local.get $a) (call $length ${base})))`),
		);
		await fc.assert(
			fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
				// Blocks to begin with, so that not every step goes nowhere.
				const bytes = await plugin(`${"(drop (call $alloc (i64.const 16)))".repeat(3)} ${steps.join(" ")} (local.get $a)`);
				const expected = await onExtism(bytes);
				expect(await onHostMemory(bytes)).toEqual(expected);
			}),
			{ numRuns: 150, seed: 20 },
		);
	}, 60_000);

	test("output_set honours offset and length, where Extism's SDK gives the whole block", async () => {
		const bytes = await assemble(`(module ${EXTISM_IMPORTS_WAT}
			(func (export "on_chat_message") (result i32)
				(call $output_set (i64.add (call $input_offset) (i64.const 2)) (i64.const 3)) (i32.const 0)))`);
		expect(await onHostMemory(bytes)).toEqual({ output: Buffer.from("234").toString("hex") });
		expect(await onExtism(bytes)).toEqual({ output: Buffer.from(INPUT).toString("hex") });
	});

	test("a return code that is not 0 is an error, where Extism's SDK ignores it", async () => {
		const bytes = await assemble('(module (func (export "on_chat_message") (result i32) (i32.const 7)))');
		expect(await onHostMemory(bytes)).toEqual({ error: "on_chat_message returned 7 and set no error" });
		expect(await onExtism(bytes)).toBe("nothing");
	});
});
