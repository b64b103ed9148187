// Modules that look for what is not theirs: what an earlier call left, another plugin's configuration, the host's objects.
import { type Attack, sawNothing } from "../attack.js";
import { hostileModule } from "../hostile-module.js";

const TEXTS = ["first", "second", "third"];

/** `sees` leaves an i32 that is not 0 when there is something to see. */
const residue = (id: string, tries: string, sees: string, leaves: string, fields = ""): Attack => ({
	id,
	tries,
	stoppedBy: "every call begins in the state that initialize left",
	module: () =>
		hostileModule({ hook: `${sees} (if (then (call $say_seen)) (else (call $continue))) ${leaves}`, fields, data: "key" }),
	outcome: "ok",
	looksAt: sawNothing,
	texts: TEXTS,
});

/** A key of the configuration that must not be found. */
const config = (id: string, tries: string, key: string): Attack => ({
	id,
	tries,
	stoppedBy: "only the plugin's own configuration is looked up, by its own keys",
	module: () =>
		hostileModule({
			hook: "(i64.ne (call $config_get (call $data_block)) (i64.const 0)) (if (then (call $say_seen)) (else (call $continue)))",
			data: key,
		}),
	outcome: "ok",
	looksAt: sawNothing,
});

export const RESIDUE: readonly Attack[] = [
	residue(
		"memory-residue",
		"leaves a word in its memory for the next call",
		"(i32.load (i32.const 200000))",
		"(i32.store (i32.const 200000) (i32.const 4711))",
	),
	residue(
		"global-residue",
		"leaves a number in a global",
		"(i32.wrap_i64 (global.get $g))",
		"(global.set $g (i64.const 1))",
		"(global $g (mut i64) (i64.const 0))",
	),
	residue(
		"vector-residue",
		"leaves bits in a global of 128 bits",
		"(v128.any_true (global.get $v))",
		"(global.set $v (v128.const i64x2 0 7))",
		"(global $v (mut v128) (v128.const i64x2 0 0))",
	),
	residue(
		"table-residue",
		"leaves a function in a table",
		"(i32.eqz (ref.is_null (table.get $t (i32.const 0))))",
		"(table.set $t (i32.const 0) (ref.func $data_block))",
		"(table $t 1 funcref) (elem declare func $data_block)",
	),
	residue("size-residue", "leaves a grown memory", "(i32.ne (memory.size) (i32.const 4))", "(drop (memory.grow (i32.const 1)))"),
	residue(
		"segment-residue",
		"leaves a segment dropped",
		"(i32.eqz (i32.load8_u (block (result i32) (memory.init $d (i32.const 9000) (i32.const 0) (global.get $left)) (i32.const 9000))))",
		"(global.set $left (i32.const 0)) (data.drop $d)",
		'(global $left (mut i32) (i32.const 1)) (data $d "x")',
	),
	residue(
		"variable-residue",
		"leaves a variable",
		"(i64.ne (call $var_get (call $data_block)) (i64.const 0))",
		"(call $var_set (call $data_block) (call $alloc (i64.const 8)))",
	),
	residue(
		"host-memory-residue",
		"leaves a word in host memory and looks through every new block for it",
		"(local.set $a (call $alloc (i64.const 65536))) (loop $next (local.set $b (i64.or (local.get $b) (call $load_u64 (i64.add (local.get $a) (i64.extend_i32_u (local.get $i)))))) (local.set $i (i32.add (local.get $i) (i32.const 8))) (br_if $next (i32.lt_u (local.get $i) (i32.const 65536)))) (i64.ne (local.get $b) (i64.const 0))",
		"(local.set $i (i32.const 0)) (loop $next (call $store_u64 (i64.add (local.get $a) (i64.extend_i32_u (local.get $i))) (i64.const -1)) (local.set $i (i32.add (local.get $i) (i32.const 8))) (br_if $next (i32.lt_u (local.get $i) (i32.const 65536))))",
	),
	residue("error-residue", "looks for the error of an earlier call", "(i64.ne (call $error_get) (i64.const 0))", ""),
	config("config-of-object", "asks for the configuration value toString", "toString"),
	config("config-proto", "asks for the configuration value __proto__", "__proto__"),
	config("config-of-neighbour", "asks for a key of another plugin's configuration", "neighbour_secret"),
	config("config-long-key", "asks for a key of 200 kB", "k".repeat(200_000)),
	{
		id: "calls-together",
		tries: "is called 40 times at once, and answers what it was asked",
		stoppedBy: "one call at a time for each instance",
		// The answer is the event, as an error text of the plugin.
		module: () =>
			hostileModule({
				hook: `(local.set $a (call $alloc (call $input_length)))
					(loop $next
						(call $store_u8 (i64.add (local.get $a) (local.get $b)) (call $input_load_u8 (local.get $b)))
						(local.set $b (i64.add (local.get $b) (i64.const 1)))
						(br_if $next (i64.lt_u (local.get $b) (call $input_length))))
					(call $error_set (local.get $a))`,
			}),
		outcome: "guest_error",
		texts: Array.from({ length: 40 }, (_, index) => `marker-${index}-`),
		together: true,
		looksAt: (verdict, text) => (verdict.trail[0]?.error?.includes(text) ? undefined : "the answer belongs to another event"),
	},
];
