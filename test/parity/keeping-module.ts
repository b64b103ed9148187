// A module that keeps a value and a file whenever a hook calls it, in WebAssembly text: quick to build, and enough to see what is denied
// to a plugin and what is left of it.
import { assemble } from "../support/module-returning.js";
import { BLOCK_FUNCTION_WAT, watString } from "../support/wat-parts.js";

/** Needs the permissions `state` and `write_files`. */
export function keepingModule(hook: string): Promise<Uint8Array> {
	const result = JSON.stringify({ action: "continue" });
	return assemble(`(module
		(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
		(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
		(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
		(import "extism:host/user" "state_set" (func $state_set (param i64 i64 i64) (result i32)))
		(import "extism:host/user" "file_write" (func $file_write (param i64 i64) (result i32)))
		(memory (export "memory") 1)
		(data (i32.const 0) "note.txt")
		(data (i32.const 16) ${watString(result)})
		${BLOCK_FUNCTION_WAT}
		(func (export "${hook}") (result i32)
			(local $note i64)
			(local.set $note (call $block (i32.const 0) (i32.const 8)))
			(drop (call $state_set (local.get $note) (local.get $note) (i64.const 0)))
			(drop (call $file_write (local.get $note) (local.get $note)))
			(call $output_set (call $block (i32.const 16) (i32.const ${result.length})) (i64.const ${result.length}))
			(i32.const 0)))`);
}
