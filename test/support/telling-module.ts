// A plugin that tells its secret in every way that a plugin can: in log lines, and in a result that has it between two given texts.
import { assemble } from "./module-returning.js";
import { BLOCK_FUNCTION_WAT, EXTISM_IMPORTS_WAT, watString } from "./wat-parts.js";

export interface Told {
	/** Stands before the secret in what the plugin says. */
	readonly before: string;
	readonly after: string;
	/** true: that is its error and not its result. */
	readonly asError?: boolean;
}

/** Its secret is the configuration value `key`; `on_chat_message` and `on_after_response` tell it. */
export function tellingModule({ before, after, asError = false }: Told): Promise<Uint8Array> {
	const [first, last] = [Buffer.from(before), Buffer.from(after)];
	const total = `(i64.add (i64.const ${first.length + last.length}) (call $length (local.get $value)))`;
	return assemble(`(module
		${EXTISM_IMPORTS_WAT}
		(memory 1)
		(data (i32.const 0) "keyconfig")
		(data (i32.const 256) ${watString(first)})
		(data (i32.const 1024) ${watString(last)})
		(global $to (mut i64) (i64.const 0))
		${BLOCK_FUNCTION_WAT}
		(func $put (param $byte i32)
			(call $store_u8 (global.get $to) (local.get $byte))
			(global.set $to (i64.add (global.get $to) (i64.const 1))))
		(func $put_text (param $from i32) (param $length i32) (local $i i32)
			(block $end
				(loop $next
					(br_if $end (i32.ge_u (local.get $i) (local.get $length)))
					(call $put (i32.load8_u (i32.add (local.get $from) (local.get $i))))
					(local.set $i (i32.add (local.get $i) (i32.const 1)))
					(br $next))))
		(func $put_block (param $from i64) (local $i i64)
			(block $end
				(loop $next
					(br_if $end (i64.ge_u (local.get $i) (call $length (local.get $from))))
					(call $put (call $load_u8 (i64.add (local.get $from) (local.get $i))))
					(local.set $i (i64.add (local.get $i) (i64.const 1)))
					(br $next))))
		(func $tell (result i32) (local $value i64) (local $said i64)
			(local.set $value (call $config_get (call $block (i32.const 0) (i32.const 3))))
			(call $log_error (call $config_get (call $block (i32.const 0) (i32.const 3))))
			(call $log_debug (call $config_get (call $block (i32.const 3) (i32.const 6))))
			(local.set $said (call $alloc ${total}))
			(global.set $to (local.get $said))
			(call $put_text (i32.const 256) (i32.const ${first.length}))
			(call $put_block (local.get $value))
			(call $put_text (i32.const 1024) (i32.const ${last.length}))
			${asError ? "(call $error_set (local.get $said)) (i32.const 1)" : `(call $output_set (local.get $said) ${total}) (i32.const 0)`})
		(func (export "on_chat_message") (result i32) (call $tell))
		(func (export "on_after_response") (result i32) (call $tell)))`);
}
