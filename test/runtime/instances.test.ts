// How many instances there are, and whose data they see: bounded in a thread, apart between tenants, one outcome for each call
// however close to its limit it ends.
import { LoadedPlugin, RecentPlugins, setEngineFlags } from "@hookbus/runtime";
import { eventSubject } from "@hookbus/schemas";
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
import { startRuntimeHere } from "../support/start-runtime.js";

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

	beforeAll(async () => {
		const nats = await startNats();
		connection = await connectTo(nats.url);
		await startRuntimeHere({ natsUrl: nats.url });
	});

	test("HP-29 two tenants with the same plugin never see each other, in 4,000 events at once", async () => {
		// Says its configuration and its whole input, as an error.
		const module = await hostileModule({
			data: "canary",
			hook: `(local.set $a (call $config_get (call $data_block)))
				(local.set $b (call $alloc (i64.add (call $length (local.get $a)) (call $input_length))))
				(loop $config
					(call $store_u8
						(i64.add (local.get $b) (i64.extend_i32_u (local.get $i)))
						(call $load_u8 (i64.add (local.get $a) (i64.extend_i32_u (local.get $i)))))
					(local.set $i (i32.add (local.get $i) (i32.const 1)))
					(br_if $config (i64.lt_u (i64.extend_i32_u (local.get $i)) (call $length (local.get $a)))))
				(local.set $b (i64.add (local.get $b) (call $length (local.get $a))))
				(local.set $i (i32.const 0))
				(loop $input
					(call $store_u8
						(i64.add (local.get $b) (i64.extend_i32_u (local.get $i)))
						(call $input_load_u8 (i64.extend_i32_u (local.get $i))))
					(local.set $i (i32.add (local.get $i) (i32.const 1)))
					(br_if $input (i64.lt_u (i64.extend_i32_u (local.get $i)) (call $input_length))))
				(call $error_set (local.get $b))`,
		});
		const tenants = ["acme", "umbrella"];
		for (const tenant of tenants) {
			await new TestRoutes(connection, tenant).apply([
				{
					name: "teller",
					module,
					config: { canary: `config of ${tenant};` },
					bindings: [{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] }],
				},
			]);
		}
		const tell = async (tenant: string, number: number): Promise<void> => {
			const verdict = await ask(connection, chatEvent(`text ${number} of ${tenant}`, { tenant }));
			const said = verdict.trail[0]?.error ?? "";
			expect(said).toContain(`config of ${tenant};`);
			expect(said).toContain(`text ${number} of ${tenant}`);
			for (const other of tenants.filter((name) => name !== tenant)) expect(said).not.toContain(other);
		};
		for (let round = 0; round < 40; round += 1) {
			await Promise.all(Array.from({ length: 100 }, (_, index) => tell(tenants[index % 2] as string, round * 100 + index)));
		}
	}, 120_000);

	test("HP-38 a plugin that ends about when its time is up gets one outcome and one reply for each event", async () => {
		// Turns the event's text, a number of four digits, into so many rounds of work.
		const limitMs = 15;
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
				(local.set $b (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const 10000)))
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
		// How many rounds take as long as the limit, on this machine, now.
		let rounds = 100;
		for (let tries = 0; tries < 10; tries += 1) {
			const { durationMs } = await run(rounds);
			rounds = Math.min(9_000, Math.max(1, Math.round((rounds * limitMs) / Math.max(durationMs, 0.1))));
		}
		const seen = { ok: 0, timeout: 0 };
		for (let event = 0; event < 200; event += 1) {
			const spread = 0.8 + (0.5 * event) / 200;
			const { outcomes } = await run(Math.min(9_999, Math.round(rounds * spread)));
			expect(outcomes).toHaveLength(1);
			const outcome = outcomes[0] as keyof typeof seen;
			expect(Object.keys(seen)).toContain(outcome);
			seen[outcome] += 1;
		}
		expect(seen.ok + seen.timeout).toBe(200);
	}, 120_000);
});
