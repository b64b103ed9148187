// The functions of WASI (preview 1) with their types: what a plugin may import that was built for it, by Go, Rust, C or another
// language whose runtime expects a system. All of them can be imported; services/runtime/host-memory/wasi.wat says what they do.
// Source: WASI's witx files of snapshot_preview1, in the core Wasm types that they are lowered to.
import { fn } from "./function-types.js";
import type { FunctionType } from "./inspect-module.js";
import type { ValueType } from "./value-types.js";

export const WASI = "wasi_snapshot_preview1";

/** Nearly all of them return an error number. */
function call(...params: ValueType[]): FunctionType {
	return fn(params, ["i32"]);
}

export const WASI_IMPORTS: Readonly<Record<string, FunctionType>> = {
	args_get: call("i32", "i32"),
	args_sizes_get: call("i32", "i32"),
	environ_get: call("i32", "i32"),
	environ_sizes_get: call("i32", "i32"),
	clock_res_get: call("i32", "i32"),
	clock_time_get: call("i32", "i64", "i32"),
	fd_advise: call("i32", "i64", "i64", "i32"),
	fd_allocate: call("i32", "i64", "i64"),
	fd_close: call("i32"),
	fd_datasync: call("i32"),
	fd_fdstat_get: call("i32", "i32"),
	fd_fdstat_set_flags: call("i32", "i32"),
	fd_fdstat_set_rights: call("i32", "i64", "i64"),
	fd_filestat_get: call("i32", "i32"),
	fd_filestat_set_size: call("i32", "i64"),
	fd_filestat_set_times: call("i32", "i64", "i64", "i32"),
	fd_pread: call("i32", "i32", "i32", "i64", "i32"),
	fd_prestat_get: call("i32", "i32"),
	fd_prestat_dir_name: call("i32", "i32", "i32"),
	fd_pwrite: call("i32", "i32", "i32", "i64", "i32"),
	fd_read: call("i32", "i32", "i32", "i32"),
	fd_readdir: call("i32", "i32", "i32", "i64", "i32"),
	fd_renumber: call("i32", "i32"),
	fd_seek: call("i32", "i64", "i32", "i32"),
	fd_sync: call("i32"),
	fd_tell: call("i32", "i32"),
	fd_write: call("i32", "i32", "i32", "i32"),
	path_create_directory: call("i32", "i32", "i32"),
	path_filestat_get: call("i32", "i32", "i32", "i32", "i32"),
	path_filestat_set_times: call("i32", "i32", "i32", "i32", "i64", "i64", "i32"),
	path_link: call("i32", "i32", "i32", "i32", "i32", "i32", "i32"),
	path_open: call("i32", "i32", "i32", "i32", "i32", "i64", "i64", "i32", "i32"),
	path_readlink: call("i32", "i32", "i32", "i32", "i32", "i32"),
	path_remove_directory: call("i32", "i32", "i32"),
	path_rename: call("i32", "i32", "i32", "i32", "i32", "i32"),
	path_symlink: call("i32", "i32", "i32", "i32", "i32"),
	path_unlink_file: call("i32", "i32", "i32"),
	poll_oneoff: call("i32", "i32", "i32", "i32"),
	proc_exit: fn(["i32"]),
	proc_raise: call("i32"),
	sched_yield: fn([], ["i32"]),
	random_get: call("i32", "i32"),
	sock_accept: call("i32", "i32", "i32"),
	sock_recv: call("i32", "i32", "i32", "i32", "i32", "i32"),
	sock_send: call("i32", "i32", "i32", "i32", "i32"),
	sock_shutdown: call("i32", "i32"),
};
