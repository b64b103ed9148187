// What stands in front of the threads: breakers, rates, budgets, and how many events a plugin may have at once. Whatever a plugin is
// refused, its neighbours in the same chain and in other chains run, and the verdict says what was not run and why.
import { CostLedger } from "@hookbus/runtime";
import {
	COST_BUCKET,
	HEARTBEAT_SUBJECTS,
	type PluginLimits,
	type RuntimeStatus,
	STATE_STREAM,
	type Verdict,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import pino from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import { hostileModule } from "../attack/hostile-module.js";
import { ask } from "../support/ask.js";
import { askForCalls, askingModule } from "../support/asking-module.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { assemble, fixtureModule, moduleReturning } from "../support/module-returning.js";
import { type TestPlugin, TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

const HOOK = "on_chat_message" as const;
const LONG_TEXT = "x".repeat(4_000);

describe("admission", () => {
	let natsUrl: string;
	let connection: NatsConnection;
	let routes: TestRoutes;
	let good: TestPlugin;

	beforeEach(async () => {
		const nats = await startNats();
		natsUrl = nats.url;
		connection = await connectTo(nats.url);
		routes = new TestRoutes(connection);
		good = plugin("good", await moduleReturning({ [HOOK]: { action: "continue" } }));
	});

	function plugin(name: string, module: Uint8Array, limits: PluginLimits = {}, config: Record<string, unknown> = {}): TestPlugin {
		return { name, module, limits, config, bindings: [{ hook: HOOK, effect: "transform" }] };
	}

	const outcomes = (verdict: Verdict) => Object.fromEntries(verdict.trail.map(({ plugin: name, outcome }) => [name, outcome]));

	/** What the last heartbeat says; it goes out at once when a breaker opens. */
	function followBreakers(): () => NonNullable<RuntimeStatus["breakers"]> {
		let last: NonNullable<RuntimeStatus["breakers"]> = [];
		connection.subscribe(HEARTBEAT_SUBJECTS, {
			callback: (_failure, message) => {
				last = message.json<RuntimeStatus>().breakers ?? [];
			},
		});
		return () => last;
	}

	/** Traps on long texts only. */
	const trapsOnLong = () =>
		assemble(`(module
			(import "extism:host/env" "input_length" (func $input_length (result i64)))
			(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
			(import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
			(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
			(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
			(memory 1)
			(data (i32.const 0) "{\\"action\\":\\"continue\\"}")
			(func (export "${HOOK}") (result i32) (local $to i64) (local $i i32)
				(if (i64.gt_u (call $input_length) (i64.const 4000)) (then unreachable))
				(local.set $to (call $alloc (i64.const 21)))
				(loop $next
					(call $store_u8 (i64.add (local.get $to) (i64.extend_i32_u (local.get $i))) (i32.load8_u (local.get $i)))
					(local.set $i (i32.add (local.get $i) (i32.const 1)))
					(br_if $next (i32.lt_u (local.get $i) (i32.const 21))))
				(call $output_set (local.get $to) (i64.const 21))
				(i32.const 0)))`);

	test("HP-35 a plugin that traps on every call is not run for a while, is tried again, and runs when it is repaired", async () => {
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_BREAKER_BACKOFF_MS: "300" } });
		const breakers = followBreakers();
		await routes.apply([plugin("fragile", await trapsOnLong()), good]);
		for (let event = 0; event < 5; event += 1) {
			expect(outcomes(await ask(connection, chatEvent(LONG_TEXT)))).toEqual({ fragile: "trap", good: "ok" });
		}
		const refused = await ask(connection, chatEvent("short"));
		expect(refused.trail[0]).toMatchObject({ plugin: "fragile", outcome: "breaker_open", skipped: true });
		expect(refused.trail[0]?.error).toMatch(/failed too often \(trap: .*\); it is tried again in \d+ ms/);
		expect(outcomes(refused)["good"]).toBe("ok");
		expect(await waitFor("it is reported", () => breakers()[0])).toMatchObject({ plugin: "fragile", state: "open", openings: 1 });
		const repaired = await waitFor("it is tried again", async () => {
			const verdict = await ask(connection, chatEvent("short"));
			return outcomes(verdict)["fragile"] === "ok" && verdict;
		});
		expect(outcomes(repaired)).toEqual({ fragile: "ok", good: "ok" });
		await waitFor("it is not reported any more", () => breakers().length === 0);
	});

	test("a plugin that fails whenever it is tried is given up, reported, and begins anew with another configuration", async () => {
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_BREAKER_BACKOFF_MS: "10", HOOKBUS_BREAKER_OPENINGS: "3" } });
		const breakers = followBreakers();
		const module = await fixtureModule("trap");
		await routes.apply([plugin("broken", module), good]);
		const given = await waitFor("it is given up", async () => {
			expect(outcomes(await ask(connection, chatEvent("x")))["good"]).toBe("ok");
			return breakers().find(({ state }) => state === "given_up");
		});
		expect(given).toMatchObject({ tenant: "acme", plugin: "broken", version: "1.0.0", openings: 3, revision: 1 });
		expect(outcomes(await ask(connection, chatEvent("x")))["broken"]).toBe("breaker_open");
		await routes.apply([plugin("broken", module, {}, { repaired: true }), good]);
		expect(outcomes(await ask(connection, chatEvent("x")))["broken"]).toBe("trap");
	});

	test("what a plugin does with one user's own configuration neither opens its breaker for everybody nor keeps it closed", async () => {
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_BREAKER_BACKOFF_MS: "60000" } });
		const isSet = (at: number) => `(i64.ne (call $config_get (call $block (i32.const ${at}) (i32.const 4))) (i64.const 0))`;
		const module = await hostileModule({
			hook: `(if (i32.and ${isSet(1000)} (i32.eqz ${isSet(1004)})) (then unreachable)) (call $continue)`,
			fields: '(data (i32.const 1000) "failwell")',
		});
		const outcomeFor = async (id: string) => outcomes(await ask(connection, chatEvent("x", { user: { id } })))["own"];
		await routes.apply([{ ...plugin("own", module), users: { ann: { config: { fail: true } } } }]);
		for (let event = 0; event < 8; event += 1) expect(await outcomeFor("ann")).toBe("trap");
		expect(await outcomeFor("bob")).toBe("ok");

		await routes.apply([{ ...plugin("own", module, {}, { fail: true }), users: { ann: { config: { well: true } } } }]);
		for (let event = 0; event < 5; event += 1) expect([await outcomeFor("ann"), await outcomeFor("bob")]).toEqual(["ok", "trap"]);
		expect(await outcomeFor("bob")).toBe("breaker_open");
	});

	test("HP-03 a user's own configuration that hangs does not open the breaker, and each event is ended", async () => {
		await startRuntimeHere({ natsUrl });
		const hook =
			"(if (i64.ne (call $config_get (call $block (i32.const 1000) (i32.const 4))) (i64.const 0)) (then (loop $on (br $on)))) (call $continue)";
		const module = await hostileModule({ hook, fields: '(data (i32.const 1000) "hang")' });
		await routes.apply([{ ...plugin("own", module, { timeoutMs: 400 }), users: { ann: { config: { hang: true } } } }]);
		const outcomeFor = async (id: string) => outcomes(await ask(connection, chatEvent("x", { user: { id } })))["own"];
		for (let event = 0; event < 6; event += 1) expect(await outcomeFor("ann")).toBe("timeout");
		expect(await outcomeFor("bob")).toBe("ok");
	});

	test("a plugin whose host calls fail by our fault is not blamed for it", async () => {
		await startRuntimeHere({ natsUrl });
		const asking = { ...plugin("asking", await askingModule()), grants: ["read_messages", "state"] as const };
		await routes.apply([asking, good]);
		const streams = (await connection.jetstreamManager()).streams;
		await streams.delete(STATE_STREAM);
		for (let event = 0; event < 8; event += 1) {
			const verdict = await askForCalls(connection, [["state_get", "k"]]);
			expect(outcomes(verdict)).toEqual({ asking: "host_error", good: "ok" });
		}
	});

	test("a gate that is not run blocks: what it guards does not open because it fails", async () => {
		await startRuntimeHere({ natsUrl });
		await routes.apply([{ ...plugin("gate", await fixtureModule("trap")), bindings: [{ hook: HOOK, effect: "gate" }] }]);
		for (let event = 0; event < 8; event += 1) expect((await ask(connection, chatEvent("x"))).action).toBe("blocked");
		expect((await ask(connection, chatEvent("x"))).trail[0]?.outcome).toBe("breaker_open");
	});

	test("a rate holds for the plugin and for nobody else, and is shared by the runtimes", async () => {
		await startRuntimeHere({ natsUrl });
		const limited = plugin("limited", await moduleReturning({ [HOOK]: { action: "continue" } }), { ratePerMinute: 20 });
		await routes.apply([limited, good]);
		await startRuntimeHere({ natsUrl });
		await waitFor("both know of each other", async () => (await countRuntimes(connection)) === 2);
		const verdicts = await Promise.all(Array.from({ length: 100 }, () => ask(connection, chatEvent("x"))));
		const ran = verdicts.filter((verdict) => outcomes(verdict)["limited"] === "ok").length;
		expect(verdicts.every((verdict) => outcomes(verdict)["good"] === "ok")).toBe(true);
		// A token or two drip in meanwhile.
		expect(ran).toBeGreaterThanOrEqual(20);
		expect(ran).toBeLessThanOrEqual(24);
		const refused = verdicts.find((verdict) => outcomes(verdict)["limited"] === "rate_limited");
		expect(refused?.trail.find(({ outcome }) => outcome === "rate_limited")?.error).toMatch(/20 times a minute/);
	});

	test("an event that was blocked before it reached a plugin takes nothing off that plugin's rate", async () => {
		await startRuntimeHere({ natsUrl });
		const blocks = await moduleReturning({ [HOOK]: { action: "block", reason: "no" } });
		const limited = plugin("limited", await moduleReturning({ [HOOK]: { action: "continue" } }), { ratePerMinute: 2 });
		const gate: TestPlugin = {
			name: "a-gate",
			module: blocks,
			bindings: [{ hook: HOOK, effect: "gate", order: 1, assistant: "shut" }],
		};
		await routes.apply([
			gate,
			{ ...limited, bindings: [...limited.bindings, { hook: HOOK, effect: "transform", order: 2, assistant: "shut" }] },
		]);
		for (let event = 0; event < 10; event += 1) {
			expect((await ask(connection, chatEvent("x", { assistant: "shut" }))).action).toBe("blocked");
		}
		expect(outcomes(await ask(connection, chatEvent("x")))).toEqual({ limited: "ok" });
	});

	test("a plugin that has cost its budget is not run any more today", async () => {
		await startRuntimeHere({ natsUrl });
		const module = await moduleReturning({ [HOOK]: { action: "continue", usage: { cost: 0.4 } } });
		await routes.apply([plugin("costly", module, { costPerDay: 1 }), good]);
		const seen: string[] = [];
		for (let event = 0; event < 5; event += 1) seen.push(outcomes(await ask(connection, chatEvent("x")))["costly"] ?? "");
		expect(seen).toEqual(["ok", "ok", "ok", "over_budget", "over_budget"]);
		// Another runtime is told.
		const other = new CostLedger(await connection.jetstream().views.kv(COST_BUCKET), pino({ level: "silent" }));
		other.start();
		closeAfter(() => other.stop());
		await waitFor("the sum is on the bus", () => other.spent("acme", "costly") > 1.19);
	});

	test("costs that two runtimes report at the same time add up", async () => {
		await startRuntimeHere({ natsUrl });
		const sums = await connection.jetstream().views.kv(COST_BUCKET);
		const ledgers = Array.from({ length: 4 }, () => new CostLedger(sums, pino({ level: "silent" }), () => "2026-01-31"));
		for (let round = 0; round < 5; round += 1) {
			for (const ledger of ledgers) ledger.add("acme", "costly", 0.25);
			await Promise.all(ledgers.map((ledger) => ledger.stop()));
		}
		const reader = new CostLedger(sums, pino({ level: "silent" }), () => "2026-01-31");
		reader.spent("acme", "costly");
		await reader.stop();
		expect(reader.spent("acme", "costly")).toBeCloseTo(5);
	});

	test("a plugin with too many events at once is left out of those that waited in vain, and holds up nobody else", async () => {
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_ADMISSION_WAIT_MS: "50" } });
		const slow: TestPlugin = {
			...plugin("slow", await fixtureModule("loop-forever"), { concurrency: 1 }),
			bindings: [{ hook: HOOK, effect: "transform", assistant: "slow", timeoutMs: 400 }],
		};
		const beside: TestPlugin = { ...good, bindings: [...good.bindings, { hook: HOOK, effect: "transform", assistant: "slow" }] };
		await routes.apply([slow, beside]);
		const started = performance.now();
		const flood = Array.from({ length: 20 }, () => ask(connection, chatEvent("x", { assistant: "slow" })));
		const neighbour = await ask(connection, chatEvent("x"));
		const neighbourMs = performance.now() - started;
		const verdicts = await Promise.all(flood);
		expect(outcomes(neighbour)).toEqual({ good: "ok" });
		expect(neighbourMs).toBeLessThan(400);
		expect(verdicts.every((verdict) => outcomes(verdict)["good"] === "ok")).toBe(true);
		expect(verdicts.map((verdict) => outcomes(verdict)["slow"]).sort()).toEqual([...Array(19).fill("overloaded"), "timeout"]);
	});

	test("a plugin without room costs the event neither its verdict nor the other plugins, however short its deadline", async () => {
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_ADMISSION_WAIT_MS: "5000" } });
		const slow: TestPlugin = {
			...plugin("slow", await fixtureModule("loop-forever"), { concurrency: 1 }),
			bindings: [{ hook: HOOK, effect: "transform", timeoutMs: 2_000 }],
		};
		await routes.apply([slow, good]);
		const first = ask(connection, chatEvent("x"));
		const waited = await ask(connection, chatEvent("x", { deadlineMs: 800 }));
		expect(outcomes(waited)).toEqual({ slow: "overloaded", good: "ok" });
		expect(waited.durationMs).toBeLessThan(800);
		expect(outcomes(await first)).toEqual({ slow: "timeout", good: "ok" });
	});

	test("each of two plugins in one chain keeps its own limit of events at the same time", async () => {
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_ADMISSION_WAIT_MS: "0", HOOKBUS_THREADS: "4" } });
		const looping = await fixtureModule("loop-forever");
		const loop = (name: string): TestPlugin => ({
			...plugin(name, looping, { concurrency: 1 }),
			bindings: [{ hook: HOOK, effect: "transform", timeoutMs: 200 }],
		});
		await routes.apply([loop("a"), loop("b")]);
		const verdicts = await Promise.all(Array.from({ length: 6 }, () => ask(connection, chatEvent("x"))));
		const ran = (name: string) => verdicts.filter((verdict) => outcomes(verdict)[name] === "timeout").length;
		expect([ran("a"), ran("b")]).toEqual([1, 1]);
	});

	test("events that wait for a plugin run as soon as it has room", async () => {
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_ADMISSION_WAIT_MS: "10000" } });
		await routes.apply([plugin("one", await moduleReturning({ [HOOK]: { action: "continue" } }), { concurrency: 50 })]);
		const verdicts = await Promise.all(Array.from({ length: 100 }, () => ask(connection, chatEvent("x"))));
		expect(verdicts.map((verdict) => outcomes(verdict)["one"])).toEqual(Array(100).fill("ok"));
	});
});

async function countRuntimes(connection: NatsConnection): Promise<number> {
	const seen = new Set<string>();
	const subscription = connection.subscribe(HEARTBEAT_SUBJECTS);
	const timer = setTimeout(() => subscription.unsubscribe(), 2_500);
	for await (const message of subscription) {
		seen.add(message.json<RuntimeStatus>().runtime);
		if (seen.size === 2) break;
	}
	clearTimeout(timer);
	subscription.unsubscribe();
	return seen.size;
}
