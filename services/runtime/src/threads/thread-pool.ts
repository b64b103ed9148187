// The pool of worker threads: picks a thread for each call, watches the time, ends what is over its limit, and brings the
// innocent calls to another thread. One spare thread is always warm, so that a killed one is replaced at once; it also
// tries out new plugins, away from the traffic.
//
// A call's way:  run → a thread's hand → done
//                          ├─ waits behind a slow invocation → taken back → another thread
//                          ├─ its invocation is over the limit → condemned → failure policy → next step, or its verdict
//                          └─ its thread died → failure policy if it was running, another thread if it waited
//
// One file in spite of its length: which threads serve, which is the spare, and which calls wait change together, whatever
// happens; in parts, each would need the state of the others.

import { MAX_DEADLINE_MS, type Outcome } from "@hookbus/schemas";
import type { Logger } from "pino";
import { replyBudgetMs } from "../chain/reply-budget.js";
import { DEFAULT_PAYLOAD_BYTES } from "../chain/verdict-size.js";
import { errors } from "../errors.js";
import type { HostCallDesk } from "../host-calls/host-call-desk.js";
import { OWN_CALL_MS, type OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "./chain-executor.js";
import type { CallCompletion, HookCall } from "./hook-call.js";
import { InService, split } from "./in-service.js";
import { Pauses } from "./pauses.js";
import { deadlineOf, peekEvent, settleDefeat, settleUnrun } from "./settle-in-main.js";
import type { Checkpoint, RunningInvocation } from "./shared-cells.js";
import { STUCK_MS, ThreadClient, type ThreadEvents, type UnfinishedCalls } from "./thread-client.js";
import type { DoneItem, LoadFault, ThreadChain, ThreadLoad } from "./thread-messages.js";
import { findThreadSource } from "./thread-source.js";
import { Turns } from "./turns.js";

/** Milliseconds between two looks of the watchdog. */
const WATCH_INTERVAL_MS = 5;
/** An invocation that runs longer than this holds up what waits behind it. */
const SLOW_MS = 10;
/** A gap between two looks that means: the process did not run. */
const PAUSE_MS = 50;
/** For pauses an invocation gets at most this many times its limit on top, so that it ends on every machine. */
const MAX_EXTENSIONS = 3;
/** A pause so long that events which waited in the socket may be stale. */
const STALL_MS = 500;
/** Age from which a call's deadline is looked up. */
const LATE_MS = 20;
/** Milliseconds without work after which a thread above the base number is ended. */
const EXTRA_IDLE_MS = 2_000;
/** How often a call may lose its thread before it is given up. */
const MAX_CRASHES = 2;
/** Threads that may die in a row while they start. More will not start either. */
const MAX_FAILED_STARTS = 8;

const NOTHING: ThreadLoad = { images: [], warm: false, lists: [], chains: [] };

export interface ThreadPoolOptions {
	/** Threads that serve calls; one spare comes on top. */
	readonly threads: number;
	/** Most threads while slow plugins hold up the base number. */
	readonly maxThreads: number;
	/** Most calls that wait or run. */
	readonly maxInFlight: number;
	readonly frameIntervalMs: number;
	/** Id of this runtime. */
	readonly runtime: string;
	/** Most plugins that have an instance in one thread at the same time. */
	readonly instancesPerThread: number;
	/** Largest message that the bus takes, in bytes: no verdict may be larger. Default: 1 MiB, as with NATS. */
	readonly payloadBytes?: number;
	/** Answers what plugins ask of the host; absent: they are denied it. */
	readonly desk?: HostCallDesk;
}

/** What the pool tells about itself, for counters and for the last resort. */
export interface PoolObserver {
	/** An invocation was over its limit, or its thread died under it. */
	invocationKilled(plugin: string, outcome: Outcome): void;
	callMoved(): void;
	/** The process stood still for this many milliseconds. */
	stalled(gapMs: number): void;
	/** A thread that had to be ended was gone after this many milliseconds. */
	threadEnded(ms: number): void;
	/** Threads cannot be ended, or cannot be started. Nothing in this process can help any more. */
	hopeless(reason: string): void;
}

export class ThreadPool implements ChainExecutor {
	readonly #options: ThreadPoolOptions;
	readonly #observer: PoolObserver;
	readonly #clock: () => number;
	readonly #logger: Logger;
	readonly #inService = new InService();
	/** One plugin at a time has the spare. */
	readonly #spareTurns = new Turns();
	#serving: ThreadClient[] = [];
	#spare: ThreadClient;
	/** Calls that no thread has room for; they were admitted and wait here. */
	#waiting: HookCall[] = [];
	#inFlight = 0;
	#nextThread = 1;
	#stopped = false;
	#failedStarts = 0;
	#lastLook: number;
	#busyAt: number;
	readonly #source = findThreadSource();
	readonly #pauses = new Pauses();
	readonly #watch: NodeJS.Timeout;

	private constructor(options: ThreadPoolOptions, observer: PoolObserver, clock: () => number, logger: Logger) {
		this.#options = options;
		this.#observer = observer;
		this.#clock = clock;
		this.#logger = logger;
		this.#serving = Array.from({ length: options.threads }, () => this.#startThread());
		this.#spare = this.#startThread();
		this.#lastLook = clock();
		this.#busyAt = this.#lastLook;
		this.#watch = setInterval(() => this.#look(), WATCH_INTERVAL_MS);
	}

	/** Starts the pool and waits until its threads are ready. When one cannot be started, it leaves none behind and rejects. */
	static async start(
		options: ThreadPoolOptions,
		observer: PoolObserver,
		clock: () => number,
		logger: Logger,
	): Promise<ThreadPool> {
		const pool = new ThreadPool(options, observer, clock, logger);
		try {
			await Promise.all([...pool.#serving, pool.#spare].map((thread) => thread.ready));
		} catch (thrown) {
			await pool.stop();
			throw thrown;
		}
		return pool;
	}

	get inFlight(): number {
		return this.#inFlight;
	}

	get threads(): number {
		return this.#serving.length;
	}

	/** Before own calls that wait: nobody's `shutdown` may hold up that somebody else's plugin comes into service. */
	probe(image: PluginImage): Promise<LoadFault | undefined> {
		return this.#spareTurns.takeFirst(async () => {
			try {
				const spare = await this.#liveSpare();
				const faults = await spare.load({ ...NOTHING, images: [image], warm: true });
				if (!this.#inService.has(image.key)) spare.drop({ images: [image.key], chains: [], lists: [] });
				return faults[0];
			} catch (thrown) {
				// The watchdog ended the spare thread: making an instance took too long, or took the thread down.
				return { image: image.key, code: "timeout", message: `no instance could be made: ${(thrown as Error).message}` };
			}
		});
	}

	callOwn(image: PluginImage, call: OwnCall): Promise<LoadFault | undefined> {
		return this.#spareTurns.take(async () => {
			try {
				const spare = await this.#liveSpare();
				return (await spare.callOwn(image, call))[0];
			} catch {
				// The watchdog ended the spare thread.
				return { image: image.key, code: "timeout", message: `not done after ${OWN_CALL_MS} ms; ended` };
			}
		});
	}

	async install(images: readonly PluginImage[], chains: readonly ThreadChain[]): Promise<void> {
		const added = await this.#inService.add(images, chains);
		// More instances than a thread keeps would only push each other out; those of users, of whom there can be thousands, are made by
		// their first event.
		const warm = new Set(added.images.filter((image) => !image.ofUsers).slice(0, this.#options.instancesPerThread));
		for (const image of warm) await this.#load({ ...NOTHING, images: [image], warm: true });
		const loads: Promise<void>[] = [];
		for (const load of split({ ...added, images: added.images.filter((image) => !warm.has(image)) })) {
			loads.push(this.#load(load));
			await new Promise((resolve) => setImmediate(resolve));
		}
		await Promise.all(loads);
	}

	remove(chains: readonly number[], images: readonly string[]): void {
		const drop = this.#inService.remove(chains, images);
		for (const thread of [...this.#serving, this.#spare]) thread.drop(drop);
	}

	run(call: HookCall): boolean {
		if (this.#stopped || this.#inFlight >= this.#options.maxInFlight) return false;
		this.#inFlight += 1;
		this.#dispatch(call);
		return true;
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		clearInterval(this.#watch);
		await Promise.all([...this.#serving, this.#spare].map((thread) => thread.stop()));
	}

	/** The spare when it is ready. Rejects when one ended while it started and no other took its place. */
	async #liveSpare(): Promise<ThreadClient> {
		for (;;) {
			const spare = this.#spare;
			try {
				await spare.ready;
				return spare;
			} catch (thrown) {
				if (this.#stopped || spare === this.#spare) throw thrown;
			}
		}
	}

	#startThread(): ThreadClient {
		const events: ThreadEvents = {
			onDone: (call, item, body) => this.#done(call, item, body),
			onGone: (thread, unfinished) => this.#threadGone(thread, unfinished),
			onEnded: (ms) => this.#observer.threadEnded(ms),
			onStuck: (thread) => this.#observer.hopeless(`thread ${thread.id} did not end within ${STUCK_MS} ms`),
		};
		const { runtime, instancesPerThread: instances, payloadBytes = DEFAULT_PAYLOAD_BYTES, desk } = this.#options;
		const data = { runtime, instances, payloadBytes, desk };
		const thread = new ThreadClient(this.#nextThread, this.#source, data, events, this.#logger);
		this.#nextThread += 1;
		// Instances are made when they are needed: a plugin that hangs while one is made must not end thread after thread.
		void thread.prime(this.#inService.loads());
		return thread;
	}

	/** Resolves when the threads that serve have it; a thread that ends meanwhile is replaced by one that is told everything. */
	async #load(load: ThreadLoad): Promise<void> {
		void this.#spare.load({ ...load, warm: false }).catch(() => undefined);
		await Promise.allSettled(this.#serving.map((thread) => thread.load(load)));
	}

	#dispatch(call: HookCall): void {
		const thread = this.#pick();
		if (thread === undefined) this.#waiting.push(call);
		else thread.send(call);
	}

	/** The thread with the least in hand; one that is held up by a slow invocation only if all are. */
	#pick(): ThreadClient | undefined {
		const now = this.#clock();
		let best: ThreadClient | undefined;
		let bestLoad = Number.POSITIVE_INFINITY;
		for (const thread of this.#serving) {
			if (!thread.hasRoom) continue;
			const load = thread.inHand === 0 ? 0 : thread.inHand + (isSlow(thread, now) ? 10_000 : 0);
			if (load < bestLoad) {
				best = thread;
				bestLoad = load;
			}
		}
		return best;
	}

	#done(call: HookCall, item: DoneItem, body: ArrayBuffer): void {
		const observe = item.observe;
		this.#finish(call, {
			reply: item.length === 0 ? undefined : new Uint8Array(body, item.offset, item.length),
			deadlineMs: item.deadlineMs,
			steps: item.steps,
			executions: item.executions,
			observe:
				observe === undefined
					? undefined
					: observe === "as-sent"
						? call.body
						: new Uint8Array(body, observe.offset, observe.length),
			refused: item.refused,
		});
		this.#sendWaiting();
	}

	#finish(call: HookCall, completion: CallCompletion): void {
		this.#inFlight -= 1;
		call.finish(completion);
	}

	#sendWaiting(): void {
		while (this.#waiting.length > 0) {
			const thread = this.#pick();
			if (thread === undefined) return;
			thread.send(this.#waiting.shift() as HookCall);
		}
	}

	/** The watchdog. */
	#look(): void {
		const now = this.#clock();
		const gap = now - this.#lastLook;
		this.#lastLook = now;
		if (gap > PAUSE_MS) this.#pauses.note(now, gap - WATCH_INTERVAL_MS);
		if (gap > STALL_MS) this.#observer.stalled(gap);
		let blocked = 0;
		for (const thread of [...this.#serving, this.#spare]) {
			const invocation = thread.cells.running();
			if (invocation === undefined) continue;
			if (this.#isOver(thread, invocation, now)) {
				this.#condemn(thread, invocation, now);
			} else if (now - invocation.startedAt > SLOW_MS && thread !== this.#spare) {
				blocked += 1;
				if (thread.inHand > 1) this.#moveWaiting(thread);
			}
		}
		for (const thread of this.#serving) this.#lookAfterCalls(thread, now);
		this.#expireWaiting(now);
		this.#resize(blocked, now);
		this.#sendWaiting();
	}

	/** Over its limit, pauses not counted; or its event's verdict is due, whatever the reason. */
	#isOver(thread: ThreadClient, invocation: RunningInvocation, now: number): boolean {
		if (now <= invocation.deadlineAt) return false;
		const limit = invocation.deadlineAt - invocation.startedAt;
		const lost = Math.min(this.#pauses.lostSince(invocation.startedAt), MAX_EXTENSIONS * limit);
		if (now > invocation.deadlineAt + lost) return true;
		const call = thread.callAt(invocation.slot);
		return call !== undefined && now > this.#dueAt(call);
	}

	#condemn(thread: ThreadClient, invocation: RunningInvocation, now: number): void {
		const condemned = thread.condemnInvocation(invocation);
		if (condemned === undefined) return;
		const innocent = thread.takeBackWaiting();
		this.#replace(thread);
		for (const call of innocent) this.#dispatch(call);
		const { call, checkpoint } = condemned;
		if (call === undefined) {
			this.#logger.warn({ thread: thread.id }, "making an instance took too long; its thread was ended");
			return;
		}
		const limit = Math.round(invocation.deadlineAt - invocation.startedAt);
		this.#defeat(call, invocation, "timeout", `not done after ${limit} ms; ended`, checkpoint, now);
	}

	#defeat(
		call: HookCall,
		invocation: Pick<RunningInvocation, "step" | "startedAt">,
		outcome: Outcome,
		error: string,
		checkpoint: Checkpoint | undefined,
		now: number,
	): void {
		this.#observer.invocationKilled(call.chain.steps[invocation.step]?.name ?? "unknown", outcome);
		const defeat = { step: invocation.step, outcome, error, startedAt: invocation.startedAt };
		const next = settleDefeat(call, defeat, checkpoint, this.#options.runtime, now, now < this.#dueAt(call));
		if (next === "resume") this.#dispatch(call);
		else this.#finish(call, next);
	}

	#threadGone(thread: ThreadClient, unfinished: UnfinishedCalls): void {
		if (this.#stopped) return;
		this.#failedStarts = unfinished.wasReady ? 0 : this.#failedStarts + 1;
		if (this.#failedStarts >= MAX_FAILED_STARTS) {
			this.#observer.hopeless(`${MAX_FAILED_STARTS} threads in a row ended while they started: ${unfinished.reason}`);
			return;
		}
		this.#replace(thread);
		for (const call of unfinished.waiting) this.#dispatch(call);
		const now = this.#clock();
		const outcome: Outcome = unfinished.reason.includes("memory") ? "memory" : "host_error";
		for (const { call, invocation } of unfinished.begun) {
			// Finished, and the answer ended with a thread that somebody else's invocation cost its life.
			if (!unfinished.condemned) call.crashes += 1;
			if (invocation !== undefined) {
				const checkpoint = thread.cells.readCheckpoint(invocation.slot, invocation.step);
				this.#defeat(call, invocation, outcome, `its thread ended: ${unfinished.reason}`, checkpoint, now);
			} else if (call.crashes > MAX_CRASHES) {
				this.#finish(call, settleUnrun(call, "host_error", "its threads ended", this.#options.runtime, now));
			} else {
				this.#dispatch(call);
			}
		}
	}

	/** Puts the spare in the place of a thread that ends, and starts another spare. */
	#replace(thread: ThreadClient): void {
		if (thread === this.#spare) {
			this.#spare = this.#startThread();
			return;
		}
		const index = this.#serving.indexOf(thread);
		if (index < 0) return;
		this.#serving[index] = this.#spare;
		this.#spare = this.#startThread();
	}

	#moveWaiting(thread: ThreadClient): void {
		const now = this.#clock();
		const elsewhere = this.#serving.some((other) => other !== thread && other.hasRoom && !isSlow(other, now));
		if (!elsewhere) return;
		for (const call of thread.takeBackWaiting()) {
			this.#observer.callMoved();
			this.#dispatch(call);
		}
	}

	/** Progress frames for calls that take a while; an answer by policy for calls that waited until their deadline. */
	#lookAfterCalls(thread: ThreadClient, now: number): void {
		if (thread.inHand === 0) return;
		for (const [slot, call] of thread.callsInHand()) {
			if (now - call.receivedAt < LATE_MS) continue;
			this.#progress(call, now);
			if (now > this.#dueAt(call) && thread.takeBack(slot)) this.#expire(call, now);
		}
	}

	#expireWaiting(now: number): void {
		if (this.#waiting.length === 0) return;
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const call of waiting) {
			this.#progress(call, now);
			if (now > this.#dueAt(call)) this.#expire(call, now);
			else this.#waiting.push(call);
		}
	}

	#progress(call: HookCall, now: number): void {
		if (call.progress === undefined || now < call.nextFrameAt) return;
		call.nextFrameAt = now + this.#options.frameIntervalMs;
		call.progress();
	}

	#expire(call: HookCall, now: number): void {
		this.#finish(
			call,
			settleUnrun(call, "overloaded", "waited for a thread until the event's deadline", this.#options.runtime, now),
		);
	}

	#dueAt(call: HookCall): number {
		call.dueAt ??= call.receivedAt + (call.kind === "reply" ? replyBudgetMs(deadlineOf(peekEvent(call.body))) : MAX_DEADLINE_MS);
		return call.dueAt;
	}

	/** More threads while all are held up and calls wait, fewer when there is nothing to do. */
	#resize(blocked: number, now: number): void {
		const { threads, maxThreads } = this.#options;
		const crowded = this.#inFlight > this.#serving.length;
		if (this.#inFlight > 0) this.#busyAt = now;
		if (blocked >= this.#serving.length && crowded && this.#serving.length < maxThreads && this.#spare.state === "ready") {
			this.#serving.push(this.#spare);
			this.#spare = this.#startThread();
			for (const thread of this.#serving) this.#moveWaiting(thread);
		} else if (this.#serving.length > threads && now - this.#busyAt > EXTRA_IDLE_MS) {
			const extra = this.#serving.pop() as ThreadClient;
			void extra.stop();
			this.#busyAt = now;
		}
	}
}

function isSlow(thread: ThreadClient, now: number): boolean {
	const invocation = thread.cells.running();
	return invocation !== undefined && now - invocation.startedAt > SLOW_MS;
}

/** For a caller that finds no room. */
export function overloaded(inFlight: number): Error {
	return errors.overloaded(
		`${inFlight} events wait or run here, which is the limit; send the event again later, or add a runtime`,
	);
}
