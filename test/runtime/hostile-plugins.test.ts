// Plugins that hang, grow, lie and crash next to one that behaves. Whatever they do: their own events end by the failure
// policy inside the deadline, everybody else's are answered, and the process lives.
import { setTimeout as delay } from "node:timers/promises";
import { type Runtime, setEngineFlags } from "@hookbus/runtime";
import { type FailurePolicy, HOOKS, type HookEvent, type HookName, type Outcome } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { bestOf } from "../support/best-of.js";
import { connectTo } from "../support/connect.js";
import { chatEvent, responseEvent, toolEvent } from "../support/events.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { needsRealTime } from "../support/real-time.js";
import { type TestPlugin, TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { PATIENT, startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

const hook = "on_chat_message" as const;

describe("a hostile plugin", () => {
	let connection: NatsConnection;
	let routes: TestRoutes;
	let runtime: Runtime;
	let canary: TestPlugin;
	let unhandled: unknown[];
	const onUnhandled = (reason: unknown) => unhandled.push(reason);

	beforeAll(async () => {
		const nats = await startNats();
		connection = await connectTo(nats.url);
		runtime = await startRuntimeHere({ natsUrl: nats.url, settings: PATIENT });
		routes = new TestRoutes(connection);
		canary = {
			name: "canary",
			module: await moduleReturning({ [hook]: { action: "continue" } }),
			bindings: [{ hook, effect: "gate", assistant: "canary" }],
		};
		await routes.apply([canary]);
	});

	beforeEach(() => {
		unhandled = [];
		process.on("unhandledRejection", onUnhandled);
	});

	afterEach(async () => {
		process.off("unhandledRejection", onUnhandled);
		expect(unhandled).toEqual([]);
		const alive = await waitFor("the canary answers", () => ask(connection, chatEvent("alive?", { assistant: "canary" })));
		expect(alive.trail).toMatchObject([{ plugin: "canary", outcome: "ok" }]);
	});

	function hostile(module: Uint8Array, changes: Partial<TestPlugin> = {}): TestPlugin {
		return { name: "hostile", module, bindings: [{ hook, effect: "gate", timeoutMs: 100 }], ...changes };
	}

	/** Sends canary events until `done` settles; all must be answered by the canary plugin. */
	async function withCanaries<T>(done: Promise<T>): Promise<{ result: T; answered: number }> {
		let running = true;
		let answered = 0;
		const loop = (async () => {
			while (running) {
				const verdict = await ask(connection, chatEvent("canary", { assistant: "canary" }));
				expect(verdict.trail).toMatchObject([{ plugin: "canary", outcome: "ok" }]);
				answered += 1;
				await new Promise((resolve) => setTimeout(resolve, 20));
			}
		})();
		const result = await done.finally(() => {
			running = false;
		});
		await loop;
		return { result, answered };
	}

	/** Threads that were ended so far, and the seconds until they were gone. */
	async function threadEnds(): Promise<{ count: number; seconds: number }> {
		const page = await (await fetch(`http://127.0.0.1:${runtime.port}/metrics`)).text();
		const read = (name: string) => Number(new RegExp(`^hookbus_thread_end_seconds_${name} (.+)$`, "m").exec(page)?.[1] ?? 0);
		return { count: read("count"), seconds: read("sum") };
	}

	test("HP-01 an endless loop is ended at its limit, 200 times or as often as fits into a minute, and costs the neighbours nothing", async (context) => {
		needsRealTime(context);
		await routes.apply([
			hostile(await fixtureModule("loop-forever"), { bindings: [{ hook, effect: "gate", timeoutMs: 30 }] }),
			canary,
		]);
		const { result, answered } = await withCanaries(
			(async () => {
				const times: number[] = [];
				const until = performance.now() + 60_000;
				for (let call = 0; call < 200 && performance.now() < until; call += 1) {
					const started = performance.now();
					const verdict = await ask(connection, chatEvent("loop"));
					times.push(performance.now() - started);
					expect(verdict).toMatchObject({
						action: "blocked",
						reason: { code: "plugin_failed" },
						trail: [{ outcome: "timeout" }],
					});
				}
				return times;
			})(),
		);
		expect(answered).toBeGreaterThan(10);
		expect(result.length).toBeGreaterThan(10);
		// Threads are ended here faster than a machine of few cores can start new ones; the next test gives them time.
		result.sort((a, b) => a - b);
		expect(result[0]).toBeLessThan(30 + 50);
		expect(result[Math.floor(result.length / 2)]).toBeLessThan(30 + 300);
	}, 600_000);

	test("HP-01 one endless loop after the other is answered within 50 ms of its limit when threads have had time to start", async (context) => {
		needsRealTime(context);
		const limitMs = 100;
		await routes.apply([
			hostile(await fixtureModule("loop-forever"), { bindings: [{ hook, effect: "gate", timeoutMs: limitMs }] }),
			canary,
		]);
		const slowest = await bestOf(6, limitMs + 50, async () => {
			const times: number[] = [];
			for (let call = 0; call < 10; call += 1) {
				await delay(100);
				const started = performance.now();
				expect((await ask(connection, chatEvent("loop"))).trail).toMatchObject([{ outcome: "timeout" }]);
				times.push(performance.now() - started);
			}
			return Math.max(...times);
		});
		expect(slowest).toBeLessThan(limitMs + 50);
	}, 600_000);

	test("HP-01 the verdict comes inside the event's deadline even when the plugin's own limit is longer", async (context) => {
		needsRealTime(context);
		await routes.apply([
			hostile(await fixtureModule("loop-forever"), {
				bindings: [{ hook, effect: "transform", timeoutMs: 10_000, paths: ["/messages"] }],
			}),
			canary,
		]);
		const took = await bestOf(20, 300, async () => {
			const started = performance.now();
			const verdict = await ask(connection, chatEvent("loop", { deadlineMs: 300 }), 5_000).catch(() => undefined);
			// A verdict that would be late is not sent: the client has decided by the policy then.
			if (verdict === undefined) return Number.POSITIVE_INFINITY;
			expect(verdict).toMatchObject({ action: "continue", trail: [{ skipped: true }] });
			return performance.now() - started;
		});
		expect(took).toBeLessThan(300);
	}, 600_000);

	test("the steps before a killed one are not run again, and the steps behind it still run", async () => {
		const text = (value: string) => ({
			action: "modify",
			patch: { messages: [{ role: "user", parts: [{ type: "text", text: value }] }] },
		});
		await routes.apply([
			{
				name: "before",
				module: await moduleReturning({ [hook]: text("patched") }),
				bindings: [{ hook, effect: "transform", order: 1, paths: ["/messages"] }],
			},
			hostile(await fixtureModule("loop-forever"), {
				bindings: [{ hook, effect: "transform", order: 2, timeoutMs: 50, paths: ["/messages"] }],
			}),
			{
				name: "behind",
				module: await moduleReturning({ [hook]: { action: "continue" } }),
				bindings: [{ hook, effect: "gate", order: 3 }],
			},
			canary,
		]);
		const verdict = await ask(connection, chatEvent("original"));
		expect(verdict.trail.map((entry) => [entry.plugin, entry.outcome])).toEqual([
			["before", "ok"],
			["hostile", "timeout"],
			["behind", "ok"],
		]);
		expect(verdict.data).toEqual(text("patched").patch);
	});

	test.for(["memory-fill-loop", "memory-copy-loop", "memory-init-loop", "table-loop"])(
		"HP-06 %s is ended, and its thread is gone within 250 ms",
		{ timeout: 300_000 },
		async (name, context) => {
			needsRealTime(context);
			await routes.apply([hostile(await fixtureModule(name)), canary]);
			// A thread that never ends calls the last resort, which throws in these tests.
			const took = await bestOf(10, 250, async () => {
				const before = await threadEnds();
				const { result } = await withCanaries(ask(connection, chatEvent("fill")));
				expect(result).toMatchObject({ action: "blocked", trail: [{ outcome: "timeout" }] });
				const after = await waitFor("the thread is gone", async () => {
					const now = await threadEnds();
					return now.count > before.count ? now : undefined;
				});
				return ((after.seconds - before.seconds) / (after.count - before.count)) * 1_000;
			});
			expect(took).toBeLessThan(250);
		},
	);

	test("HP-07 memory grows to its limit and not beyond, and comes back down", async () => {
		const limits = { memoryPages: 512 };
		await routes.apply([
			hostile(await fixtureModule("report-growth"), { limits, bindings: [{ hook, effect: "gate", timeoutMs: 10_000 }] }),
			canary,
		]);
		const rss = process.memoryUsage.rss();
		const verdict = await ask(connection, chatEvent("grow"));
		expect(verdict.annotations).toEqual({ hostile: { pages: "0512" } });
		for (let call = 0; call < 20; call += 1) await ask(connection, chatEvent("grow"));
		await waitFor("the memory comes back down", () => process.memoryUsage.rss() < rss + 160 * 1024 * 1024, {
			intervalMs: 200,
		});
	}, 300_000);

	test("HP-07 a plugin that grows without end is stopped by its maximum", async () => {
		await routes.apply([
			hostile(await fixtureModule("grow-memory"), { bindings: [{ hook, effect: "gate", timeoutMs: 10_000 }] }),
			canary,
		]);
		const verdict = await ask(connection, chatEvent("grow"));
		expect(verdict).toMatchObject({ action: "blocked", trail: [{ outcome: "memory" }] });
	});

	test("HP-12 outputs over the limit are refused, whether they exist or are only claimed", async () => {
		const long = (bytes: number) => `{"action":"continue"}${" ".repeat(bytes - 21)}`;
		expect(long(262_144).length).toBe(262_144);
		const cases: [Uint8Array, Outcome][] = [
			[await moduleReturning({ [hook]: long(262_144) }), "ok"],
			[await moduleReturning({ [hook]: long(262_145) }), "output_too_large"],
			[await fixtureModule("huge-allocation"), "memory"],
			[await fixtureModule("output-length-lie"), "output_too_large"],
		];
		for (const [module, outcome] of cases) {
			await routes.apply([hostile(module, { bindings: [{ hook, effect: "gate", timeoutMs: 10_000 }] }), canary]);
			const rss = process.memoryUsage.rss();
			expect((await ask(connection, chatEvent("long"))).trail).toMatchObject([{ outcome }]);
			expect(process.memoryUsage.rss() - rss).toBeLessThan(64 * 1024 * 1024);
		}
	});

	/** Everything else about the result is as it must be. */
	const annotated = (...bytes: number[]) =>
		Buffer.concat([Buffer.from('{"action":"continue","annotations":{"x":"'), Buffer.from(bytes), Buffer.from('"}}')]);
	const garbage: [string, Uint8Array][] = [
		["an overlong encoding", annotated(0xc0, 0xaf)],
		["a lone surrogate", annotated(0xed, 0xa0, 0x80)],
		["a truncated character", annotated(0xe2, 0x82)],
		["a character beyond the last", annotated(0xf4, 0x90, 0x80, 0x80)],
		["a continuation of nothing", annotated(0x80)],
		["a byte order mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"action":"continue"}')])],
		["a NUL", Buffer.from('{"action":"continue"}\0')],
		["random bytes", Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x12])],
	];

	test.each(garbage)("HP-14 %s in the output is bad output, never silently repaired", async (_name, bytes) => {
		await routes.apply([hostile(await moduleReturning({ [hook]: bytes }), { bindings: [{ hook, effect: "gate" }] }), canary]);
		expect((await ask(connection, chatEvent("garbage"))).trail).toMatchObject([{ outcome: "bad_output" }]);
	});

	test.each([
		["truncated", '{"action":"continue"'],
		["followed by more", '{"action":"continue"}x'],
		["an array", "[]"],
		["without an action", "{}"],
		["with an unknown action", '{"action":"explode"}'],
		["deep", `{"action":"continue","annotations":{"x":${"[".repeat(5_000)}${"]".repeat(5_000)}}}`],
		["with __proto__", '{"action":"continue","annotations":{"__proto__":{"polluted":1}}}'],
		["with constructor", '{"action":"continue","annotations":{"constructor":{"prototype":{"polluted":1}}}}'],
	])("JSON that is %s is bad output", async (_name, text) => {
		await routes.apply([hostile(await moduleReturning({ [hook]: text }), { bindings: [{ hook, effect: "gate" }] }), canary]);
		expect((await ask(connection, chatEvent("json"))).trail).toMatchObject([{ outcome: "bad_output" }]);
		expect(({} as Record<string, unknown>).polluted).toBeUndefined();
	});

	test("HP-10 recursion without end is a stack error, 100 times in a row", async () => {
		await routes.apply([hostile(await fixtureModule("deep-recursion"), { bindings: [{ hook, effect: "gate" }] }), canary]);
		for (let call = 0; call < 100; call += 1) {
			expect((await ask(connection, chatEvent("deep"))).trail).toMatchObject([{ outcome: "stack" }]);
		}
	});

	const replyHooks = (Object.keys(HOOKS) as HookName[]).filter((name) => HOOKS[name].delivery === "reply");
	const events: Record<string, () => HookEvent> = {
		on_chat_message: () => chatEvent("x"),
		on_tool_call: () => toolEvent("any", {}),
		on_before_response: () => responseEvent("x"),
	};

	test.each(replyHooks.flatMap((name) => (["open", "closed"] as FailurePolicy[]).map((onError) => [name, onError] as const)))(
		"HP-31 on %s every failure ends as the policy %s says",
		async (name, onError) => {
			const oversize = JSON.stringify({ action: "continue", annotations: { x: "y".repeat(300_000) } });
			const failures: [string, Uint8Array, Outcome][] = [
				["timeout", await fixtureModule("loop-forever"), "timeout"],
				["trap", await fixtureModule("trap"), "trap"],
				["bad JSON", await moduleReturning({ [name]: "{" }), "bad_output"],
				["oversize", await moduleReturning({ [name]: oversize }), "output_too_large"],
				["load failure", await moduleReturning({ something_else: "{}" }), "load_failed"],
			];
			for (const [label, module, outcome] of failures) {
				const timeoutMs = label === "timeout" ? 50 : 5_000;
				// Each under its own name: of a plugin that ran before, the earlier version would go on.
				await routes.apply([
					{ name: label.replace(" ", "-").toLowerCase(), module, bindings: [{ hook: name, effect: "gate", onError, timeoutMs }] },
					canary,
				]);
				const verdict = await ask(connection, (events[name] as () => HookEvent)());
				expect([label, verdict.trail[0]?.outcome, verdict.action]).toEqual([
					label,
					outcome,
					onError === "closed" ? "blocked" : "continue",
				]);
				if (onError === "open") expect(verdict.trail[0]?.skipped).toBe(true);
			}
		},
		300_000,
	);

	test("HP-31 ten plugins that never end in one chain stay inside the event's deadline", async (context) => {
		needsRealTime(context);
		const module = await fixtureModule("loop-forever");
		const loops = Array.from(
			{ length: 10 },
			(_, index): TestPlugin => ({
				name: `loop-${index}`,
				module,
				bindings: [{ hook, effect: "transform", timeoutMs: 250, paths: ["/messages"] }],
			}),
		);
		await routes.apply([...loops, canary]);
		const took = await bestOf(20, 1_100, async () => {
			const started = performance.now();
			const verdict = await ask(connection, chatEvent("ten", { deadlineMs: 1_000 }), 5_000).catch(() => undefined);
			if (verdict === undefined) return Number.POSITIVE_INFINITY;
			expect(verdict.trail).toHaveLength(10);
			expect(verdict.trail.every((entry) => entry.skipped)).toBe(true);
			return performance.now() - started;
		});
		expect(took).toBeLessThan(1_100);
	}, 600_000);

	test("HP-31 a gate that comes after the plugins that used up the deadline stays closed", async () => {
		const loop = await fixtureModule("loop-forever");
		const gate = await moduleReturning({ [hook]: { action: "continue" } });
		await routes.apply([
			{ name: "loop", module: loop, bindings: [{ hook, effect: "transform", timeoutMs: 5_000, paths: ["/messages"], order: 1 }] },
			{ name: "never-reached", module: gate, bindings: [{ hook, effect: "gate", order: 2 }] },
			canary,
		]);
		const verdict = await ask(connection, chatEvent("late", { deadlineMs: 300 }), 5_000);
		expect(verdict).toMatchObject({ action: "blocked", reason: { code: "plugin_failed", plugin: "never-reached" } });
		expect(verdict.trail).toMatchObject([
			{ plugin: "loop", outcome: "timeout", skipped: true },
			{ plugin: "never-reached", outcome: "timeout", action: "block" },
		]);
	});
});
