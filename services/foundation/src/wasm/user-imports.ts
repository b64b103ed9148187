// The functions that this host offers besides Extism's own, under the name that every PDK uses for a host's functions. Texts and
// bytes are blocks of host memory, passed by their address (i64), like everywhere in Extism's ABI; 0 is no block.
import { fn } from "./function-types.js";
import type { FunctionType } from "./inspect-module.js";

export const USER_MODULE = "extism:host/user";

export const USER_IMPORTS: Readonly<Record<string, FunctionType>> = {
	/** (key) → value, or 0 when nothing is kept under the key. */
	state_get: fn(["i64"], ["i64"]),
	/** (key, value, milliseconds to keep it or 0 for ever) → 0 kept, 1 no room. */
	state_set: fn(["i64", "i64", "i64"], ["i32"]),
	/** (key) */
	state_delete: fn(["i64"]),
	/** (key, what to add, milliseconds to keep it or 0 for ever) → the sum. */
	state_increment: fn(["i64", "i64", "i64"], ["i64"]),
	/** (key, milliseconds) → 1 for the first call with this key in this time, whichever runtime it comes from, 0 for the others. */
	once: fn(["i64", "i64"], ["i32"]),
	/** (path) → content, or 0 when there is no such file. */
	file_read: fn(["i64"], ["i64"]),
	/** (path, content) → 0 kept, 1 no room. */
	file_write: fn(["i64", "i64"], ["i32"]),
	/** (path) */
	file_delete: fn(["i64"]),
	/** (prefix) → JSON array of the paths that begin with it. */
	file_list: fn(["i64"], ["i64"]),
	/** (topic, body) */
	publish: fn(["i64", "i64"]),
};
