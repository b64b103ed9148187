// Makes a hostile module from the lines that matter: imports of every function of `extism:host/env`, a memory, a few functions
// that save typing, and the body of the hook.
import { assemble } from "../support/module-returning.js";
import { BLOCK_FUNCTION_WAT, EXTISM_IMPORTS_WAT, watString } from "../support/wat-parts.js";

/** Where the texts of `$block` begin: `data` stands there. */
const DATA = 256;

const CONTINUE = '{"action":"continue"}';
const SEEN = '{"action":"continue","reason":"seen"}';

export interface HostileParts {
	/** Body of `on_chat_message`; its result is 0 unless it returns. Locals: `$i` (i32), `$a` and `$b` (i64). */
	readonly hook: string;
	/** Further imports. */
	readonly imports?: string;
	/** Further fields of the module. A memory among them replaces the usual one of a page. */
	readonly fields?: string;
	/** Text at `$data`; `$data_length` is its length. `(call $data_block)` makes a block of host memory of it. */
	readonly data?: string;
}

export function hostileModule({ hook, imports = "", fields = "", data = "" }: HostileParts): Promise<Uint8Array> {
	const { length } = Buffer.from(data);
	return assemble(`(module
		${EXTISM_IMPORTS_WAT}
		${imports}
		${fields.includes("(memory") ? "" : "(memory 4)"}
		(global $data i32 (i32.const ${DATA}))
		(global $data_length i32 (i32.const ${length}))
		(data (i32.const ${DATA}) ${watString(data)})
		${BLOCK_FUNCTION_WAT}
		(func $data_block (result i64) (call $block (global.get $data) (global.get $data_length)))
		(func $answer (param $from i32) (param $length i32)
			(call $output_set (call $block (local.get $from) (local.get $length)) (i64.extend_i32_u (local.get $length))))
		(func $continue (call $answer (i32.const 0) (i32.const ${CONTINUE.length})))
		(func $say_seen (call $answer (i32.const 32) (i32.const ${SEEN.length})))
		(data (i32.const 0) ${watString(CONTINUE)})
		(data (i32.const 32) ${watString(SEEN)})
		${fields}
		(func (export "on_chat_message") (result i32) (local $i i32) (local $a i64) (local $b i64)
			${hook}
			(i32.const 0)))`);
}
