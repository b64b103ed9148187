// Modules that expect a system, and try to use it: to sleep where nobody can wake them, to end the process, to open files.
import { type Attack, sawNothing } from "../attack.js";
import { hostileModule } from "../hostile-module.js";

const wasi = (name: string, type: string) => `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${type}))`;

/** `sees` leaves an i32 that is not 0 when the attempt went well. */
const attempt = (id: string, tries: string, imports: string, sees: string): Attack => ({
	id,
	tries,
	stoppedBy: "the host's own WASI, in which no file, no argument and no variable exists",
	module: () => hostileModule({ imports, hook: `${sees} (if (then (call $say_seen)) (else (call $continue)))` }),
	outcome: "ok",
	looksAt: sawNothing,
});

const POLL = wasi("poll_oneoff", "(param i32 i32 i32 i32) (result i32)");
const CLOCK = wasi("clock_time_get", "(param i32 i64 i32) (result i32)");

export const WASI: readonly Attack[] = [
	{
		id: "wasi-sleep",
		tries: "sleeps for 20 s in one call of the system",
		stoppedBy: "the time limit of the invocation: the host's sleep ends with its thread",
		module: () =>
			hostileModule({
				imports: POLL,
				// One subscription at 1000: kind clock, monotonic, 20 s from now.
				hook: `(i32.store (i32.const 1016) (i32.const 1)) (i64.store (i32.const 1024) (i64.const 20000000000))
					(drop (call $poll_oneoff (i32.const 1000) (i32.const 2000) (i32.const 1) (i32.const 3000)))`,
			}),
		outcome: "timeout",
	},
	{
		id: "wasi-sleep-loop",
		tries: "sleeps for no time at all, again and again",
		stoppedBy: "the time limit of the invocation",
		module: () =>
			hostileModule({
				imports: POLL,
				hook: `(i32.store (i32.const 1016) (i32.const 1))
					(loop $again (drop (call $poll_oneoff (i32.const 1000) (i32.const 2000) (i32.const 1) (i32.const 3000))) (br $again))`,
			}),
		outcome: "timeout",
	},
	{
		id: "wasi-exit",
		tries: "ends the process",
		stoppedBy: "proc_exit is a trap",
		module: () => hostileModule({ imports: wasi("proc_exit", "(param i32)"), hook: "(call $proc_exit (i32.const 0))" }),
		outcome: "trap",
		error: /ended itself/,
	},
	{
		id: "wasi-output-flood",
		tries: "writes to its standard error without end",
		stoppedBy: "the time limit of the invocation; of the lines, 64 are kept",
		module: () =>
			hostileModule({
				imports: wasi("fd_write", "(param i32 i32 i32 i32) (result i32)"),
				data: "a line\n",
				hook: `(i32.store (i32.const 1000) (global.get $data)) (i32.store (i32.const 1004) (global.get $data_length))
					(loop $again (drop (call $fd_write (i32.const 2) (i32.const 1000) (i32.const 1) (i32.const 2000))) (br $again))`,
			}),
		outcome: "timeout",
	},
	attempt(
		"wasi-write-nowhere",
		"writes buffers that lie outside of its memory, four billion of them",
		wasi("fd_write", "(param i32 i32 i32 i32) (result i32)"),
		"(i32.eqz (call $fd_write (i32.const 1) (i32.const -8) (i32.const -1) (i32.const 0)))",
	),
	attempt(
		"wasi-open",
		"opens a file",
		wasi("path_open", "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)"),
		`(i32.eqz (call $path_open (i32.const 3) (i32.const 0) (global.get $data) (i32.const 1) (i32.const 0)
			(i64.const -1) (i64.const -1) (i32.const 0) (i32.const 1000)))`,
	),
	attempt(
		"wasi-directory",
		"asks which directories it was given",
		wasi("fd_prestat_get", "(param i32 i32) (result i32)"),
		"(i32.eqz (call $fd_prestat_get (i32.const 3) (i32.const 1000)))",
	),
	attempt(
		"wasi-environment",
		"looks for environment variables",
		wasi("environ_sizes_get", "(param i32 i32) (result i32)"),
		"(drop (call $environ_sizes_get (i32.const 1000) (i32.const 1004))) (i32.or (i32.load (i32.const 1000)) (i32.load (i32.const 1004)))",
	),
	attempt(
		"wasi-fine-clock",
		"looks for a clock finer than a millisecond",
		CLOCK,
		`(loop $next
			(drop (call $clock_time_get (i32.and (local.get $i) (i32.const 1)) (i64.const 1) (i32.const 1000)))
			(local.set $a (i64.or (local.get $a) (i64.rem_u (i64.load (i32.const 1000)) (i64.const 1000000))))
			(local.set $i (i32.add (local.get $i) (i32.const 1)))
			(br_if $next (i32.lt_u (local.get $i) (i32.const 200))))
		(i64.ne (local.get $a) (i64.const 0))`,
	),
	attempt(
		"wasi-processor-clock",
		"asks how much processor time the process has used",
		CLOCK,
		"(i32.eqz (call $clock_time_get (i32.const 2) (i64.const 1) (i32.const 1000)))",
	),
];
