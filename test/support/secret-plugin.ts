// A plugin that is done only when its secret is the one that was set: it traps with any other, and with none.
import { assemble } from "./module-returning.js";
import { BLOCK_FUNCTION_WAT, EXTISM_IMPORTS_WAT, watString } from "./wat-parts.js";

const CONTINUE = '{"action":"continue"}';

/** Compares its configuration value `key` with this text, at its start and in each event. */
export function secretModule(expected: string): Promise<Uint8Array> {
	const { length } = Buffer.from(expected);
	return assemble(`(module
		${EXTISM_IMPORTS_WAT}
		(memory 1)
		(data (i32.const 0) "key")
		(data (i32.const 16) ${watString(CONTINUE)})
		(data (i32.const 256) ${watString(expected)})
		${BLOCK_FUNCTION_WAT}
		(func $check (local $value i64) (local $i i32)
			(local.set $value (call $config_get (call $block (i32.const 0) (i32.const 3))))
			(if (i64.ne (call $length (local.get $value)) (i64.const ${length})) (then unreachable))
			(block $end
				(loop $next
					(br_if $end (i32.ge_u (local.get $i) (i32.const ${length})))
					(if (i32.ne
							(call $load_u8 (i64.add (local.get $value) (i64.extend_i32_u (local.get $i))))
							(i32.load8_u (i32.add (i32.const 256) (local.get $i))))
						(then unreachable))
					(local.set $i (i32.add (local.get $i) (i32.const 1)))
					(br $next))))
		(func (export "initialize") (result i32) (call $check) (i32.const 0))
		(func (export "on_chat_message") (result i32)
			(call $check)
			(call $output_set (call $block (i32.const 16) (i32.const ${CONTINUE.length})) (i64.const ${CONTINUE.length}))
			(i32.const 0)))`);
}

/** For {@link secretModule}: its secret is `key`, and it may read it. */
export const SECRET_MANIFEST = {
	permissions: ["read_messages", "read_secrets"],
	config: { type: "object", properties: { key: { type: "string", secret: true }, colour: { type: "string" } } },
};
