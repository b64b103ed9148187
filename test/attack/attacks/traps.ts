// Modules that break off in every way that the engine knows, or use host memory in ways that do not exist.
import type { Attack } from "../attack.js";
import { hostileModule } from "../hostile-module.js";

const trap = (id: string, tries: string, hook: string, fields = ""): Attack => ({
	id,
	tries,
	stoppedBy: "the engine's own checks; the instance is not used again",
	module: () => hostileModule({ hook, fields }),
	outcome: "trap",
});

const misuse = (id: string, tries: string, hook: string, outcome: Attack["outcome"] = "trap"): Attack => ({
	id,
	tries,
	stoppedBy: "host memory is checked block by block",
	module: () => hostileModule({ hook, data: "some bytes" }),
	outcome,
});

export const TRAPS: readonly Attack[] = [
	trap("unreachable", "executes unreachable", "(unreachable)"),
	trap("division-by-zero", "divides by zero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
	trap("truncation-overflow", "makes an integer of a number that is too large", "(drop (i32.trunc_f64_s (f64.const 1e300)))"),
	trap("read-outside-memory", "reads behind the end of its memory", "(drop (i64.load offset=65535 (i32.const -1)))"),
	trap("write-outside-memory", "fills more than its memory", "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))"),
	trap(
		"null-function",
		"calls an empty element of a table",
		"(call_indirect (type $v) (i32.const 0))",
		"(type $v (func)) (table 1 funcref)",
	),
	trap(
		"wrong-signature",
		"calls a function of another type through a table",
		"(call_indirect (type $v) (i32.const 0))",
		"(type $v (func)) (table 1 funcref) (elem (i32.const 0) $data_block)",
	),
	misuse(
		"read-behind-block",
		"reads behind a block of host memory",
		"(drop (call $load_u64 (i64.add (call $alloc (i64.const 8)) (i64.const 1))))",
	),
	misuse(
		"write-behind-block",
		"writes behind a block of host memory",
		"(call $store_u64 (i64.add (call $alloc (i64.const 8)) (i64.const 1)) (i64.const 1))",
	),
	misuse(
		"read-kept-memory",
		"looks for the host's copy of its memory by every offset of the null block",
		"(local.set $a (i64.const 1)) (drop (call $load_u8 (local.get $a)))",
	),
	misuse(
		"read-freed-block",
		"reads a block that it has freed",
		"(local.set $a (call $data_block)) (call $free (local.get $a)) (drop (call $load_u64 (local.get $a)))",
	),
	misuse("read-behind-input", "reads behind its input", "(drop (call $input_load_u64 (call $input_length)))"),
	misuse(
		"output-of-nowhere",
		"names a block for its output that does not exist",
		"(call $output_set (i64.const 0x7700000000000000) (i64.const 1))",
		"bad_output",
	),
	misuse(
		"output-length-lie",
		"claims an output of 4 GiB in a block of 16 bytes",
		"(call $output_set (call $alloc (i64.const 16)) (i64.const 4294967296))",
		"output_too_large",
	),
	misuse(
		"error-of-nowhere",
		"names a block for its error that does not exist",
		"(call $error_set (i64.const 0x7700000000000000))",
		"bad_output",
	),
	misuse(
		"free-everything",
		"frees the null block, its input and blocks that do not exist, and then says nothing",
		"(call $free (i64.const 0)) (call $free (call $input_offset)) (call $free (i64.const -1)) (call $free (i64.const 0x1f00000000000000))",
		"bad_output",
	),
	{
		id: "exports-of-object",
		tries: "exports functions named then, __proto__, constructor and toString, which the host's language gives a meaning",
		stoppedBy: "exports are renamed, and only those that the host calls are passed on",
		module: () =>
			hostileModule({
				hook: "(call $continue)",
				fields: ["then", "__proto__", "constructor", "toString", "plugin:on_chat_message", "begin", "save_globals"]
					.map((name) => `(func (export "${name}") (unreachable))`)
					.join(" "),
			}),
		outcome: "ok",
	},
];
