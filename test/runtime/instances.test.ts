// How many instances there are, and whose data they see: bounded in a thread, apart between tenants, one outcome for each call
// however close to its limit it ends.
import { LoadedPlugin, RecentPlugins, type Runtime, setEngineFlags } from "@hookbus/runtime";
import { eventSubject, executionSubject } from "@hookbus/schemas";
import { createInbox, type NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { hostileModule } from "../attack/hostile-module.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { fixtureModule } from "../support/module-returning.js";
import { pluginImage } from "../support/plugin-image.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { PATIENT, startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { watString } from "../support/wat-parts.js";

setEngineFlags();

describe("instances of a thread", () => {
	test("HP-37 the plugin that was used longest ago gives its instance up", async () => {
		const image = await pluginImage(await fixtureModule("count-calls"));
		const plugins = Array.from({ length: 4 }, () => new LoadedPlugin(image));
		const recent = new RecentPlugins(2);
		for (const plugin of plugins) {
			recent.use(plugin);
			await plugin.prepare();
		}
		expect(plugins.map(({ isReady }) => isReady)).toEqual([false, false, true, true]);
		recent.use(plugins[2] as LoadedPlugin);
		recent.use(plugins[0] as LoadedPlugin);
		expect(plugins.map(({ isReady }) => isReady)).toEqual([false, false, true, false]);
	});

	test("HP-37 five thousand plugins in turn: none fails", async () => {
		const image = await pluginImage(await fixtureModule("count-calls"));
		const recent = new RecentPlugins(256);
		const plugins = Array.from({ length: 5_000 }, () => new LoadedPlugin(image));
		for (const plugin of [...plugins, ...plugins.slice(0, 1_000)]) {
			recent.use(plugin);
			expect((await plugin.invoke("on_chat_message", "{}")).result).toMatchObject({ annotations: { calls: "1" } });
		}
		expect(plugins.filter(({ isReady }) => isReady)).toEqual([]);
	}, 120_000);
});

describe("on one runtime", () => {
	let connection: NatsConnection;
	let runtime: Runtime;

	beforeAll(async () => {
		const nats = await startNats();
		connection = await connectTo(nats.url);
		runtime = await startRuntimeHere({ natsUrl: nats.url, settings: PATIENT });
	});

	test("HP-29 two tenants with the same plugin never see each other, in 10,000 events at once", async () => {
		const module = await tellingModule();
		const tenants = ["acme", "umbrella"];
		const executions = new Map<string, string[]>();
		for (const tenant of tenants) {
			const batches: string[] = [];
			executions.set(tenant, batches);
			connection.subscribe(executionSubject(tenant), { callback: (_failure, message) => batches.push(message.string()) });
			await new TestRoutes(connection, tenant).apply([
				{
					name: "teller",
					module,
					config: { canary: `config of ${tenant}` },
					bindings: [{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] }],
				},
			]);
		}
		const tell = async (tenant: string, number: number): Promise<void> => {
			// Some are told as errors: they take other ways.
			const text = `${number % 50 === 0 ? "!" : ""}text ${number} of ${tenant}`;
			const { annotations, trail } = await ask(connection, chatEvent(text, { tenant }));
			if (number % 50 === 0) expect(trail).toMatchObject([{ outcome: "guest_error", error: text }]);
			else expect(annotations).toEqual({ teller: { config: `config of ${tenant}`, before: "", text } });
		};
		for (let round = 0; round < 100; round += 1) {
			await Promise.all(Array.from({ length: 100 }, (_, index) => tell(tenants[index % 2] as string, round * 100 + index)));
		}
		await waitFor("all executions are reported", () =>
			[...executions.values()].every((batches) => batches.join().split('"plugin":"teller"').length > 5_000),
		);
		for (const [tenant, batches] of executions) {
			const reported = batches.join();
			for (const other of tenants.filter((name) => name !== tenant)) expect(reported.includes(other)).toBe(false);
			expect(reported.split('"text":"text').length).toBeGreaterThan(4_500);
		}
		const metrics = await (await fetch(`http://127.0.0.1:${runtime.port}/metrics`)).text();
		expect(metrics).toContain("teller");
		expect(metrics).not.toMatch(/text \d|config of/);
	}, 120_000);

	test("HP-38 a plugin that ends about when its time is up gets one outcome and one reply for each event", async () => {
		// Turns the event's text, a number of four digits, into so many rounds of work.
		// Long enough for making an instance as well: after a timeout the next event's thread has none, and its time counts.
		const limitMs = 60;
		const module = await hostileModule({
			data: '"text":"',
			hook: `(loop $find
					(local.set $a (i64.add (local.get $a) (i64.const 1)))
					(br_if $find (i64.ne (call $input_load_u64 (local.get $a)) (i64.load (global.get $data)))))
				(local.set $a (i64.add (local.get $a) (i64.const 8)))
				(loop $digit
					(local.set $i (i32.add (i32.mul (local.get $i) (i32.const 10)) (i32.sub (call $input_load_u8 (local.get $a)) (i32.const 48))))
					(local.set $a (i64.add (local.get $a) (i64.const 1)))
					(br_if $digit (i32.ne (call $input_load_u8 (local.get $a)) (i32.const 34))))
				(local.set $b (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const 40000)))
				(block $end (loop $work
					(br_if $end (i64.eqz (local.get $b)))
					(local.set $b (i64.sub (local.get $b) (i64.const 1)))
					(br $work)))
				(call $continue)`,
		});
		await new TestRoutes(connection, "near").apply([
			{ name: "slow", module, bindings: [{ hook: "on_chat_message", effect: "gate", timeoutMs: limitMs }] },
		]);
		const run = async (rounds: number) => {
			const event = chatEvent(String(rounds).padStart(4, "0"), { tenant: "near" });
			const inbox = createInbox("_INBOX_near");
			const outcomes: (string | undefined)[] = [];
			let durationMs = 0;
			const replies = connection.subscribe(inbox, {
				callback: (_failure, message) => {
					const verdict = message.json<{ trail?: { outcome: string; durationMs: number }[] }>();
					if (verdict.trail === undefined) return;
					outcomes.push(verdict.trail[0]?.outcome);
					durationMs = verdict.trail[0]?.durationMs ?? 0;
				},
			});
			connection.publish(eventSubject(event), JSON.stringify(event), { reply: inbox });
			const until = performance.now() + 5_000;
			while (outcomes.length === 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 1));
			await new Promise((resolve) => setTimeout(resolve, 5));
			replies.unsubscribe();
			return { outcomes, durationMs };
		};
		// How many rounds take as long as the limit, on this machine, now; and then a step up after each event that was in time, and
		// down after each that was not, so that all end within a few milliseconds of the limit.
		let rounds = 100;
		for (let tries = 0; tries < 10; tries += 1) {
			const { durationMs } = await run(rounds);
			rounds = Math.min(9_000, Math.max(1, Math.round((rounds * limitMs) / Math.max(durationMs, 0.1))));
		}
		const seen = { ok: 0, timeout: 0 };
		for (let event = 0; event < 150; event += 1) {
			const { outcomes } = await run(Math.min(9_999, Math.max(1, Math.round(rounds))));
			expect(outcomes).toHaveLength(1);
			const outcome = outcomes[0] as keyof typeof seen;
			expect(Object.keys(seen)).toContain(outcome);
			seen[outcome] += 1;
			rounds = Math.min(9_999, Math.max(1, rounds * (outcome === "ok" ? 1.02 : 0.98)));
		}
		expect(Math.min(seen.ok, seen.timeout), JSON.stringify(seen)).toBeGreaterThan(15);
	}, 120_000);
});

/** A plugin that tells its configuration, what an earlier call kept, and the event's text, and keeps and logs the text. */
function tellingModule(): Promise<Uint8Array> {
	const parts = ['{"action":"continue","annotations":{"config":"', '","before":"', '","text":"', '"}}', "canary", '"text":"'];
	const at = parts.map((_, index) => 512 + Buffer.byteLength(parts.slice(0, index).join("")));
	const part = (index: number) => `(i32.const ${at[index]}) (i32.const ${Buffer.byteLength(parts[index] as string)})`;
	return hostileModule({
		fields: `(memory 4) (data (i32.const 512) ${watString(parts.join(""))})
			(global $end (mut i32) (i32.const 4096))
			(func $put (param $from i32) (param $length i32)
				(memory.copy (global.get $end) (local.get $from) (local.get $length))
				(global.set $end (i32.add (global.get $end) (local.get $length))))
			(func $put_block (param $from i64) (local $done i64)
				(block $done_all (loop $next
					(br_if $done_all (i64.ge_u (local.get $done) (call $length (local.get $from))))
					(i32.store8 (global.get $end) (call $load_u8 (i64.add (local.get $from) (local.get $done))))
					(global.set $end (i32.add (global.get $end) (i32.const 1)))
					(local.set $done (i64.add (local.get $done) (i64.const 1)))
					(br $next))))
			(func $text (result i64) (local $at i64) (local $from i32)
				(loop $find
					(local.set $at (i64.add (local.get $at) (i64.const 1)))
					(br_if $find (i64.ne (call $input_load_u64 (local.get $at)) (i64.load (i32.const ${at[5]})))))
				(local.set $at (i64.add (local.get $at) (i64.const 8)))
				(local.set $from (i32.const 8192))
				(loop $copy
					(i32.store8 (local.get $from) (call $input_load_u8 (local.get $at)))
					(local.set $from (i32.add (local.get $from) (i32.const 1)))
					(local.set $at (i64.add (local.get $at) (i64.const 1)))
					(br_if $copy (i32.ne (call $input_load_u8 (local.get $at)) (i32.const 34))))
				(call $block (i32.const 8192) (i32.sub (local.get $from) (i32.const 8192))))`,
		hook: `(local.set $a (call $text))
			(if (i32.eq (call $load_u8 (local.get $a)) (i32.const 33)) (then (call $error_set (local.get $a)) (return (i32.const 0))))
			(call $put ${part(0)}) (call $put_block (call $config_get (call $block ${part(4)})))
			(call $put ${part(1)})
			(local.set $b (call $var_get (call $block ${part(4)})))
			(if (i64.ne (local.get $b) (i64.const 0)) (then (call $put_block (local.get $b))))
			(call $put ${part(2)}) (call $put_block (local.get $a))
			(call $put ${part(3)})
			(call $var_set (call $block ${part(4)}) (local.get $a))
			(call $log_info (local.get $a))
			(call $answer (i32.const 4096) (i32.sub (global.get $end) (i32.const 4096)))`,
	});
}
