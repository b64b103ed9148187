// Parts of modules in WebAssembly text that many tests need.
import { EXTISM_ENV, EXTISM_IMPORTS, type FunctionType, USER_IMPORTS, USER_MODULE } from "@hookbus/foundation";

/** Imports of every function of `extism:host/env`, under its own name. */
export const EXTISM_IMPORTS_WAT = importsOf(EXTISM_ENV, EXTISM_IMPORTS);

/** Imports of every function of `extism:host/user`, under its own name. */
export const USER_IMPORTS_WAT = importsOf(USER_MODULE, USER_IMPORTS);

function importsOf(module: string, functions: Readonly<Record<string, FunctionType>>): string {
	const list = (keyword: string, types: readonly string[]) => (types.length === 0 ? "" : ` (${keyword} ${types.join(" ")})`);
	return Object.entries(functions)
		.map(
			([name, { params, results }]) =>
				`(import "${module}" "${name}" (func $${name}${list("param", params)}${list("result", results)}))`,
		)
		.join("\n");
}

/** `$block`: a new block of host memory with a copy of so many bytes of the module's memory. Needs `$alloc` and `$store_u8`. */
export const BLOCK_FUNCTION_WAT = `(func $block (param $from i32) (param $length i32) (result i64)
	(local $to i64) (local $done i32)
	(local.set $to (call $alloc (i64.extend_i32_u (local.get $length))))
	(block $end
		(loop $next
			(br_if $end (i32.ge_u (local.get $done) (local.get $length)))
			(call $store_u8
				(i64.add (local.get $to) (i64.extend_i32_u (local.get $done)))
				(i32.load8_u (i32.add (local.get $from) (local.get $done))))
			(local.set $done (i32.add (local.get $done) (i32.const 1)))
			(br $next)))
	(local.get $to))`;

/** A string literal of WebAssembly text. */
export function watString(bytes: Uint8Array | string): string {
	const escaped = [...Buffer.from(bytes)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`);
	return `"${escaped.join("")}"`;
}
