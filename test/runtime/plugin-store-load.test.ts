// What plugins can make a runtime and the bus do by filling their stores: counts, ledgers that are followed, room for others.
import { setTimeout as delay } from "node:timers/promises";
import { ensureBus } from "@hookbus/foundation";
import { STATE_STREAM } from "@hookbus/schemas";
import { beforeEach, describe, expect, test } from "vitest";
import { RuntimeMetrics } from "../../services/runtime/src/reporting/metrics.js";
import { connectTo } from "../support/connect.js";
import { keepingRuntime, rightsOf } from "../support/keeping-plugin.js";
import { startNats } from "../support/start-nats.js";

let url: string;
/** Consumers that were made: one for each ledger that is read or counted. */
let made = 0;
let now: number;
const clock = () => now;

beforeEach(async () => {
	url = (await startNats()).url;
	const connection = await connectTo(url);
	await ensureBus(connection, { replicas: 1, ackWaitMs: 30_000 });
	now = Date.now();
	made = 0;
	connection.subscribe("$JS.EVENT.ADVISORY.CONSUMER.CREATED.>", {
		callback: () => {
			made += 1;
		},
	});
	await connection.flush();
});

describe("a full store", () => {
	const FULL = { stateBytes: 10 };

	test("is counted less and less while counts find nothing new", async () => {
		const runtime = await keepingRuntime(url, { clock });
		const plugin = runtime.plugin(rightsOf("acme", "full", FULL));
		expect(await plugin.set("k", "12345678")).toBe(true);
		for (let second = 0; second < 40; second += 1) {
			now += 1_000;
			expect(await plugin.set("more", "x")).toBe(false);
			// Longer than ten times a count.
			if (made < 4) await delay(300);
		}
		await delay(100);
		// To follow it, and after 1, 3, 7, 15 and 31 seconds.
		expect(made).toBeGreaterThanOrEqual(4);
		expect(made).toBeLessThanOrEqual(6);
	});

	test("is not counted together with another one, nor at once after it", async () => {
		const runtime = await keepingRuntime(url, { clock });
		const plugins = Array.from({ length: 8 }, (_, index) => runtime.plugin(rightsOf("acme", `full-${index}`, FULL)));
		for (const plugin of plugins) expect(await plugin.set("k", "12345678")).toBe(true);
		await delay(100);
		expect(made).toBe(8);
		now += 1_000;
		expect(await Promise.all(plugins.map((plugin) => plugin.set("more", "x")))).toEqual(plugins.map(() => false));
		for (const plugin of plugins.slice(1, 3)) expect(await plugin.set("more", "x")).toBe(false);
		await delay(100);
		expect(made).toBe(9);
	});
});

test("ledgers that give way to others are counted", async () => {
	const runtime = await keepingRuntime(url, { maxLedgers: 3 });
	const [state, files] = runtime.stores;
	const use = async (...plugins: readonly number[]) => {
		for (const plugin of plugins) expect(await runtime.plugin(rightsOf("acme", `p${plugin}`)).set("k", "v")).toBe(true);
	};
	await use(1, 2, 3, 1, 2, 3);
	expect(state.evictions).toBe(0);
	await use(4, 1, 2, 4);
	expect([state.evictions, files.evictions]).toEqual([3, 0]);
	const metrics = new RuntimeMetrics();
	const none = { inFlight: () => 0, threads: () => 0, revisions: () => ({}), breakers: () => [] };
	metrics.watch({ ...none, storeEvictions: () => ({ state: state.evictions, files: files.evictions }) });
	// Read twice: what is counted elsewhere must not be added up.
	for (let look = 0; look < 2; look += 1) {
		const page = await metrics.registry.metrics();
		expect(page).toContain('hookbus_plugin_store_evictions_total{store="state"} 3');
		expect(page).toContain('hookbus_plugin_store_evictions_total{store="files"} 0');
	}
});

describe("the plugins of one tenant", () => {
	test("keep a part of a store together and leave room for those of others", async () => {
		const runtime = await keepingRuntime(url, { clock, tenantBytes: 1_000 });
		const [greedy, greedier, other] = [
			runtime.plugin(rightsOf("acme", "greedy")),
			runtime.plugin(rightsOf("acme", "greedier")),
			runtime.plugin(rightsOf("globex", "modest")),
		];
		expect(await greedy.set("k", "x".repeat(600))).toBe(true);
		expect((await Promise.all(["a", "b"].map((key) => greedier.set(key, "x".repeat(300))))).toSorted()).toEqual([false, true]);
		expect(await greedier.set("c", "x".repeat(300))).toBe(false);
		expect(await other.set("k", "x".repeat(600))).toBe(true);
		expect(await greedy.writeFile("f", "x".repeat(600))).toBe(true);
		// What takes no more room than before has it, and what is removed makes some.
		expect(await greedy.set("k", "y".repeat(600))).toBe(true);
		await greedy.delete("k");
		expect(await greedier.set("c", "x".repeat(300))).toBe(true);
	});

	test("have a quarter of the stream unless said otherwise", async () => {
		const connection = await connectTo(url);
		const manager = await connection.jetstreamManager();
		await manager.streams.update(STATE_STREAM, { max_bytes: 40_000 });
		const runtime = await keepingRuntime(url);
		expect(await runtime.plugin(rightsOf("acme", "greedy")).set("k", "x".repeat(9_000))).toBe(true);
		expect(await runtime.plugin(rightsOf("acme", "greedier")).set("k", "x".repeat(2_000))).toBe(false);
		expect(await runtime.plugin(rightsOf("globex", "modest")).set("k", "x".repeat(9_000))).toBe(true);
	});
});
