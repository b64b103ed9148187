// The functions of `extism:host/env` with their types: what a plugin built with any Extism PDK may import. Pointers are
// i64. Source: Extism's plugin ABI, as the kernel of the reference runtime declares it.
import { fn } from "./function-types.js";
import type { FunctionType } from "./inspect-module.js";

export const EXTISM_ENV = "extism:host/env";

export const EXTISM_IMPORTS: Readonly<Record<string, FunctionType>> = {
	alloc: fn(["i64"], ["i64"]),
	free: fn(["i64"]),
	length: fn(["i64"], ["i64"]),
	length_unsafe: fn(["i64"], ["i64"]),
	load_u8: fn(["i64"], ["i32"]),
	load_u64: fn(["i64"], ["i64"]),
	store_u8: fn(["i64", "i32"]),
	store_u64: fn(["i64", "i64"]),
	input_offset: fn([], ["i64"]),
	input_length: fn([], ["i64"]),
	input_load_u8: fn(["i64"], ["i32"]),
	input_load_u64: fn(["i64"], ["i64"]),
	output_set: fn(["i64", "i64"]),
	error_set: fn(["i64"]),
	error_get: fn([], ["i64"]),
	config_get: fn(["i64"], ["i64"]),
	var_get: fn(["i64"], ["i64"]),
	var_set: fn(["i64", "i64"]),
	http_request: fn(["i64", "i64"], ["i64"]),
	http_status_code: fn([], ["i32"]),
	http_headers: fn([], ["i64"]),
	log_trace: fn(["i64"]),
	log_debug: fn(["i64"]),
	log_info: fn(["i64"]),
	log_warn: fn(["i64"]),
	log_error: fn(["i64"]),
	get_log_level: fn([], ["i32"]),
};

/** Type of a hook export, and of `initialize`: no parameters, one i32 return code. */
export const HOOK_EXPORT_TYPE: FunctionType = fn([], ["i32"]);
