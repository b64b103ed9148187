// Runs a recorded event through two versions of a plugin, away from everything that live events use: threads of its own, a linker of its
// own, rights of its own, host functions that do nothing. Not counted by breaker, rate, budget or figures; only threads that had to be
// ended count for the recycling of the process, because what they leave behind is left behind.
//
//   none ─ first event ─▶ open (one thread and its spare) ─ idle for ten seconds, or stop ─▶ none
//
// What was prepared is kept while the bench is open, so that a version that takes long to prepare takes it once.
import type { MasterKeys } from "@hookbus/foundation";
import {
	type EventAddress,
	type Execution,
	FRAME_INTERVAL_MS,
	type HookEvent,
	type Permission,
	type ReplayComparison,
	type ReplaySide,
	type RouteTable,
	type Verdict,
} from "@hookbus/schemas";
import type { Logger } from "pino";
import { HostCallDesk } from "../host-calls/host-call-desk.js";
import type { HostFunctions } from "../host-calls/host-function.js";
import { maskSecrets } from "../host-calls/log/mask-secrets.js";
import { RightsTable } from "../host-calls/rights-table.js";
import { LinkThread } from "../routing/link-thread.js";
import { type ModuleSource, ModuleStore } from "../routing/module-store.js";
import { type PreparedTable, prepareTable } from "../routing/prepare-table.js";
import type { CallCompletion } from "../threads/hook-call.js";
import { peekEvent } from "../threads/settle-in-main.js";
import type { ThreadChain } from "../threads/thread-messages.js";
import { type PoolObserver, ThreadPool } from "../threads/thread-pool.js";
import { dryRunFunctions } from "./dry-run.js";
import { findDifferences } from "./find-differences.js";

/** Milliseconds without work after which the threads are ended. */
const IDLE_MS = 10_000;
/** Most tables that are kept ready. */
const MAX_PREPARED = 16;
/** Causes that can pass by themselves: the event is tried again. */
const PASSING: ReadonlySet<string> = new Set(["module_unavailable", "module_corrupt"]);

export interface ReplayBenchParts {
	/** Of live events; what they do is replaced. */
	readonly functions: HostFunctions;
	readonly masterKeys: MasterKeys;
	readonly ceiling: ReadonlySet<Permission>;
	/** As that of {@link PrepareParts}. */
	readonly userConfigsMs: number;
	readonly cacheDirectory: string;
	readonly modules: ModuleSource;
	readonly observer: Pick<PoolObserver, "threadEnded" | "hopeless">;
	/** Id of this runtime. */
	readonly runtime: string;
	readonly payloadBytes: number;
	readonly clock: () => number;
	readonly logger: Logger;
}

/** The event is none that can be run; the message says why. */
export class UnusableEvent extends Error {
	readonly code: string;

	constructor(code: string) {
		super(`the event is not valid: ${code}`);
		this.name = "UnusableEvent";
		this.code = code;
	}
}

interface Bench {
	readonly pool: ThreadPool;
	readonly linking: LinkThread;
	readonly modules: ModuleStore;
	readonly prepared: Map<string, PreparedTable>;
}

interface Run {
	readonly side: ReplaySide;
	/** What is compared. */
	readonly seen: Record<string, unknown>;
	/** The event's data after the plugin; undefined: as before. */
	readonly data: unknown;
	/** Forms of the secrets that the plugin had. */
	readonly secrets: readonly string[];
}

export class ReplayBench {
	readonly #parts: ReplayBenchParts;
	readonly #rights = new RightsTable();
	readonly #desk: HostCallDesk;
	/** What the plugin that runs now asked of the host. */
	#calls = new Map<string, number>();
	#bench: Promise<Bench> | undefined;
	#idle: NodeJS.Timeout | undefined;
	#nextChain = 1;

	constructor(parts: ReplayBenchParts) {
		this.#parts = parts;
		this.#desk = new HostCallDesk({
			functions: dryRunFunctions(parts.functions),
			rightsOf: (image) => this.#rights.get(image),
			observer: {
				hostCallDone: (_rights, type) => this.#calls.set(type, (this.#calls.get(type) ?? 0) + 1),
				hostCallBroke: (type, error) => parts.logger.error({ call: type, error }, "a host function failed in a replay"),
			},
			clock: parts.clock,
		});
	}

	/**
	 * One call at a time: whoever calls waits for the one before.
	 *
	 * @param version with one step; undefined: it does not run for the event
	 * @throws UnusableEvent; Error when this runtime cannot do it now
	 */
	async compare(
		address: EventAddress,
		body: Uint8Array,
		version: RouteTable | undefined,
		against: RouteTable | undefined,
	): Promise<ReplayComparison> {
		clearTimeout(this.#idle);
		try {
			this.#bench ??= this.#open();
			const bench = await this.#bench.catch((thrown) => {
				this.#bench = undefined;
				throw thrown;
			});
			const before = against && (await this.#runOn(bench, against, address, body));
			const after = version && (await this.#runOn(bench, version, address, body));
			return {
				...(after === undefined ? {} : { version: after.side }),
				...(before === undefined ? {} : { against: before.side }),
				differences: differencesOf(before, after, peekEvent(body)?.data),
			};
		} finally {
			this.#idle = setTimeout(() => void this.stop(), IDLE_MS).unref();
		}
	}

	/** Ends the threads; the next event starts others. */
	async stop(): Promise<void> {
		clearTimeout(this.#idle);
		const opened = this.#bench;
		this.#bench = undefined;
		this.#rights.retain(new Set());
		const bench = await opened?.catch(() => undefined);
		await Promise.all([bench?.pool.stop(), bench?.linking.stop()]);
	}

	async #open(): Promise<Bench> {
		const { runtime, payloadBytes, observer, clock, logger, cacheDirectory, modules } = this.#parts;
		const options = {
			threads: 1,
			maxThreads: 1,
			maxInFlight: 1,
			frameIntervalMs: FRAME_INTERVAL_MS,
			runtime,
			instancesPerThread: MAX_PREPARED,
			payloadBytes,
			desk: this.#desk,
		};
		const nothing = () => undefined;
		const quiet: PoolObserver = {
			threadEnded: (ms) => observer.threadEnded(ms),
			hopeless: (reason) => observer.hopeless(reason),
			invocationKilled: nothing,
			callMoved: nothing,
			stalled: nothing,
		};
		const linking = new LinkThread();
		return {
			pool: await ThreadPool.start(options, quiet, clock, logger),
			linking,
			modules: new ModuleStore(cacheDirectory, modules, (request) => linking.link(request), logger),
			prepared: new Map(),
		};
	}

	/** `undefined`: the step does not apply to this event. */
	async #runOn(bench: Bench, table: RouteTable, address: EventAddress, body: Uint8Array): Promise<Run | undefined> {
		const prepared = await this.#prepare(bench, table);
		const chain = prepared.chains.get(address.hook)?.all;
		if (chain === undefined) return undefined;
		this.#calls = new Map();
		const completion = await this.#run(bench.pool, chain, address, body);
		if (completion.refused !== undefined) throw new UnusableEvent(completion.refused);
		const [execution] = JSON.parse(`[${completion.executions}]`) as Execution[];
		if (execution === undefined) return undefined;
		const secrets = [...prepared.images.values()].flatMap((image) => image.secrets);
		return runOf(execution, completion, secrets, Object.fromEntries(this.#calls));
	}

	async #prepare(bench: Bench, table: RouteTable): Promise<PreparedTable> {
		const key = JSON.stringify([table.plugins, table.userConfigs, table.hooks, table.optIns]);
		const known = bench.prepared.get(key);
		if (known !== undefined) return known;
		const prepared = await prepareTable(table, undefined, {
			modules: bench.modules,
			masterKeys: this.#parts.masterKeys,
			executor: bench.pool,
			ceiling: this.#parts.ceiling,
			userConfigsMs: this.#parts.userConfigsMs,
			nextChainId: () => this.#nextChain++,
			logger: this.#parts.logger,
		});
		const passing = prepared.faults.find(({ code }) => PASSING.has(code));
		if (passing !== undefined) throw new Error(passing.message);
		await bench.pool.install([...prepared.images.values()], chainsOf(prepared));
		for (const [image, rights] of prepared.rights) this.#rights.set(image, rights);
		bench.prepared.set(key, prepared);
		this.#forgetOldest(bench);
		return prepared;
	}

	#forgetOldest({ pool, modules, prepared }: Bench): void {
		for (const [key, oldest] of prepared) {
			if (prepared.size <= MAX_PREPARED) return;
			prepared.delete(key);
			const kept = new Set([...prepared.values()].flatMap((other) => [...other.images.keys()]));
			pool.remove(
				chainsOf(oldest).map(({ id }) => id),
				[...oldest.images.keys()].filter((image) => !kept.has(image)),
			);
			this.#rights.retain(kept);
			modules.retain([...prepared.values()].flatMap((other) => other.modules));
		}
	}

	#run(pool: ThreadPool, chain: ThreadChain, address: EventAddress, body: Uint8Array): Promise<CallCompletion> {
		return new Promise((resolve, reject) => {
			const isTaken = pool.run({
				// Observers run after the answer; what they do is looked at all the same.
				kind: chain.steps[0]?.effect === "observe" ? "observe" : "reply",
				address,
				chain,
				receivedAt: this.#parts.clock(),
				attempt: 1,
				checkExpiry: false,
				body: Uint8Array.from(body),
				crashes: 0,
				nextFrameAt: Number.POSITIVE_INFINITY,
				dueAt: undefined,
				finish: resolve,
			});
			if (!isTaken) reject(new Error("the threads of replays are busy or ended"));
		});
	}
}

function chainsOf({ chains }: PreparedTable): ThreadChain[] {
	return [...chains.values()].flatMap(({ all, assistants }) => [...(all === undefined ? [] : [all]), ...assistants.values()]);
}

function runOf(execution: Execution, { reply }: CallCompletion, secrets: readonly string[], calls: Record<string, number>): Run {
	const verdict = reply === undefined ? undefined : (JSON.parse(Buffer.from(reply).toString("utf8")) as Partial<Verdict>);
	const { outcome, action, reason, error, patch, patchOmitted, stripped, durationMs } = execution;
	const message = verdict?.reason?.message;
	const asked = Object.keys(calls).length === 0 ? {} : { calls };
	const side: ReplaySide = {
		outcome,
		...(action === undefined ? {} : { action }),
		...(reason === undefined ? {} : { reason }),
		...(message === undefined ? {} : { message: maskSecrets(message, secrets) }),
		...(error === undefined ? {} : { error }),
		...(patch === undefined ? {} : { patch }),
		...(patchOmitted === undefined ? {} : { patchOmitted }),
		...(stripped === undefined ? {} : { stripped }),
		durationMs,
		...asked,
	};
	const { result, annotations } = verdict ?? {};
	const seen = { outcome, action, reason, message, result, annotations, stripped, ...asked };
	return { side, seen, data: verdict?.data, secrets };
}

/** Data that one of them changed is compared with what the other left as it was. */
function differencesOf(before: Run | undefined, after: Run | undefined, original: HookEvent["data"] | undefined): string[] {
	if (before === undefined || after === undefined) return before === after ? [] : [""];
	const isChanged = before.data !== undefined || after.data !== undefined;
	const withData = ({ seen, data }: Run) => (isChanged ? { ...seen, data: data ?? original } : seen);
	return findDifferences(withData(before), withData(after), [...before.secrets, ...after.secrets]);
}
