// Modules that take memory: their own, the host's, the stack's.
import { fixtureModule } from "../../support/module-returning.js";
import { type Attack, sawNothing } from "../attack.js";
import { hostileModule } from "../hostile-module.js";

const HOST_LIMIT = "the limit of host memory for one invocation";

const hostMemory = (id: string, tries: string, hook: string): Attack => ({
	id,
	tries,
	stoppedBy: HOST_LIMIT,
	module: () => hostileModule({ hook, data: "x" }),
	outcome: "memory",
	error: /more than one invocation may hold/,
});

const recursion = (id: string, tries: string, fields: string): Attack => ({
	id,
	tries,
	stoppedBy: "the stack limit of the thread",
	module: () => hostileModule({ hook: "(drop (call $down (i32.const 0)))", fields }),
	outcome: "stack",
});

export const MEMORY: readonly Attack[] = [
	{
		id: "grow-memory",
		tries: "grows its memory page by page and writes to each",
		stoppedBy: "the maximum that the host writes into the memory section",
		module: () => fixtureModule("grow-memory"),
		outcome: "memory",
		plugin: { limits: { memoryPages: 256, timeoutMs: 5_000 } },
	},
	{
		id: "grow-memory-at-once",
		tries: "asks for 4 GiB of memory at once, and traps when it does not get them",
		stoppedBy: "the maximum that the host writes into the memory section",
		module: () => hostileModule({ hook: "(if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then (unreachable)))" }),
		outcome: "trap",
	},
	{
		id: "grow-table",
		tries: "grows a table by a million elements, and tells when it gets them",
		stoppedBy: "the maximum that the host writes into the table section",
		module: () =>
			hostileModule({
				fields: "(table $t 1 externref)",
				hook: `(i32.ne (table.grow $t (ref.null extern) (i32.const 1000000)) (i32.const -1))
					(if (then (call $say_seen)) (else (call $continue)))`,
			}),
		outcome: "ok",
		looksAt: sawNothing,
	},
	hostMemory("huge-allocation", "asks the host for 200 MB", "(call $free (call $alloc (i64.const 209715200))) (unreachable)"),
	hostMemory("negative-allocation", "asks the host for -1 bytes", "(call $free (call $alloc (i64.const -1))) (unreachable)"),
	hostMemory(
		"signed-allocation",
		"asks the host for 2^63 bytes",
		"(call $free (call $alloc (i64.const 0x8000000000000000))) (unreachable)",
	),
	hostMemory(
		"two-billion-allocation",
		"asks the host for 2 GB",
		"(call $free (call $alloc (i64.const 2000000000))) (unreachable)",
	),
	hostMemory(
		"allocation-flood",
		"makes more blocks than the 32,767 at which Extism's own addresses break",
		"(loop $more (if (i64.eqz (call $alloc (i64.const 1))) (then (unreachable))) (br $more))",
	),
	hostMemory(
		"allocation-of-nothing-flood",
		"makes blocks of no bytes without end",
		"(loop $more (if (i64.eqz (call $alloc (i64.const 0))) (then (unreachable))) (br $more))",
	),
	hostMemory(
		"allocation-after-free-flood",
		"frees every block again and makes the next, a mebibyte each",
		"(loop $more (local.set $a (call $alloc (i64.const 1048576))) (call $free (local.get $a)) (if (i64.eqz (local.get $a)) (then (unreachable))) (br $more))",
	),
	{
		...hostMemory(
			"config-flood",
			"reads a configuration value of 60 kB again and again, each into a new block",
			"(loop $more (drop (call $config_get (call $data_block))) (br $more))",
		),
		plugin: { config: { x: "long ".repeat(12_000) } },
	},
	{
		id: "variable-flood",
		tries: "sets variables of 16 kB under ever new names",
		stoppedBy: "the limit of variables: the call fails",
		module: () =>
			hostileModule({
				data: "0000",
				hook: `(loop $more
					(i32.store (global.get $data) (i32.add (i32.load (global.get $data)) (i32.const 1)))
					(call $var_set (call $data_block) (call $alloc (i64.const 16384)))
					(br_if $more (i64.eqz (call $error_get))))
					(return (i32.const 1))`,
			}),
		outcome: "guest_error",
		error: /var memory limit exceeded/,
	},
	{
		id: "empty-variable-flood",
		tries: "sets empty variables under ever new, long names",
		stoppedBy: "the limit of variables, which counts names too",
		module: () =>
			hostileModule({
				data: "n".repeat(4_000),
				hook: `(loop $more
					(i32.store (global.get $data) (i32.add (i32.load (global.get $data)) (i32.const 1)))
					(call $var_set (call $data_block) (call $alloc (i64.const 0)))
					(br_if $more (i64.eqz (call $error_get))))
					(return (i32.const 1))`,
			}),
		outcome: "guest_error",
		error: /var memory limit exceeded/,
	},
	{
		id: "long-variable-name",
		tries: "sets an empty variable under a name of a mebibyte",
		stoppedBy: "the limit of variables, which counts names too",
		module: () =>
			hostileModule({
				hook: `(call $var_set (call $alloc (i64.const 1048576)) (call $alloc (i64.const 0)))
					(return (i64.ne (call $error_get) (i64.const 0)))`,
			}),
		outcome: "guest_error",
		error: /var memory limit exceeded/,
	},
	recursion(
		"deep-recursion",
		"calls itself without end",
		"(func $down (param i32) (result i32) (i32.add (i32.const 1) (call $down (local.get 0))))",
	),
	recursion(
		"indirect-recursion",
		"calls itself through a table without end",
		`(type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $down)
		(func $down (param i32) (result i32) (i32.add (i32.const 1) (call_indirect (type $t) (local.get 0) (i32.const 0))))`,
	),
	recursion(
		"wide-recursion",
		"calls itself without end with 10,000 locals in each frame",
		`(func $down (param i32) (result i32) (local ${"i64 ".repeat(10_000)})
			${Array.from({ length: 50 }, (_, at) => `(local.set ${at * 199 + 1} (i64.extend_i32_u (local.get 0)))`).join(" ")}
			(i32.add (i32.wrap_i64 (local.get 200)) (call $down (local.get 0))))`,
	),
	recursion(
		"widest-recursion",
		"calls itself without end with 49,000 locals in each frame, nearly as many as there may be",
		`(func $down (param i32) (result i32) (local ${"i64 ".repeat(49_000)})
			${Array.from({ length: 50 }, (_, at) => `(local.set ${at * 979 + 1} (i64.extend_i32_u (local.get 0)))`).join(" ")}
			(i32.add (i32.wrap_i64 (local.get 980)) (call $down (local.get 0))))`,
	),
];
