// Builds small real modules for tests: from WebAssembly text in test/fixtures/modules, or one that returns a fixed result.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import wabt from "wabt";
import { BLOCK_FUNCTION_WAT, watString } from "./wat-parts.js";

const fixtures = resolve(import.meta.dirname, "../fixtures/modules");

/** Bytes of a module given as WebAssembly text. */
export function assemble(text: string, name = "module.wat"): Promise<Uint8Array> {
	return assembleWith({}, text, name);
}

/** The same, with further features of WebAssembly. */
export async function assembleWith(
	features: Readonly<Record<string, boolean>>,
	text: string,
	name = "module.wat",
): Promise<Uint8Array> {
	const parser = await wabt();
	const common = { bulk_memory: true, mutable_globals: true, simd: true, reference_types: true };
	const parsed = parser.parseWat(name, text, { ...common, ...features });
	try {
		return Uint8Array.from(parsed.toBinary({}).buffer);
	} finally {
		parsed.destroy();
	}
}

/** Bytes of `test/fixtures/modules/<name>.wat`. */
export function fixtureModule(name: string): Promise<Uint8Array> {
	return assemble(readFileSync(resolve(fixtures, `${name}.wat`), "utf8"), `${name}.wat`);
}

/** A module whose exports return fixed results: a value becomes its JSON, a string or bytes go out as they are. */
export function moduleReturning(results: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
	let offset = 0;
	const data: string[] = [];
	const functions: string[] = [];
	for (const [name, result] of Object.entries(results)) {
		const bytes =
			result instanceof Uint8Array ? result : Buffer.from(typeof result === "string" ? result : JSON.stringify(result));
		data.push(`(data (i32.const ${offset}) ${watString(bytes)})`);
		functions.push(
			`(func (export "${name}") (result i32) (call $write (i32.const ${offset}) (i32.const ${bytes.length})) (i32.const 0))`,
		);
		offset += bytes.length;
	}
	return assemble(`(module
		(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
		(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
		(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
		(memory (export "memory") ${Math.ceil((offset + 1) / 65_536)})
		${data.join("\n")}
		${BLOCK_FUNCTION_WAT}
		(func $write (param $from i32) (param $length i32)
			(call $output_set (call $block (local.get $from) (local.get $length)) (i64.extend_i32_u (local.get $length))))
		${functions.join("\n")})`);
}
