// WASI as plugins see it: a whole Go runtime runs on it, and what an attacker does with it ends inside the plugin's own limits.
import { readFileSync } from "node:fs";
import { inspectModule, WASI_IMPORTS } from "@hookbus/foundation";
import { LoadedPlugin, PluginInstance, type Runtime, setEngineFlags } from "@hookbus/runtime";
import type { NatsConnection } from "nats";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { bestOf } from "../support/best-of.js";
import { buildGoPlugin, hasGo, needsGo } from "../support/build-go-plugin.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { assemble, moduleReturning } from "../support/module-returning.js";
import { pluginImage } from "../support/plugin-image.js";
import { needsRealTime } from "../support/real-time.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

const hook = "on_chat_message";

const IMPORTS = Object.entries(WASI_IMPORTS)
	.map(([name, { params, results }]) => {
		const list = (keyword: string, types: readonly string[]) => (types.length === 0 ? "" : ` (${keyword} ${types.join(" ")})`);
		return `(import "wasi_snapshot_preview1" "${name}" (func $${name}${list("param", params)}${list("result", results)}))`;
	})
	.join("\n");

interface Parts {
	readonly memory?: string;
	readonly fields?: string;
}

/** A plugin that runs `body` and returns the first 64 bytes of its memory. */
function plugin(body: string, { memory = "(memory 1)", fields = "" }: Parts = {}): Promise<Uint8Array> {
	return assemble(`(module ${IMPORTS}
		(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
		(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
		(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
		${memory}
		${fields}
		(func (export "${hook}") (result i32)
			(local $i i32) (local $block i64)
			${body}
			(local.set $block (call $alloc (i64.const 64)))
			(loop $next
				(call $store_u8 (i64.add (local.get $block) (i64.extend_i32_u (local.get $i))) (i32.load8_u (local.get $i)))
				(local.set $i (i32.add (local.get $i) (i32.const 1)))
				(br_if $next (i32.lt_u (local.get $i) (i32.const 64))))
			(call $output_set (local.get $block) (i64.const 64))
			(i32.const 0)))`);
}

async function make(bytes: Uint8Array): Promise<PluginInstance> {
	const instance = await PluginInstance.make(await pluginImage(bytes));
	if (!(instance instanceof PluginInstance)) throw new Error(instance.failure.message);
	return instance;
}

async function run(body: string, parts?: Parts) {
	const outcome = (await make(await plugin(body, parts))).call(hook, "");
	if ("failure" in outcome) throw new Error(outcome.failure.message);
	return { memory: Buffer.from(outcome.output as Uint8Array), report: outcome.report };
}

const ERRNO = { success: 0, badFile: 8, badAddress: 21, invalid: 28, notSupported: 52 };

/** Runs one function and returns the error number that it answers. */
async function errno(call: string, parts?: Parts): Promise<number> {
	const { memory } = await run(`(i32.store (i32.const 0) ${call})`, parts);
	return memory.readUInt32LE(0);
}

describe("a function of WASI", () => {
	test("is served with the type with which plugins may import it, each one and no other", () => {
		const built = new URL("../../services/runtime/dist/host-memory/wasi.wasm", import.meta.url);
		const served = inspectModule(readFileSync(built)).exports.map(({ name, type }) => [name, type]);
		expect(Object.fromEntries(served)).toEqual(WASI_IMPORTS);
	});

	const refusing = Object.keys(WASI_IMPORTS).filter((name) => /^(fd|path|sock)_/.test(name) && name !== "fd_write");

	test.each(refusing)("%s finds no file, no directory and no socket", async (name) => {
		const zeroes = (WASI_IMPORTS[name]?.params ?? []).map((type, index) => `(${type}.const ${index === 0 ? 3 : 0})`);
		expect(await errno(`(call $${name} ${zeroes.join(" ")})`)).toBe(ERRNO.badFile);
	});

	test.each([0, 3, 4, -1])("fd_write to file %i is refused", async (file) => {
		expect(await errno(`(call $fd_write (i32.const ${file}) (i32.const 0) (i32.const 0) (i32.const 8))`)).toBe(ERRNO.badFile);
	});

	test.each(["args", "environ"])("%s are empty", async (name) => {
		const { memory } = await run(`(memory.fill (i32.const 0) (i32.const 255) (i32.const 64))
			(i32.store (i32.const 16) (call $${name}_sizes_get (i32.const 0) (i32.const 4)))
			(i32.store (i32.const 20) (call $${name}_get (i32.const 24) (i32.const 28)))`);
		expect([0, 4, 16, 20].map((at) => memory.readUInt32LE(at))).toEqual([0, 0, 0, 0]);
		expect(memory.readUInt32LE(24)).toBe(0xffffffff);
	});

	test("clocks run, in whole milliseconds", async () => {
		const before = BigInt(Date.now());
		const { memory } = await run(`
			(i32.store (i32.const 32) (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 0)))
			(i32.store (i32.const 36) (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 8)))
			(i32.store (i32.const 40) (call $clock_res_get (i32.const 0) (i32.const 16)))
			(i32.store (i32.const 44) (call $clock_res_get (i32.const 1) (i32.const 24)))`);
		const [realtime = 0n, monotonic = 0n, ...resolutions] = [0, 8, 16, 24].map((at) => memory.readBigUInt64LE(at));
		expect([realtime % 1_000_000n, monotonic % 1_000_000n, ...resolutions]).toEqual([0n, 0n, 1_000_000n, 1_000_000n]);
		expect(realtime / 1_000_000n).toBeGreaterThanOrEqual(before);
		expect(realtime / 1_000_000n).toBeLessThanOrEqual(BigInt(Date.now()));
		// Go does not start on a clock that stands at zero.
		expect(monotonic).toBeGreaterThan(0n);
		expect([32, 36, 40, 44].map((at) => memory.readUInt32LE(at))).toEqual([0, 0, 0, 0]);
	});

	test("a clock that counts processor time is not offered", async () => {
		expect(await errno("(call $clock_time_get (i32.const 2) (i64.const 1) (i32.const 8))")).toBe(ERRNO.invalid);
		expect(await errno("(call $clock_res_get (i32.const 3) (i32.const 8))")).toBe(ERRNO.invalid);
	});

	test("random bytes fill what was asked for and nothing else, and differ each time", async () => {
		const body = "(drop (call $random_get (i32.const 3) (i32.const 29)))";
		const [first, second] = [await run(body), await run(body)];
		expect(first.memory.equals(second.memory)).toBe(false);
		for (const { memory } of [first, second]) {
			expect(memory.subarray(0, 3).equals(Buffer.alloc(3))).toBe(true);
			expect(memory.subarray(32).equals(Buffer.alloc(32))).toBe(true);
			expect(new Set(memory.subarray(3, 32)).size).toBeGreaterThan(10);
		}
	});

	test("sched_yield and proc_raise do nothing", async () => {
		expect(await errno("(call $sched_yield)")).toBe(ERRNO.success);
		expect(await errno("(call $proc_raise (i32.const 9))")).toBe(ERRNO.notSupported);
	});

	test("standard output and standard error are streams that can be written", async () => {
		for (const file of [1, 2]) {
			const { memory } = await run(`(i32.store (i32.const 32) (call $fd_fdstat_get (i32.const ${file}) (i32.const 0)))`);
			expect([memory.readUInt32LE(32), memory[0], memory.readBigUInt64LE(8), memory.readBigUInt64LE(16)]).toEqual([
				0,
				2,
				64n,
				0n,
			]);
		}
	});

	test.each([0, 1, 3, 255])("proc_exit(%i) ends the call, and the instance is not used again", async (code) => {
		const instance = await make(await plugin(`(call $proc_exit (i32.const ${code}))`));
		expect(instance.call(hook, "")).toMatchObject({
			failure: { outcome: "trap", message: `the plugin ended itself with code ${code}` },
		});
		expect(instance.restore()).toBe(false);
	});

	const OUTSIDE = ["65536", "65533", "-1", "-4", "0x7fffffff", "0x80000000"];
	const pointers: [string, (at: string) => string][] = [
		["args_sizes_get", (at) => `(call $args_sizes_get ${at} (i32.const 0))`],
		["environ_sizes_get", (at) => `(call $environ_sizes_get (i32.const 0) ${at})`],
		["clock_time_get", (at) => `(call $clock_time_get (i32.const 0) (i64.const 0) ${at})`],
		["clock_res_get", (at) => `(call $clock_res_get (i32.const 0) ${at})`],
		["random_get", (at) => `(call $random_get ${at} (i32.const 8))`],
		["fd_fdstat_get", (at) => `(call $fd_fdstat_get (i32.const 1) ${at})`],
		["fd_write, its buffers", (at) => `(call $fd_write (i32.const 1) ${at} (i32.const 1) (i32.const 8))`],
		["fd_write, its answer", (at) => `(call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) ${at})`],
		[
			"fd_write, what is written",
			(at) =>
				`(block (result i32) (i32.store (i32.const 16) ${at}) (i32.store (i32.const 20) (i32.const 8)) (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))`,
		],
		["poll_oneoff, what is waited for", (at) => `(call $poll_oneoff ${at} (i32.const 0) (i32.const 1) (i32.const 8))`],
		["poll_oneoff, its events", (at) => `(call $poll_oneoff (i32.const 100) ${at} (i32.const 1) (i32.const 8))`],
		["poll_oneoff, their number", (at) => `(call $poll_oneoff (i32.const 100) (i32.const 200) (i32.const 1) ${at})`],
	];

	test.each(pointers)("%s: an address outside of the memory is an error", async (_name, call) => {
		for (const at of OUTSIDE) expect(await errno(call(`(i32.const ${at})`))).toBe(ERRNO.badAddress);
	});

	test("a length outside of the memory is an error", async () => {
		expect(await errno("(call $random_get (i32.const 0) (i32.const -1))")).toBe(ERRNO.badAddress);
		expect(await errno("(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))")).toBe(ERRNO.badAddress);
	});

	test("a plugin without a memory gets errors", async () => {
		const bytes = await assemble(`(module ${IMPORTS} (func (export "${hook}") (result i32)
			(call $random_get (i32.const 0) (i32.const 8))))`);
		expect((await make(bytes)).call(hook, "")).toMatchObject({ failure: { message: `${hook} returned 21 and set no error` } });
	});
});

describe("standard output and standard error", () => {
	const write = (file: number, text: string) => {
		const stores = [...Buffer.from(text)].map((byte, index) => `(i32.store8 (i32.const ${200 + index}) (i32.const ${byte}))`);
		return `${stores.join(" ")}
			(i32.store (i32.const 100) (i32.const 200)) (i32.store (i32.const 104) (i32.const 1))
			(i32.store (i32.const 108) (i32.const 201)) (i32.store (i32.const 112) (i32.const ${Buffer.byteLength(text) - 1}))
			(drop (call $fd_write (i32.const ${file}) (i32.const 100) (i32.const 2) (i32.const 0)))`;
	};

	test("go to the log line by line, as information and as warnings", async () => {
		const body = write(1, "one\ntwo\n\nthr") + write(2, "wärning\n") + write(1, "ee\nunfinished");
		const { memory, report } = await run(body);
		expect(report).toMatchObject({
			logsDropped: 0,
			logs: [
				{ level: "info", text: "one" },
				{ level: "info", text: "two" },
				{ level: "info", text: "" },
				{ level: "warn", text: "wärning" },
				{ level: "info", text: "three" },
				{ level: "info", text: "unfinished" },
			],
		});
		expect(memory.readUInt32LE(0)).toBe(13);
	});

	test("a line that a call leaves unfinished is not continued by the next call", async () => {
		const instance = await make(await plugin(write(1, "half")));
		for (let round = 0; round < 3; round += 1) {
			expect(instance.call(hook, "").report.logs).toEqual([{ level: "info", text: "half" }]);
			expect(instance.restore()).toBe(true);
		}
	});

	test("what a plugin wrote before it failed is in the log", async () => {
		const instance = await make(await plugin(`${write(2, "about to fail")} (unreachable)`));
		expect(instance.call(hook, "")).toMatchObject({
			failure: { outcome: "trap" },
			report: { logs: [{ level: "warn", text: "about to fail" }] },
		});
	});

	test("a flood of lines is cut off at the log's limits, and the plugin goes on", async () => {
		const body = `(loop $again ${write(1, "0123456789\n")}
			(local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const 5000))))
			(local.set $i (i32.const 0))`;
		const { memory, report } = await run(body);
		expect([report.logs.length, report.logsDropped]).toEqual([64, 5_000 - 64]);
		// As far as the plugin can tell, all was written.
		expect(memory.readUInt32LE(0)).toBe(11);
	});

	test("a line of a megabyte is cut at the length of a line", async () => {
		const { report } = await run(
			`(memory.fill (i32.const 4096) (i32.const 65) (i32.const 1000000))
			(i32.store (i32.const 100) (i32.const 4096)) (i32.store (i32.const 104) (i32.const 1000000))
			(drop (call $fd_write (i32.const 1) (i32.const 100) (i32.const 1) (i32.const 0)))`,
			{ memory: "(memory 17)" },
		);
		expect(report.logs).toEqual([{ level: "info", text: "A".repeat(1_024) }]);
	});
});

describe("waiting", () => {
	/** A subscription of 48 bytes at 100, and another behind it. */
	const subscription = (at: number, parts: { kind: number; of: number; ns?: number; absolute?: boolean }) => `
		(i64.store (i32.const ${at}) (i64.const ${7_000 + at}))
		(i32.store8 (i32.const ${at + 8}) (i32.const ${parts.kind}))
		(i32.store (i32.const ${at + 16}) (i32.const ${parts.of}))
		(i64.store (i32.const ${at + 24}) (i64.const ${parts.ns ?? 0}))
		(i32.store8 (i32.const ${at + 40}) (i32.const ${parts.absolute ? 1 : 0}))`;
	const poll = (count: number) =>
		`(i32.store (i32.const 60) (call $poll_oneoff (i32.const 100) (i32.const 0) (i32.const ${count}) (i32.const 56)))`;
	const CLOCK = 0;
	const READ = 1;
	const WRITE = 2;

	async function timed(body: string) {
		const instance = await make(await plugin(body));
		const started = performance.now();
		const outcome = instance.call(hook, "");
		const took = performance.now() - started;
		if ("failure" in outcome) throw new Error(outcome.failure.message);
		const memory = Buffer.from(outcome.output as Uint8Array);
		const event = { id: memory.readBigUInt64LE(0), error: memory.readUInt16LE(8), kind: memory[10] };
		return { took, event, count: memory.readUInt32LE(56), errno: memory.readUInt32LE(60) };
	}

	test("takes the time that was asked for", async () => {
		const { took, ...rest } = await timed(subscription(100, { kind: CLOCK, of: 1, ns: 30_000_000 }) + poll(1));
		expect(rest).toEqual({ event: { id: 7_100n, error: 0, kind: CLOCK }, count: 1, errno: 0 });
		expect(took).toBeGreaterThanOrEqual(29);
	});

	test("ends with the first of several events", async () => {
		const { took, count, event } = await timed(
			subscription(100, { kind: CLOCK, of: 1, ns: 3_600e9 }) + subscription(148, { kind: CLOCK, of: 1, ns: 5_000_000 }) + poll(2),
		);
		expect([count, event.id]).toEqual([1, 7_148n]);
		expect(took).toBeLessThan(60_000);
	});

	test("until a time that has passed takes no time", async () => {
		const { count } = await timed(subscription(100, { kind: CLOCK, of: 0, ns: 1, absolute: true }) + poll(1));
		expect(count).toBe(1);
	});

	test("for standard output takes no time, for any other file is an error", async () => {
		const never = subscription(148, { kind: CLOCK, of: 1, ns: 3_600e9 });
		const cases = [
			[WRITE, 1, 0],
			[WRITE, 2, 0],
			[WRITE, 3, ERRNO.badFile],
			[READ, 0, ERRNO.badFile],
			[77, 1, ERRNO.badFile],
		] as const;
		for (const [kind, of, error] of cases) {
			const { event, count } = await timed(subscription(100, { kind, of }) + never + poll(2));
			expect([count, event]).toEqual([1, { id: 7_100n, error, kind }]);
		}
	});

	test("for nothing, or on an unknown clock, is an error", async () => {
		expect((await timed(poll(0))).errno).toBe(ERRNO.invalid);
		const { event } = await timed(subscription(100, { kind: CLOCK, of: 9, ns: 3_600e9 }) + poll(1));
		expect(event.error).toBe(ERRNO.invalid);
	});
});

describe("a plugin that uses WASI, in a runtime", () => {
	let connection: NatsConnection;
	let routes: TestRoutes;
	let runtime: Runtime;

	beforeAll(async () => {
		const nats = await startNats();
		connection = await connectTo(nats.url);
		runtime = await startRuntimeHere({ natsUrl: nats.url });
		routes = new TestRoutes(connection);
	});

	async function threadEnds(): Promise<{ count: number; seconds: number }> {
		const page = await (await fetch(`http://127.0.0.1:${runtime.port}/metrics`)).text();
		const read = (name: string) => Number(new RegExp(`^hookbus_thread_end_seconds_${name} (.+)$`, "m").exec(page)?.[1] ?? 0);
		return { count: read("count"), seconds: read("sum") };
	}

	test("and sleeps for 20 s is ended at its limit, and its thread is gone within 250 ms", async (context) => {
		needsRealTime(context);
		const sleep = await plugin(`
			(i64.store (i32.const 124) (i64.const 20000000000))
			(drop (call $poll_oneoff (i32.const 100) (i32.const 0) (i32.const 1) (i32.const 56)))`);
		const canary = await moduleReturning({ [hook]: { action: "continue" } });
		await routes.apply([
			{ name: "sleeper", module: sleep, bindings: [{ hook, effect: "gate", timeoutMs: 100 }] },
			{ name: "canary", module: canary, bindings: [{ hook, effect: "gate", assistant: "canary" }] },
		]);
		const took = await bestOf(10, 250, async () => {
			const before = await threadEnds();
			const started = performance.now();
			const verdict = await ask(connection, chatEvent("sleep"));
			expect(performance.now() - started).toBeLessThan(10_000);
			expect(verdict).toMatchObject({ action: "blocked", trail: [{ plugin: "sleeper", outcome: "timeout" }] });
			const after = await waitFor("the thread is gone", async () => {
				const now = await threadEnds();
				return now.count > before.count ? now : undefined;
			});
			return ((after.seconds - before.seconds) / (after.count - before.count)) * 1_000;
		});
		expect(took).toBeLessThan(250);
	}, 300_000);

	test("and ends itself fails, and the runtime lives", async () => {
		const module = await plugin("(call $proc_exit (i32.const 0))");
		await routes.apply([{ name: "quitter", module, bindings: [{ hook, effect: "gate" }] }]);
		for (let call = 0; call < 3; call += 1) {
			expect(await ask(connection, chatEvent("end"))).toMatchObject({ trail: [{ plugin: "quitter", outcome: "trap" }] });
		}
	});
});

describe("a plugin in standard Go with the official Extism PDK", () => {
	let bytes: Uint8Array;

	beforeAll(() => {
		if (hasGo()) bytes = buildGoPlugin(".");
	}, 600_000);

	beforeEach(needsGo);

	const event = (text: string) => JSON.stringify({ data: { messages: [{ parts: [{ text }] }] } });

	test("runs call after call, each on the same fresh state", async () => {
		const loaded = new LoadedPlugin(await pluginImage(bytes, { greeting: "hello, wörld" }));
		for (let round = 0; round < 5; round += 1) {
			const { result, failure, report } = await loaded.invoke(hook, event(`a b a round-${round}`));
			expect(failure).toBeUndefined();
			expect(result).toMatchObject({
				action: "continue",
				annotations: {
					words: ["a=2", "b=1", `round-${round}=1`],
					greeting: "hello, wörld",
					now: expect.stringMatching(/^20\d\d-/),
					calls: 1,
					args: 0,
					env: 0,
					file: expect.stringMatching(/open \/etc\/hostname/),
				},
			});
			expect(result?.annotations).toHaveProperty(
				"sleptMs",
				expect.toSatisfy((ms: number) => ms >= 5),
			);
			expect(report.logs).toEqual([
				{ level: "info", text: "counted the words" },
				{ level: "info", text: "on standard output" },
				{ level: "warn", text: "on standard error" },
			]);
		}
	});

	test("is put back between calls rather than made anew", async () => {
		const instance = await make(bytes);
		for (let round = 0; round < 3; round += 1) {
			expect(instance.call(hook, event("x"))).not.toHaveProperty("failure");
			expect(instance.restore()).toBe(true);
		}
	});

	test("that panics or exits fails with its own words in the log", async () => {
		const panicked = (await make(bytes)).call(hook, event("panic"));
		expect(panicked).toMatchObject({ failure: { outcome: "trap" } });
		expect(panicked.report.logs[0]).toEqual({ level: "warn", text: "panic: asked to" });
		expect((await make(bytes)).call(hook, event("exit"))).toMatchObject({
			failure: { outcome: "trap", message: "the plugin ended itself with code 3" },
		});
	});
});
