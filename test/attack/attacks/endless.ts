// Modules that never come back.
import { fixtureModule } from "../../support/module-returning.js";
import type { Attack } from "../attack.js";
import { hostileModule } from "../hostile-module.js";

const TIME = "the time limit of the invocation: the watchdog ends the thread";

const fixture = (name: string, tries: string): Attack => ({
	id: name,
	tries,
	stoppedBy: TIME,
	module: () => fixtureModule(name),
	outcome: "timeout",
	plugin: { limits: { memoryPages: 256 } },
});

const loop = (id: string, tries: string, step: string, fields = ""): Attack => ({
	id,
	tries,
	stoppedBy: TIME,
	module: () => hostileModule({ hook: `(loop $again ${step} (br $again))`, fields }),
	outcome: "timeout",
});

export const ENDLESS: readonly Attack[] = [
	fixture("loop-forever", "loops without doing anything"),
	fixture("memory-fill-loop", "fills 16 MiB of memory again and again; the engine looks for a stop only between two of them"),
	fixture("memory-copy-loop", "copies 16 MiB of memory again and again"),
	fixture("memory-init-loop", "copies a data segment again and again"),
	fixture("table-loop", "copies a table of 65,536 elements again and again"),
	loop(
		"table-fill-loop",
		"fills a table of 65,536 elements again and again",
		"(table.fill $t (i32.const 0) (ref.null func) (i32.const 65536))",
		"(table $t 65536 funcref)",
	),
	loop("host-call-loop", "calls a host function that costs nothing, again and again", "(drop (call $input_length))"),
	loop("host-read-loop", "reads its input again and again", "(drop (call $input_load_u64 (i64.const 0)))"),
	loop(
		"host-error-loop",
		"calls host functions on blocks that do not exist, again and again",
		"(call $log_info (i64.const -1)) (drop (call $config_get (i64.const -1))) (call $var_set (i64.const -1) (i64.const 5))",
	),
	loop(
		"global-loop",
		"counts in a global for ever",
		"(global.set $n (i64.add (global.get $n) (i64.const 1)))",
		"(global $n (mut i64) (i64.const 0))",
	),
	loop(
		"float-loop",
		"divides tiny numbers, which processors are slow at, for ever",
		"(global.set $f (f64.div (global.get $f) (f64.const 0x1p-1074)))",
		"(global $f (mut f64) (f64.const 0x1p-1070))",
	),
	{
		id: "loop-in-initialize",
		tries: "never gets through initialize",
		stoppedBy: "the time limit for making an instance: the version is not taken into service",
		module: () => fixtureModule("loop-in-initialize"),
		outcome: "load_failed",
		error: /initialize|not done|instance/,
	},
	...["_initialize", "_start", "hs_init"].map(
		(name): Attack => ({
			id: `loop-in-export-${name.replaceAll("_", "")}`,
			tries: `never gets through ${name}, which an instance runs first`,
			stoppedBy: "the time limit for making an instance: the version is not taken into service",
			module: () => hostileModule({ hook: "", fields: `(func (export "${name}") (loop $again (br $again)))` }),
			outcome: "load_failed",
			error: /instance|not done/,
		}),
	),
	{
		id: "trap-in-initialize",
		tries: "traps in what an instance runs first",
		stoppedBy: "the version is not taken into service",
		module: () => hostileModule({ hook: "", fields: '(func (export "_initialize") (unreachable))' }),
		outcome: "load_failed",
	},
];
