// A module whose own exports say something outside: `initialize` checks nothing, `health` fails as long as its configuration says so, and
// `shutdown` publishes a farewell. In WebAssembly text, so that nothing has to be compiled by a large compiler.
import { assemble } from "../support/module-returning.js";
import { BLOCK_FUNCTION_WAT, watString } from "../support/wat-parts.js";

export interface Speaking {
	/** Hook that it continues. */
	readonly hook: string;
	/** What `initialize` does; absent: it has none. */
	readonly initialize?: "succeed" | "fail" | undefined;
	/** What `health` does; absent: it has none. */
	readonly health?: "well" | "ill" | "hang" | undefined;
	/** `shutdown` publishes to this topic, for which it needs the permission `publish`; absent: it has none. */
	readonly farewell?: string | undefined;
}

const WELL = "(i32.const 0)";
const HEALTH = {
	well: WELL,
	ill: `(call $error_set (call $block (i32.const 512) (i32.const 12))) (i32.const 1)`,
	hang: `(loop $for_ever (br $for_ever)) ${WELL}`,
} as const;

export function speakingModule({ hook, initialize, health, farewell }: Speaking): Promise<Uint8Array> {
	const result = JSON.stringify({ action: "continue" });
	const topic = farewell ?? "";
	const exported = (name: string, body: string) => `(func (export "${name}") (result i32) ${body})`;
	return assemble(`(module
		(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
		(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
		(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
		(import "extism:host/env" "error_set" (func $error_set (param i64)))
		(import "extism:host/user" "publish" (func $publish (param i64 i64)))
		(memory (export "memory") 1)
		(data (i32.const 0) ${watString(result)})
		(data (i32.const 256) ${watString(topic)})
		(data (i32.const 512) "I feel awful")
		${BLOCK_FUNCTION_WAT}
		${exported(hook, `(call $output_set (call $block (i32.const 0) (i32.const ${result.length})) (i64.const ${result.length})) ${WELL}`)}
		${initialize === undefined ? "" : exported("initialize", initialize === "succeed" ? WELL : "(i32.const 7)")}
		${health === undefined ? "" : exported("health", HEALTH[health])}
		${farewell === undefined ? "" : exported("shutdown", `${publishTopic(topic.length)} ${WELL}`)})`);
}

function publishTopic(length: number): string {
	const topic = `(call $block (i32.const 256) (i32.const ${length}))`;
	return `(call $publish ${topic} ${topic})`;
}
