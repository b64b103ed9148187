// What is removed when a table leaves, and what stays: whatever comes, leaves and fails at the same time, no event runs on a plugin or
// a chain that is not there, and what could not be installed is not left behind.
import {
	type ChainExecutor,
	type HookCall,
	monotonicMs,
	type PluginImage,
	setEngineFlags,
	type ThreadChain,
	ThreadPool,
	type ThreadStep,
} from "@hookbus/runtime";
import { eventSubject } from "@hookbus/schemas";
import type { JetStreamClient, JsMsg } from "nats";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { ChainHost } from "../../services/runtime/src/chain/chain-host.js";
import { UNGUARDED } from "../../services/runtime/src/chain/invocation-guard.js";
import { RightsTable } from "../../services/runtime/src/host-calls/rights-table.js";
import type { DoneMarks } from "../../services/runtime/src/intake/done-marks.js";
import { DurableIntake } from "../../services/runtime/src/intake/durable-intake.js";
import type { ExecutionReporter } from "../../services/runtime/src/reporting/execution-reporter.js";
import { RuntimeMetrics } from "../../services/runtime/src/reporting/metrics.js";
import { LiveTables } from "../../services/runtime/src/routing/live-tables.js";
import type { PreparedTable } from "../../services/runtime/src/routing/prepare-table.js";
import { ThreadGroups } from "../../services/runtime/src/threads/thread-groups.js";
import { afterEvent } from "../support/events.js";
import { buildTable } from "../support/route-tables.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

const logger = pino({ level: "silent" });

/** Does nothing but remember; an installation ends when the test says so. */
class ScriptedExecutor implements ChainExecutor {
	readonly inFlight = 0;
	readonly threads = 0;
	readonly removed: { readonly chains: readonly number[]; readonly images: readonly string[] }[] = [];
	installing: () => Promise<void> = async () => {};

	async probe() {
		return undefined;
	}
	async callOwn() {
		return undefined;
	}
	async install() {
		await this.installing();
	}
	remove(chains: readonly number[], images: readonly string[]) {
		this.removed.push({ chains, images });
	}
	run: (call: HookCall) => boolean = () => true;
	async stop() {}
}

function chainOf(id: number, waits = false): ThreadChain {
	return { id, tenant: "acme", hook: "on_chat_message", revision: id, waits, steps: [] };
}

function preparedTable(revision: number, ...keys: string[]): PreparedTable {
	return {
		table: buildTable("acme", revision, []),
		images: new Map(keys.map((key) => [key, { key } as PluginImage])),
		rights: new Map(),
		imageOf: new Map(),
		optIns: new Map(),
		subjects: [],
		chains: new Map([
			["on_chat_message", { all: chainOf(revision), assistants: new Map(), bySteps: new Map([[[], chainOf(revision)]]) }],
		]),
		faults: [],
		modules: keys.map((digest) => ({ digest, memoryPages: 1, exports: [] })),
		users: { images: new Map(), taken: [], faults: [], refused: new Map(), untried: new Set(), waits: new Set() },
	};
}

function liveTables() {
	const executor = new ScriptedExecutor();
	const retained: string[][] = [];
	const modules = {
		retain: (requests: Iterable<{ digest: string }>) => void retained.push(Array.from(requests, ({ digest }) => digest)),
	};
	const tables = new LiveTables(executor, modules, new RightsTable());
	return { executor, tables, retained };
}

describe("a table that comes", () => {
	test("keeps its plugins when an older table that has them too leaves before it is installed", async () => {
		const { executor, tables, retained } = liveTables();
		await tables.swap(preparedTable(1, "a", "old"));
		const first = tables.get("acme");
		if (first === undefined) throw new Error("the first table is in service");
		tables.begin(first);
		await tables.swap(preparedTable(2, "b"));
		let installed = () => {};
		executor.installing = () =>
			new Promise((resolve) => {
				installed = resolve;
			});
		const swap = tables.swap(preparedTable(3, "a"));
		tables.end(first);
		expect(executor.removed).toEqual([{ chains: [1], images: ["old"] }]);
		expect(retained).toEqual([["b", "a"]]);
		installed();
		await swap;
		expect(executor.removed.slice(1)).toEqual([{ chains: [2], images: ["b"] }]);
		expect(tables.applied()).toEqual({ acme: { revision: 3, faults: [] } });
	});

	test("leaves nothing behind when it cannot be installed, and the one in service goes on", async () => {
		const { executor, tables } = liveTables();
		await tables.swap(preparedTable(1, "a"));
		executor.installing = () => Promise.reject(new Error("no room"));
		await expect(tables.swap(preparedTable(2, "a", "b"))).rejects.toThrow("no room");
		expect(executor.removed).toEqual([{ chains: [2], images: ["b"] }]);
		expect(tables.applied()).toEqual({ acme: { revision: 1, faults: [] } });
	});
});

describe("a group of threads", () => {
	test("for plugins that wait is started again when it could not be started", async () => {
		let starts = 0;
		const groups = new ThreadGroups(new ScriptedExecutor(), async () => {
			starts += 1;
			if (starts === 1) throw new Error("no memory");
			return new ScriptedExecutor();
		});
		await expect(groups.install([], [chainOf(1, true)])).rejects.toThrow("no memory");
		await groups.install([], [chainOf(2, true)]);
		await groups.install([], [chainOf(3, true)]);
		expect(starts).toBe(2);
	});

	test("that cannot be started leaves no thread that starts others", async () => {
		let failed = 0;
		const counting = pino(
			{ level: "error" },
			{
				write: () => {
					failed += 1;
				},
			},
		);
		const starting = ThreadPool.start(
			{
				threads: 1,
				maxThreads: 1,
				maxInFlight: 1,
				frameIntervalMs: 1_000,
				runtime: "rt-test",
				instancesPerThread: 1,
				// A thread that calculates with it ends.
				payloadBytes: 1n as unknown as number,
			},
			{ invocationKilled() {}, callMoved() {}, stalled() {}, threadEnded() {}, hopeless() {} },
			monotonicMs,
			counting,
		);
		await expect(starting).rejects.toThrow("ended before it was ready");
		const failedAtFirst = failed;
		expect(failedAtFirst).toBeGreaterThan(0);
		await new Promise((resolve) => setTimeout(resolve, 1_000));
		expect(failed).toBe(failedAtFirst);
	});
});

test("an event for a chain that a thread does not have is refused, and nothing else", async () => {
	const host = new ChainHost(UNGUARDED, monotonicMs, 1, 1_000_000);
	const address = { tenant: "acme", hook: "on_chat_message", assistant: "a" } as const;
	const item = {
		slot: 0,
		chain: 7,
		revision: 1,
		address,
		receivedAt: 0,
		offset: 0,
		length: 0,
		attempt: 1,
		checkExpiry: false,
	} as const;
	const reply = await host.run({ ...item, kind: "reply" }, new Uint8Array());
	expect(reply).toMatchObject({
		refused: "runtime_failed",
		reply: expect.stringContaining("chain 7 is not loaded in this thread"),
	});
	expect(await host.run({ ...item, kind: "durable" }, new Uint8Array())).toMatchObject({
		refused: "runtime_failed",
		reply: undefined,
	});
});

test("a durable event whose table is replaced while its marks are read runs on the new one", async () => {
	const { executor, tables } = liveTables();
	const withStep = (revision: number): PreparedTable => {
		const chain = { ...chainOf(revision), hook: "on_after_response" as const, steps: [{ name: "plugin" } as ThreadStep] };
		const hook = { all: chain, assistants: new Map(), bySteps: new Map([[[], chain]]) };
		return { ...preparedTable(revision), chains: new Map([["on_after_response", hook]]) };
	};
	await tables.swap(withStep(1));
	let readMarks = () => {};
	const event = afterEvent();
	const message = {
		subject: eventSubject(event),
		data: Buffer.from(JSON.stringify(event)),
		info: { redeliveryCount: 1 },
	} as unknown as JsMsg;
	const ran: HookCall[] = [];
	executor.run = (call: HookCall) => {
		ran.push(call);
		return true;
	};
	const intake = new DurableIntake({
		js: { consumers: { get: async () => ({ consume: async () => oneMessage(message) }) } } as unknown as JetStreamClient,
		tables,
		executor,
		executions: {} as ExecutionReporter,
		marks: {
			get: () =>
				new Promise((resolve) => {
					readMarks = () => resolve({ plugins: [] });
				}),
		} as unknown as DoneMarks,
		metrics: new RuntimeMetrics(),
		recorder: { offer: () => undefined },
		clock: monotonicMs,
		logger,
		backoffMs: [],
		concurrency: 8,
	});
	intake.start();
	await new Promise((resolve) => setTimeout(resolve, 20));
	await tables.swap(withStep(2));
	expect(executor.removed).toEqual([{ chains: [1], images: [] }]);
	readMarks();
	await waitFor("the event runs", () => ran.length === 1);
	expect(ran[0]?.chain.id).toBe(2);
	expect(tables.get("acme")?.running).toBe(1);
});

/** A consumer that brings one message and then nothing. */
function oneMessage(message: JsMsg) {
	return {
		stop() {},
		async *[Symbol.asyncIterator]() {
			yield message;
			await new Promise(() => {});
		},
	};
}
