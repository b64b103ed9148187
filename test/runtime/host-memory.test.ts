// The functions of `extism:host/env` as the linked module serves them, against Extism's own: the same plugin runs on both, and
// both must give the same value or both must fail.
import createPlugin, { type Plugin } from "@extism/extism";
import { EXTISM_IMPORTS } from "@hookbus/foundation";
import { PluginInstance, setEngineFlags } from "@hookbus/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assemble } from "../support/module-returning.js";
import { pluginImage } from "../support/plugin-image.js";
import { BLOCK_FUNCTION_WAT, EXTISM_IMPORTS_WAT, watString } from "../support/wat-parts.js";

setEngineFlags();

const REQUEST = JSON.stringify({ url: "https://example.com/", method: "GET", headers: {} });

/** A plugin whose hook shows the value that `body` leaves, as eight bytes. `$greeting`, `$nothing` and `$request` make blocks of texts. */
function plugin(body: string): Promise<Uint8Array> {
	return assemble(`(module
		${EXTISM_IMPORTS_WAT}
		(memory 1)
		(data (i32.const 0) "greeting")
		(data (i32.const 16) "nothing")
		(data (i32.const 32) ${watString(REQUEST)})
		${BLOCK_FUNCTION_WAT}
		(func $greeting (result i64) (call $block (i32.const 0) (i32.const 8)))
		(func $nothing (result i64) (call $block (i32.const 16) (i32.const 7)))
		(func $request (result i64) (call $block (i32.const 32) (i32.const ${REQUEST.length})))
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
const MAX_VAR_BYTES = 64 * 1024;

type Value = { readonly output: string } | { readonly error: string } | "failed" | "nothing";

interface Answer {
	readonly value: Value;
	/** `<level> <text>` of each line that the plugin logged. */
	readonly logs: readonly string[];
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** All that the plugins below log: the SDK's own complaints go to the same place. */
const LOGGED = ["greeting", "nothing", ""];

async function onExtism(bytes: Uint8Array): Promise<Answer> {
	const logs: string[] = [];
	const keep = (level: string) => (text: string) => {
		if (LOGGED.includes(text)) logs.push(`${level} ${text}`);
	};
	const levels = ["trace", "debug", "info", "warn", "error"].map((level) => [level, keep(level)]);
	const logger: Console = { ...console, ...Object.fromEntries(levels) };
	let extism: Plugin | undefined;
	const value = async (): Promise<Value> => {
		try {
			extism = await createPlugin(
				{ wasm: [{ data: bytes }] },
				{ config: CONFIG, memory: { maxVarBytes: MAX_VAR_BYTES }, logger, logLevel: "trace" },
			);
			const output = await extism.call("on_chat_message", INPUT);
			return output === null ? "nothing" : { output: hex(output.bytes()) };
		} catch (thrown) {
			const prefix = "Plugin-originated error: ";
			const text = thrown instanceof Error ? thrown.message : "";
			// What a plugin says is shown on one line.
			return text.startsWith(prefix) ? { error: text.slice(prefix.length).replace(/[\u0000-\u001f]+/g, " ") } : "failed";
		} finally {
			await extism?.close();
		}
	};
	return { value: await value(), logs };
}

async function onHostMemory(bytes: Uint8Array): Promise<Answer> {
	const instance = await PluginInstance.make(await pluginImage(bytes, CONFIG));
	if (!(instance instanceof PluginInstance)) throw new Error(instance.failure.message);
	const outcome = instance.call("on_chat_message", INPUT);
	const value = (): Value => {
		if ("failure" in outcome) return outcome.failure.outcome === "guest_error" ? { error: outcome.failure.message } : "failed";
		return outcome.output === undefined ? "nothing" : { output: hex(outcome.output) };
	};
	return { value: value(), logs: outcome.report.logs.map(({ level, text }) => `${level} ${text}`) };
}

/** Address of a block that does not exist. */
const NOWHERE = "(i64.const 0x0777000000000000)";
const BEFORE_ALL = "(i64.const -1)";

/** The same `body` for a block of one kind after the other. */
const ofEach = (what: string, body: (address: string) => string): Record<string, string> => ({
	[`${what} of a block that does not exist`]: body(NOWHERE),
	[`${what} of a negative address`]: body(BEFORE_ALL),
});

interface FunctionCases {
	/** By a title: what leaves the value that is shown. */
	readonly used: Readonly<Record<string, string>>;
	/** Called with what it must not be called with. Functions without parameters have none. */
	readonly misused: Readonly<Record<string, string>>;
}

const logs = (level: string): FunctionCases => ({
	used: {
		[`log_${level} says what is in its block`]: `(call $log_${level} (call $greeting)) (call $log_${level} (call $nothing)) (i64.const 1)`,
		[`log_${level} frees its block`]: `(local.set $a (call $greeting)) (call $log_${level} (local.get $a)) (call $length (local.get $a))`,
		[`log_${level} of a block of nothing`]: `(call $log_${level} (call $alloc (i64.const 0))) (i64.const 1)`,
	},
	misused: {
		...ofEach(`log_${level}`, (address) => `(call $log_${level} ${address}) (i64.const 1)`),
		[`log_${level} of a freed block`]: `(local.set $a (call $greeting)) (call $free (local.get $a)) (call $log_${level} (local.get $a)) (i64.const 1)`,
	},
});

/** For each function of the ABI. */
const CASES: Readonly<Record<string, FunctionCases>> = {
	alloc: {
		used: {
			"alloc gives addresses one block after the other": "(drop (call $alloc (i64.const 1))) (call $alloc (i64.const 1))",
			"alloc of nothing is a block": "(call $length (call $alloc (i64.const 0)))",
			"alloc makes zeroes": "(call $load_u64 (call $alloc (i64.const 8)))",
			"alloc of many blocks":
				"(loop $next (drop (call $alloc (i64.const 8))) (local.set $a (i64.add (local.get $a) (i64.const 1))) (br_if $next (i64.lt_u (local.get $a) (i64.const 9000)))) (call $alloc (i64.const 1))",
			"alloc of a large block":
				"(local.set $a (call $alloc (i64.const 1000000))) (call $store_u8 (i64.add (local.get $a) (i64.const 999999)) (i32.const 9)) (i64.extend_i32_u (call $load_u8 (i64.add (local.get $a) (i64.const 999999))))",
		},
		misused: {
			"alloc of -1 bytes gives nothing that can be read": "(call $load_u64 (call $alloc (i64.const -1)))",
			"alloc of 2^63 bytes gives nothing that can be read": "(call $load_u64 (call $alloc (i64.const 0x8000000000000000)))",
		},
	},
	free: {
		used: {
			"free leaves no length":
				"(local.set $a (call $alloc (i64.const 12))) (call $free (local.get $a)) (call $length (local.get $a))",
			"free does not give the address away again":
				"(local.set $a (call $alloc (i64.const 12))) (call $free (local.get $a)) (i64.sub (call $alloc (i64.const 12)) (local.get $a))",
		},
		misused: {
			...ofEach("free", (address) => `(call $free ${address}) (i64.const 1)`),
			"free of the block behind the last one": "(call $free (i64.const 0x0003000000000000)) (i64.const 1)",
			"free twice":
				"(local.set $a (call $alloc (i64.const 1))) (call $free (local.get $a)) (call $free (local.get $a)) (call $length (local.get $a))",
			"free of the null address": "(call $free (i64.const 0)) (call $length (i64.const 0))",
		},
	},
	length: {
		used: {
			"length of a block": "(call $length (call $alloc (i64.const 4711)))",
			"length of the null address": "(call $length (i64.const 0))",
			"length of an address inside of a block": "(call $length (i64.add (call $alloc (i64.const 9)) (i64.const 5)))",
		},
		misused: ofEach("length", (address) => `(call $length ${address})`),
	},
	length_unsafe: {
		used: {
			"length_unsafe of a block": "(call $length_unsafe (call $alloc (i64.const 12)))",
			"length_unsafe of the null address": "(call $length_unsafe (i64.const 0))",
		},
		misused: {
			...ofEach("length_unsafe", (address) => `(call $length_unsafe ${address})`),
			"length_unsafe of a freed block":
				"(local.set $a (call $alloc (i64.const 12))) (call $free (local.get $a)) (call $length_unsafe (local.get $a))",
		},
	},
	load_u8: {
		used: {
			"load_u8 gives a byte without a sign":
				"(local.set $a (call $alloc (i64.const 2))) (call $store_u8 (local.get $a) (i32.const -1)) (i64.extend_i32_u (call $load_u8 (local.get $a)))",
			"load_u8 of the null address": "(i64.extend_i32_u (call $load_u8 (i64.const 0)))",
		},
		misused: {
			...ofEach("load_u8", (address) => `(i64.extend_i32_u (call $load_u8 ${address}))`),
			"load_u8 behind a block": "(i64.extend_i32_u (call $load_u8 (i64.add (call $alloc (i64.const 4)) (i64.const 4))))",
			"load_u8 far behind a block":
				"(i64.extend_i32_u (call $load_u8 (i64.add (call $alloc (i64.const 4)) (i64.const 0xffffffffffff))))",
			"load_u8 behind the null block": "(i64.extend_i32_u (call $load_u8 (i64.const 1)))",
			"load_u8 of a freed block":
				"(local.set $a (call $alloc (i64.const 4))) (call $free (local.get $a)) (i64.extend_i32_u (call $load_u8 (local.get $a)))",
		},
	},
	load_u64: {
		used: {
			"load_u64 at any offset":
				"(local.set $a (call $alloc (i64.const 11))) (call $store_u64 (i64.add (local.get $a) (i64.const 3)) (i64.const 0x0102030405060708)) (call $load_u64 (i64.add (local.get $a) (i64.const 3)))",
		},
		misused: {
			...ofEach("load_u64", (address) => `(call $load_u64 ${address})`),
			"load_u64 across the end of a block": "(call $load_u64 (i64.add (call $alloc (i64.const 12)) (i64.const 5)))",
			"load_u64 of a block that is too short": "(call $load_u64 (call $alloc (i64.const 7)))",
			"load_u64 of the null address": "(call $load_u64 (i64.const 0))",
			"load_u64 of a freed block":
				"(local.set $a (call $alloc (i64.const 8))) (call $free (local.get $a)) (call $load_u64 (local.get $a))",
		},
	},
	store_u8: {
		used: {
			"store_u8 takes the lowest byte":
				"(local.set $a (call $alloc (i64.const 9))) (call $store_u8 (i64.add (local.get $a) (i64.const 8)) (i32.const 0x1fe)) (i64.extend_i32_u (call $load_u8 (i64.add (local.get $a) (i64.const 8))))",
			"store_u8 to the null address":
				"(call $store_u8 (i64.const 0) (i32.const 7)) (i64.extend_i32_u (call $load_u8 (i64.const 0)))",
		},
		misused: {
			...ofEach("store_u8", (address) => `(call $store_u8 ${address} (i32.const 1)) (i64.const 1)`),
			"store_u8 behind a block":
				"(call $store_u8 (i64.add (call $alloc (i64.const 4)) (i64.const 4)) (i32.const 1)) (i64.const 1)",
			"store_u8 to a freed block":
				"(local.set $a (call $alloc (i64.const 4))) (call $free (local.get $a)) (call $store_u8 (local.get $a) (i32.const 1)) (i64.const 1)",
		},
	},
	store_u64: {
		used: {
			"store_u64 puts the lowest byte first":
				"(local.set $a (call $alloc (i64.const 8))) (call $store_u64 (local.get $a) (i64.const 0x0102030405060708)) (i64.extend_i32_u (call $load_u8 (local.get $a)))",
		},
		misused: {
			...ofEach("store_u64", (address) => `(call $store_u64 ${address} (i64.const 1)) (i64.const 1)`),
			"store_u64 across the end of a block":
				"(call $store_u64 (i64.add (call $alloc (i64.const 12)) (i64.const 5)) (i64.const 1)) (i64.const 1)",
			"store_u64 to a freed block":
				"(local.set $a (call $alloc (i64.const 8))) (call $free (local.get $a)) (call $store_u64 (local.get $a) (i64.const 1)) (i64.const 1)",
		},
	},
	input_offset: {
		used: {
			"input_offset is the address of a block": "(call $load_u64 (call $input_offset))",
			"input_offset is the same in every call": "(call $input_offset)",
			"input_offset can be written to":
				"(call $store_u8 (call $input_offset) (i32.const 65)) (i64.extend_i32_u (call $input_load_u8 (i64.const 0)))",
		},
		misused: {},
	},
	input_length: {
		used: {
			input_length: "(call $input_length)",
			"input_length of a freed input": "(call $free (call $input_offset)) (call $input_length)",
		},
		misused: {},
	},
	input_load_u8: {
		used: {
			"input_load_u8 of the last byte": "(i64.extend_i32_u (call $input_load_u8 (i64.const 9)))",
			"input_load_u8 at a whole address": "(i64.extend_i32_u (call $input_load_u8 (i64.add (call $input_offset) (i64.const 1))))",
		},
		misused: {
			"input_load_u8 behind the input": "(i64.extend_i32_u (call $input_load_u8 (i64.const 10)))",
			"input_load_u8 of a negative offset": "(i64.extend_i32_u (call $input_load_u8 (i64.const -1)))",
			"input_load_u8 of a freed input":
				"(call $free (call $input_offset)) (i64.extend_i32_u (call $input_load_u8 (i64.const 0)))",
		},
	},
	input_load_u64: {
		used: { "input_load_u64 of the last bytes": "(call $input_load_u64 (i64.const 2))" },
		misused: {
			"input_load_u64 across the end": "(call $input_load_u64 (i64.const 3))",
			"input_load_u64 of a negative offset": "(call $input_load_u64 (i64.const -1))",
			"input_load_u64 of a freed input": "(call $free (call $input_offset)) (call $input_load_u64 (i64.const 0))",
		},
	},
	output_set: {
		used: {
			"output_set is replaced by a later one":
				"(call $output_set (call $greeting) (i64.const 8)) (call $output_set (call $nothing) (i64.const 7)) (i64.const 1)",
			"output_set of a block that is freed later":
				"(local.set $a (call $greeting)) (call $output_set (local.get $a) (i64.const 8)) (call $free (local.get $a)) (i64.const 1)",
		},
		misused: {
			...ofEach("output_set", (address) => `(call $output_set ${address} (i64.const 1)) (i64.const 1)`),
			"output_set of a freed block":
				"(local.set $a (call $alloc (i64.const 4))) (call $free (local.get $a)) (call $output_set (local.get $a) (i64.const 4)) (i64.const 1)",
			"output_set longer than the block": "(call $output_set (call $alloc (i64.const 4)) (i64.const 5)) (i64.const 1)",
		},
	},
	error_set: {
		used: {
			"error_set goes before the output": "(call $error_set (call $greeting)) (i64.const 1)",
			"error_set is replaced by a later one":
				"(call $error_set (call $greeting)) (call $error_set (call $nothing)) (i64.const 1)",
			"error_set of a block that is freed later":
				"(local.set $a (call $greeting)) (call $error_set (local.get $a)) (call $free (local.get $a)) (i64.const 1)",
		},
		misused: {
			...ofEach("error_set", (address) => `(call $error_set ${address}) (i64.const 1)`),
			"error_set of the null address": "(call $error_set (i64.const 0)) (i64.const 1)",
		},
	},
	error_get: {
		used: {
			"error_get without an error": "(call $error_get)",
			"error_get of an error, which is still one":
				"(local.set $a (call $greeting)) (call $error_set (local.get $a)) (call $error_get)",
			"error_get gives the block of the error":
				"(local.set $a (call $greeting)) (call $error_set (local.get $a)) (if (i64.ne (call $error_get) (local.get $a)) (then unreachable)) (i64.const 1)",
		},
		misused: {},
	},
	config_get: {
		used: {
			"config_get gives a value": "(call $load_u64 (call $config_get (call $greeting)))",
			"config_get gives a block of its length in bytes": "(call $length (call $config_get (call $greeting)))",
			"config_get of an unknown key": "(call $config_get (call $nothing))",
			"config_get frees its key":
				"(local.set $a (call $greeting)) (drop (call $config_get (local.get $a))) (call $length (local.get $a))",
			"config_get gives a new block each time":
				"(i64.sub (call $config_get (call $greeting)) (call $config_get (call $greeting)))",
		},
		misused: {
			...ofEach("config_get", (address) => `(call $config_get ${address})`),
			"config_get of an empty key": "(call $config_get (call $alloc (i64.const 0)))",
			"config_get of a freed key":
				"(local.set $a (call $greeting)) (call $free (local.get $a)) (call $config_get (local.get $a))",
		},
	},
	var_get: {
		used: {
			"var_get of what was never set": "(call $var_get (call $greeting))",
			"var_get frees its key":
				"(local.set $a (call $greeting)) (drop (call $var_get (local.get $a))) (call $length (local.get $a))",
			"var_get gives what was set":
				"(call $var_set (call $greeting) (call $nothing)) (local.set $a (call $var_get (call $greeting))) (i64.add (call $length (local.get $a)) (i64.extend_i32_u (call $load_u8 (local.get $a))))",
			"var_get of an empty key that was set":
				"(call $var_set (call $alloc (i64.const 0)) (call $nothing)) (call $length (call $var_get (call $alloc (i64.const 0))))",
		},
		misused: {
			...ofEach("var_get", (address) => `(call $var_get ${address})`),
			"var_get of a freed key": "(local.set $a (call $greeting)) (call $free (local.get $a)) (call $var_get (local.get $a))",
		},
	},
	var_set: {
		used: {
			"var_set keeps the blocks of its key and its value":
				"(local.set $a (call $greeting)) (local.set $b (call $nothing)) (call $var_set (local.get $a) (local.get $b)) (i64.add (call $length (local.get $a)) (call $length (local.get $b)))",
			"var_set copies":
				"(local.set $a (call $block (i32.const 0) (i32.const 8))) (call $var_set (call $nothing) (local.get $a)) (call $store_u8 (local.get $a) (i32.const 0)) (call $load_u64 (call $var_get (call $nothing)))",
			"var_set of nothing deletes":
				"(call $var_set (call $greeting) (call $nothing)) (call $var_set (call $greeting) (i64.const 0)) (call $var_get (call $greeting))",
			"var_set of nothing under an unknown key": "(call $var_set (call $greeting) (i64.const 0)) (call $error_get)",
			"var_set of a longer and then a shorter value":
				"(call $var_set (call $greeting) (call $alloc (i64.const 60000))) (call $var_set (call $greeting) (call $alloc (i64.const 9))) (call $var_set (call $nothing) (call $alloc (i64.const 60000))) (call $error_get)",
		},
		misused: {
			...ofEach("var_set by a key", (address) => `(call $var_set ${address} (call $nothing)) (i64.const 1)`),
			...ofEach("var_set", (address) => `(call $var_set (call $greeting) ${address}) (call $var_get (call $greeting))`),
		},
	},
	http_status_code: {
		used: { "http_status_code without a request": "(i64.extend_i32_u (call $http_status_code))" },
		misused: {},
	},
	http_headers: { used: { "http_headers without a request": "(call $http_headers)" }, misused: {} },
	log_trace: logs("trace"),
	log_debug: logs("debug"),
	log_info: logs("info"),
	log_warn: logs("warn"),
	log_error: logs("error"),
	get_log_level: { used: { "get_log_level where every line is kept": "(i64.extend_i32_u (call $get_log_level))" }, misused: {} },
};

/** What cannot be the same, by function; each has a test of its own below. */
const DIFFERENT = ["http_request"];

describe("the linked host memory and Extism's own functions agree", () => {
	test.each(Object.values(CASES).flatMap(({ used, misused }) => Object.entries({ ...used, ...misused })))(
		"%s",
		async (_title, body) => {
			const bytes = await plugin(body);
			const expected = await onExtism(bytes);
			expect(await onHostMemory(bytes)).toEqual(expected);
		},
	);

	test("every function of the ABI has cases that call it, and those with parameters have some that misuse it", () => {
		expect([...Object.keys(CASES), ...DIFFERENT].sort()).toEqual(Object.keys(EXTISM_IMPORTS).sort());
		for (const [name, { used, misused }] of Object.entries(CASES)) {
			const wrong = EXTISM_IMPORTS[name]?.params.length === 0 ? 0 : 1;
			expect([name, Object.keys(used).length > 0, Object.keys(misused).length >= wrong]).toEqual([name, true, true]);
			for (const body of Object.values({ ...used, ...misused })) expect(body).toMatch(new RegExp(`\\$${name}[ )]`));
		}
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
});

describe("on purpose the linked host memory differs from Extism's SDK:", () => {
	const valuesOf = async (bytes: Uint8Array): Promise<{ ours: Value; theirs: Value }> => ({
		ours: (await onHostMemory(bytes)).value,
		theirs: (await onExtism(bytes)).value,
	});

	test("alloc of more than a call may hold gives the null address, as Extism's own kernel does; the SDK throws", async () => {
		const { ours, theirs } = await valuesOf(await plugin("(call $alloc (i64.const -1))"));
		expect(ours).toEqual({ output: "0".repeat(16) });
		expect(theirs).toBe("failed");
	});

	test("output_set honours offset and length; the SDK gives the whole block", async () => {
		const bytes = await assemble(`(module ${EXTISM_IMPORTS_WAT}
			(func (export "on_chat_message") (result i32)
				(call $output_set (i64.add (call $input_offset) (i64.const 2)) (i64.const 3)) (i32.const 0)))`);
		expect(await valuesOf(bytes)).toEqual({
			ours: { output: hex(Buffer.from("234")) },
			theirs: { output: hex(Buffer.from(INPUT)) },
		});
	});

	test("var_set counts the names too; both set an error when there is no room, and keep what was there", async () => {
		const set = (bytes: number) => `(call $var_set (call $greeting) (call $alloc (i64.const ${bytes})))`;
		const tooMuch = await valuesOf(await plugin(`${set(MAX_VAR_BYTES + 1)} (i64.const 1)`));
		expect(tooMuch).toEqual({
			ours: { error: `var memory limit exceeded: ${MAX_VAR_BYTES + 9} bytes requested, ${MAX_VAR_BYTES} allowed` },
			theirs: { error: `var memory limit exceeded: ${MAX_VAR_BYTES + 1} bytes requested, ${MAX_VAR_BYTES} allowed` },
		});
		const justFits = await plugin(`${set(MAX_VAR_BYTES)} (call $length (call $var_get (call $greeting)))`);
		expect(await valuesOf(justFits)).toEqual({
			ours: { error: expect.stringContaining("var memory limit exceeded") },
			theirs: { output: "0000010000000000" },
		});
		const keeps = `${set(5)} ${set(MAX_VAR_BYTES + 1)} (if (i64.ne (call $length (call $var_get (call $greeting))) (i64.const 5)) (then unreachable)) (i64.const 1)`;
		expect(await valuesOf(await plugin(keeps))).toEqual(tooMuch);
	});

	test("http_request without a grant ends the call; the SDK does so where it can wait for a request, and else answers nothing", async () => {
		const none = { output: "0".repeat(16) };
		const request = await plugin("(call $http_request (call $request) (i64.const 0))");
		expect(await valuesOf(request)).toEqual({ ours: "failed", theirs: "Suspending" in WebAssembly ? "failed" : none });
		const misused = await plugin(`(call $http_request ${NOWHERE} (i64.const 0))`);
		expect(await valuesOf(misused)).toEqual({ ours: "failed", theirs: none });
	});

	test("a return code that is not 0 is an error; the SDK ignores it", async () => {
		const bytes = await assemble('(module (func (export "on_chat_message") (result i32) (i32.const 7)))');
		expect(await valuesOf(bytes)).toEqual({
			ours: { error: "on_chat_message returned 7 and set no error" },
			theirs: "nothing",
		});
	});
});
