// What plugins are called for besides events: when their shutdown runs and what it may do, and when their health gives them up.
import { monotonicMs, type PluginRights, setEngineFlags, ThreadPool } from "@hookbus/runtime";
import { DEFAULT_LIMITS } from "@hookbus/schemas";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { RightsTable } from "../../services/runtime/src/host-calls/rights-table.js";
import type { OwnCall } from "../../services/runtime/src/plugin-host/own-call.js";
import type { PluginImage } from "../../services/runtime/src/plugin-host/plugin-image.js";
import { HealthProbes } from "../../services/runtime/src/reporting/health-probes.js";
import { LiveTables } from "../../services/runtime/src/routing/live-tables.js";
import type { PreparedTable } from "../../services/runtime/src/routing/prepare-table.js";
import type { ChainExecutor } from "../../services/runtime/src/threads/chain-executor.js";
import type { LoadFault } from "../../services/runtime/src/threads/thread-messages.js";
import { hostileModule } from "../attack/hostile-module.js";
import { closeAfter } from "../support/close-after.js";
import { pluginImage } from "../support/plugin-image.js";
import { buildTable } from "../support/route-tables.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

function imageOf(key: string, ...ownCalls: readonly OwnCall[]): PluginImage {
	return { key, name: key, version: "1.0.0", modules: { ownCalls } } as unknown as PluginImage;
}

function rightsOf(plugin: string): PluginRights {
	const permissions = new Set(["state", "write_files", "publish"] as const);
	return { tenant: "acme", plugin, permissions, network: [], secrets: {}, limits: DEFAULT_LIMITS };
}

describe("shutdown", () => {
	function tableOf(revision: number, ...images: readonly PluginImage[]): PreparedTable {
		const byKey = new Map(images.map((image) => [image.key, image]));
		return {
			table: buildTable("acme", revision, []),
			images: byKey,
			rights: new Map(images.map(({ key, name }) => [key, rightsOf(name)])),
			imageOf: byKey,
			chains: new Map(),
			faults: [],
			modules: [],
			subjects: [],
			optIns: new Map(),
			users: { images: new Map(), taken: [], faults: [], refused: new Map(), untried: new Set(), waits: new Set() },
		};
	}

	function liveTables() {
		const rights = new RightsTable();
		const calls: { readonly call: string; readonly may: readonly string[] }[] = [];
		let finish = () => {};
		const executor: ChainExecutor = {
			inFlight: 0,
			threads: 0,
			probe: async () => undefined,
			install: async () => {},
			remove() {},
			run: () => true,
			stop: async () => {},
			async callOwn({ key }, call) {
				calls.push({ call: `${key} ${call}`, may: [...(rights.get(key)?.permissions ?? [])] });
				await new Promise<void>((resolve) => {
					finish = resolve;
				});
				return undefined;
			},
		};
		const ended: string[] = [];
		const failed: string[] = [];
		const tables = new LiveTables(executor, { retain() {} }, rights, ({ key }, fault) => {
			ended.push(key);
			if (fault !== undefined) failed.push(`${key} ${fault.message}`);
		});
		return { tables, rights, calls, ended, failed, finish: () => finish() };
	}

	test("runs once no table has the plugin, with rights to speak and none to keep anything, and until it ends only", async () => {
		const { tables, rights, calls, ended, finish } = liveTables();
		const leaving = imageOf("leaving", "shutdown");
		await tables.swap(tableOf(1, leaving, imageOf("silent"), imageOf("well", "health")));
		await tables.swap(tableOf(2, leaving));
		expect(calls).toEqual([]);
		await tables.swap(tableOf(3));
		expect(calls).toEqual([{ call: "leaving shutdown", may: ["publish"] }]);
		finish();
		await waitFor("it ended", () => ended.length === 1);
		expect(rights.get("leaving")).toBeUndefined();
	});

	test("waits for the last event, and leaves a plugin its rights that comes back meanwhile", async () => {
		const { tables, rights, calls, ended, finish } = liveTables();
		const leaving = imageOf("leaving", "shutdown");
		await tables.swap(tableOf(1, leaving));
		const first = tables.get("acme");
		if (first === undefined) throw new Error("the first table is in service");
		tables.begin(first);
		await tables.swap(tableOf(2));
		expect(calls).toEqual([]);
		tables.end(first);
		expect(calls).toHaveLength(1);
		await tables.swap(tableOf(3, leaving));
		finish();
		await waitFor("it ended", () => ended.length === 1);
		expect(rights.get("leaving")?.permissions.has("state")).toBe(true);
	});

	test("runs for every plugin when the runtime stops", async () => {
		const { tables, calls, finish } = liveTables();
		await tables.swap(tableOf(1, imageOf("leaving", "shutdown"), imageOf("silent")));
		const closed = tables.close();
		expect(calls.map(({ call }) => call)).toEqual(["leaving shutdown"]);
		finish();
		await closed;
	});

	test("is not asked of a plugin for which the runtime that stops has no time left, and that is said", async () => {
		const { tables, calls, failed, finish } = liveTables();
		await tables.swap(tableOf(1, imageOf("slow", "shutdown"), imageOf("silent"), imageOf("late", "shutdown")));
		const closed = tables.close(20);
		await new Promise((resolve) => setTimeout(resolve, 30));
		finish();
		await closed;
		expect(calls.map(({ call }) => call)).toEqual(["slow shutdown"]);
		expect(failed).toEqual([expect.stringContaining("late not run: after 20 ms")]);
	});
});

test("HP-03 what hangs in one plugin's own call costs no other plugin its call or its trial, and the trial comes first", async () => {
	const options = {
		threads: 1,
		maxThreads: 1,
		maxInFlight: 1,
		frameIntervalMs: 1_000,
		runtime: "rt-test",
		instancesPerThread: 4,
	};
	const observer = { invocationKilled() {}, callMoved() {}, stalled() {}, threadEnded() {}, hopeless() {} };
	const pool = await ThreadPool.start(options, observer, monotonicMs, pino({ level: "silent" }));
	closeAfter(() => pool.stop());
	const image = async (key: string, shutdown: string) => {
		const fields = `(func (export "shutdown") (result i32) ${shutdown} (i32.const 0))`;
		return { ...(await pluginImage(await hostileModule({ hook: "(call $continue)", fields }))), key };
	};
	const hanging = await image("hanging", "(loop $on (br $on))");
	const well = await image("well", "");
	const ended: unknown[] = [];
	const note = (what: string) => (fault: LoadFault | undefined) => ended.push([what, fault?.code]);
	await Promise.all([
		pool.callOwn(hanging, "shutdown").then(note("hanging")),
		pool.callOwn(well, "shutdown").then(note("well")),
		pool.probe(well).then(note("trial")),
	]);
	expect(ended).toEqual([
		["hanging", "timeout"],
		["trial", undefined],
		["well", undefined],
	]);
});

describe("health", () => {
	/** Asked every few milliseconds. */
	function probesOf(images: PluginImage[], answer: () => LoadFault | undefined) {
		let changes = 0;
		const asked: string[] = [];
		const probes = new HealthProbes({
			executor: {
				async callOwn({ key }) {
					asked.push(key);
					return answer();
				},
			},
			inService: () => images.map((image) => ({ tenant: "acme", revision: 7, image })),
			intervalMs: 5,
			failures: 3,
			onChange: () => {
				changes += 1;
			},
		});
		return { probes, asked, changes: () => changes };
	}

	const ILL: LoadFault = { image: "sick", code: "guest_error", message: "I feel awful" };

	test("asks those that have the export, and gives up after so many bad answers in a row", async () => {
		const { probes, asked } = probesOf([imageOf("sick", "health"), imageOf("plain", "shutdown")], () => ILL);
		probes.start();
		const [given] = await waitFor("it is given up", () => (probes.givenUp.length > 0 ? probes.givenUp : undefined));
		await probes.stop();
		expect(given).toMatchObject({
			tenant: "acme",
			plugin: "sick",
			version: "1.0.0",
			state: "given_up",
			reason: "its health: guest_error: I feel awful",
			revision: 7,
		});
		expect(new Set(asked)).toEqual(new Set(["sick"]));
		expect(probes.results).toMatchObject([{ plugin: "sick", healthy: false, message: "guest_error: I feel awful" }]);
	});

	test("a good answer begins the count anew, and only what changes is told", async () => {
		let turn = 0;
		const { probes, asked, changes } = probesOf([imageOf("moody", "health")], () => {
			turn += 1;
			return turn % 3 === 0 ? undefined : ILL;
		});
		probes.start();
		await waitFor("it was asked often", () => asked.length >= 12);
		expect(probes.givenUp).toEqual([]);
		await probes.stop();
		expect(changes()).toBeLessThan(asked.length);
	});

	test("what left service is forgotten, and comes back as new", async () => {
		const images = [imageOf("guest", "health")];
		const { probes } = probesOf(images, () => ILL);
		probes.start();
		await waitFor("it is given up", () => probes.givenUp.length > 0);
		images.length = 0;
		await waitFor("it is forgotten", () => probes.results.length === 0);
		expect(probes.givenUp).toEqual([]);
		await probes.stop();
	});
});
