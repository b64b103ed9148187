// A plugin that says with which configuration it runs: its annotations are the whole of it, a property for each. With a property
// `fail` its initialize fails, with a property `hang` it does not end.
import type { Verdict } from "@hookbus/schemas";
import { assemble } from "./module-returning.js";
import { BLOCK_FUNCTION_WAT, EXTISM_IMPORTS_WAT, watString } from "./wat-parts.js";

const BEFORE = '{"action":"continue","annotations":';

export function configPlugin(): Promise<Uint8Array> {
	return assemble(`(module
		${EXTISM_IMPORTS_WAT}
		(memory 1)
		(data (i32.const 0) ${watString(`${BEFORE}configfailhang`)})
		${BLOCK_FUNCTION_WAT}
		(func $value (param $name i32) (param $length i32) (result i64)
			(call $config_get (call $block (i32.add (i32.const ${BEFORE.length}) (local.get $name)) (local.get $length))))
		(func (export "initialize") (result i32)
			(if (i64.ne (call $value (i32.const 10) (i32.const 4)) (i64.const 0)) (then (loop $ever (br $ever))))
			(i64.ne (call $value (i32.const 6) (i32.const 4)) (i64.const 0)))
		(func (export "on_chat_message") (result i32) (local $from i64) (local $length i64) (local $to i64) (local $done i64)
			(local.set $from (call $value (i32.const 0) (i32.const 6)))
			(local.set $length (call $length (local.get $from)))
			(local.set $to (call $alloc (i64.add (local.get $length) (i64.const ${BEFORE.length + 1}))))
			(loop $next
				(call $store_u8
					(i64.add (local.get $to) (local.get $done))
					(i32.load8_u (i32.wrap_i64 (local.get $done))))
				(local.set $done (i64.add (local.get $done) (i64.const 1)))
				(br_if $next (i64.lt_u (local.get $done) (i64.const ${BEFORE.length}))))
			(local.set $done (i64.const 0))
			(loop $next
				(call $store_u8
					(i64.add (i64.add (local.get $to) (i64.const ${BEFORE.length})) (local.get $done))
					(call $load_u8 (i64.add (local.get $from) (local.get $done))))
				(local.set $done (i64.add (local.get $done) (i64.const 1)))
				(br_if $next (i64.lt_u (local.get $done) (local.get $length))))
			(call $store_u8 (i64.add (i64.add (local.get $to) (i64.const ${BEFORE.length})) (local.get $length)) (i32.const 125))
			(call $output_set (local.get $to) (i64.add (local.get $length) (i64.const ${BEFORE.length + 1})))
			(i32.const 0)))`);
}

/** The configuration that the plugin ran with; fails when it was not done. */
export function configIn({ trail, annotations }: Verdict, plugin: string): unknown {
	const entry = trail.find((each) => each.plugin === plugin);
	if (entry?.outcome !== "ok") throw new Error(`${plugin} was not done: ${entry?.outcome} ${entry?.error}`);
	return annotations?.[plugin];
}
