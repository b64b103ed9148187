// The main thread's side of one worker thread.
//
//   starting  the thread boots, and is told what is in service;
//             calls may not be sent                          → ready (its first message, and it was told all), → gone
//   ready     calls are sent in batches                      → condemned (an invocation was taken away), → gone
//   condemned terminate() was asked; nothing is sent         → gone
//   gone      it ended; every call that it had was handed back
//
// A call that the thread has in hand is in `#calls` under its slot, from `send` until it is answered, taken back, or handed
// back when the thread is gone. A slot that was taken back is in `#taken` until the thread has skipped it.
//
// One file in spite of its length: every step above changes the same tables of calls, and none makes sense without the others.
import { MessageChannel, Worker } from "node:worker_threads";
import { describeError } from "@hookbus/foundation/errors";
import type { Logger } from "pino";
import { errors } from "../errors.js";
import type { DeskConnection, HostCallDesk } from "../host-calls/host-call-desk.js";
import type { OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { HookCall } from "./hook-call.js";
import { type Checkpoint, type RunningInvocation, SharedCells, SLOTS } from "./shared-cells.js";
import type { ThreadData } from "./thread-entry.js";
import type { DoneItem, FromThread, LoadFault, RunItem, ThreadDrop, ThreadLoad, ToThread } from "./thread-messages.js";

/** Milliseconds within which a terminated thread is gone on a machine that runs. */
const TERMINATION_LIMIT_MS = 250;
/** Milliseconds of a running process after which it will never be gone. */
export const STUCK_MS = 2_000;
const LOOKS = STUCK_MS / TERMINATION_LIMIT_MS;

export interface ThreadEvents {
	/** The thread answered a call. */
	onDone(call: HookCall, item: DoneItem, body: ArrayBuffer): void;
	/** The thread is gone; these calls were not begun, or not finished. */
	onGone(thread: ThreadClient, unfinished: UnfinishedCalls): void;
	/** A condemned thread is gone, this many milliseconds after it was terminated. */
	onEnded(ms: number): void;
	/** A condemned thread did not end within {@link STUCK_MS}. */
	onStuck(thread: ThreadClient): void;
}

export interface UnfinishedCalls {
	/** Handed over and not begun: innocent. */
	readonly waiting: HookCall[];
	/**
	 * Begun and not answered. One of them was in `invocation` when the thread ended by itself; the others were finished, and
	 * their answers ended with the thread.
	 */
	readonly begun: { readonly call: HookCall; readonly invocation: RunningInvocation | undefined }[];
	readonly reason: string;
	/** The pool ended the thread; whatever is left is innocent. */
	readonly condemned: boolean;
	/** The thread had started properly. */
	readonly wasReady: boolean;
}

interface PendingLoad {
	resolve(faults: readonly LoadFault[]): void;
	reject(reason: Error): void;
}

type State = "starting" | "ready" | "condemned" | "gone";

export class ThreadClient {
	readonly id: number;
	readonly cells = new SharedCells();
	readonly ready: Promise<void>;
	#state: State = "starting";
	readonly #worker: Worker;
	readonly #hostCalls: DeskConnection | undefined;
	readonly #events: ThreadEvents;
	readonly #logger: Logger;
	readonly #calls: (HookCall | undefined)[] = new Array(SLOTS);
	readonly #taken = new Set<number>();
	readonly #freeSlots: number[] = [];
	readonly #loads = new Map<number, PendingLoad>();
	#nextLoad = 1;
	#outbox: { slot: number; call: HookCall }[] = [];
	#flushing = false;
	#inHand = 0;
	#stuckTimer: NodeJS.Timeout | undefined;
	#condemnedAt: number | undefined;
	#goneReason = "ended";
	/** It has said that it runs. */
	#wasReady = false;
	/** It was told all that was in service when it was started. */
	#primed = true;
	#onReady: () => void = () => undefined;

	constructor(
		id: number,
		source: URL,
		{ desk, ...data }: Omit<ThreadData, "cells" | "hostCalls"> & { readonly desk: HostCallDesk | undefined },
		events: ThreadEvents,
		logger: Logger,
	) {
		this.id = id;
		this.#events = events;
		this.#logger = logger.child({ thread: id });
		for (let slot = SLOTS - 1; slot >= 0; slot -= 1) this.#freeSlots.push(slot);
		const channel = new MessageChannel();
		const answers = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
		this.#hostCalls = desk?.connect(channel.port1, new Int32Array(answers));
		const workerData: ThreadData = { ...data, cells: this.cells.buffer, hostCalls: desk && { port: channel.port2, answers } };
		this.#worker = new Worker(source, {
			workerData,
			transferList: desk === undefined ? [] : [channel.port2],
			name: `hookbus plugins ${id}`,
			// Nothing of the process's environment may be readable next to plugin code.
			env: {},
			argv: [],
			// Extism's SDK loads Node's WASI, which no plugin ever gets, and Node warns of it in every thread.
			execArgv: ["--disable-warning=ExperimentalWarning"],
			stdin: false,
			resourceLimits: { maxOldGenerationSizeMb: 512, stackSizeMb: 4 },
		});
		this.ready = new Promise((resolve, reject) => {
			this.#onReady = resolve;
			this.#worker.on("message", (message: FromThread) => this.#receive(message));
			this.#worker.on("error", (thrown) => {
				this.#goneReason = describeError(thrown);
				this.#logger.error({ error: this.#goneReason }, "worker thread failed");
			});
			this.#worker.on("messageerror", (thrown) => this.condemn(`unreadable message: ${describeError(thrown)}`));
			this.#worker.on("exit", () => {
				reject(errors.thread_failed(`worker thread ${id} ended before it was ready: ${this.#goneReason}`));
				this.#gone();
			});
		});
		this.ready.catch(() => undefined);
	}

	get state(): State {
		return this.#state;
	}

	/** Calls that the thread has in hand. */
	get inHand(): number {
		return this.#inHand;
	}

	get hasRoom(): boolean {
		return this.#state === "ready" && this.#freeSlots.length > 0;
	}

	/** Hands a call over with the batch of this turn of the event loop. Only when {@link hasRoom}. */
	send(call: HookCall): void {
		const slot = this.#freeSlots.pop() as number;
		this.#calls[slot] = call;
		this.#inHand += 1;
		this.cells.queue(slot);
		this.#outbox.push({ slot, call });
		if (this.#flushing) return;
		this.#flushing = true;
		setImmediate(() => this.#flush());
	}

	/**
	 * Tells the thread what is in service, one message in each turn of the event loop. It is not ready before.
	 *
	 * @param loads drawn one by one, so that each says what is in service when it is sent
	 */
	async prime(loads: Iterable<ThreadLoad>): Promise<void> {
		this.#primed = false;
		for (const load of loads) {
			if (this.#state !== "starting") return;
			this.load(load).catch(() => undefined);
			await new Promise((resolve) => setImmediate(resolve));
		}
		this.#primed = true;
		this.#becomeReady();
	}

	/** Takes something into service. Rejects when the thread ends first. */
	load(load: ThreadLoad): Promise<readonly LoadFault[]> {
		return this.#ask((id) => ({ type: "load", id, load }));
	}

	/** Runs `health` or `shutdown` of a plugin. Rejects when the thread ends first. */
	callOwn(image: PluginImage, call: OwnCall): Promise<readonly LoadFault[]> {
		return this.#ask((id) => ({ type: "own", id, image, call }));
	}

	#ask(message: (id: number) => ToThread): Promise<readonly LoadFault[]> {
		return new Promise((resolve, reject) => {
			if (this.#state === "gone" || this.#state === "condemned") {
				reject(errors.thread_failed(`worker thread ${this.id} is ${this.#state}`));
				return;
			}
			const id = this.#nextLoad;
			this.#nextLoad += 1;
			this.#loads.set(id, { resolve, reject });
			this.#post(message(id));
		});
	}

	drop(drop: ThreadDrop): void {
		if (this.#state === "starting" || this.#state === "ready") this.#post({ type: "drop", drop });
	}

	/** Takes back every call that was not begun. */
	takeBackWaiting(): HookCall[] {
		const taken: HookCall[] = [];
		for (let slot = 0; slot < SLOTS; slot += 1) {
			const call = this.#calls[slot];
			if (call !== undefined && this.takeBack(slot)) taken.push(call);
		}
		return taken;
	}

	/** Takes one call back; false when the thread has begun it. */
	takeBack(slot: number): boolean {
		if (!this.cells.take(slot)) return false;
		this.#calls[slot] = undefined;
		this.#inHand -= 1;
		this.#taken.add(slot);
		return true;
	}

	/** The call in this slot; `undefined` for none, and for the slot of no call. */
	callAt(slot: number): HookCall | undefined {
		return this.#calls[slot];
	}

	/** Slots and calls in hand. */
	*callsInHand(): Iterable<[number, HookCall]> {
		for (let slot = 0; slot < SLOTS; slot += 1) {
			const call = this.#calls[slot];
			if (call !== undefined) yield [slot, call];
		}
	}

	/**
	 * Takes the running invocation away and ends the thread. `undefined`: it ended in the meantime. Without a call, the
	 * thread was making an instance.
	 */
	condemnInvocation(
		invocation: RunningInvocation,
	): { call: HookCall | undefined; checkpoint: Checkpoint | undefined } | undefined {
		if (!this.cells.condemn(invocation)) return undefined;
		const call = this.callAt(invocation.slot);
		if (call !== undefined) {
			this.#calls[invocation.slot] = undefined;
			this.#inHand -= 1;
		}
		const checkpoint = call === undefined ? undefined : this.cells.readCheckpoint(invocation.slot, invocation.step);
		const what = invocation.slot < 0 ? "initialize, or another call outside of events," : "an invocation";
		this.condemn(`${what} was not done after ${Math.round(invocation.deadlineAt - invocation.startedAt)} ms`);
		return { call, checkpoint };
	}

	/** Ends the thread; what it had in hand comes back through `onGone`. */
	condemn(reason: string): void {
		if (this.#state === "condemned" || this.#state === "gone") return;
		this.#state = "condemned";
		this.#goneReason = reason;
		this.#condemnedAt = performance.now();
		this.#hostCalls?.close();
		this.#watchTermination(LOOKS);
		void this.#worker.terminate();
	}

	/** Ends a thread that nobody needs any more and waits until it is gone, however long that takes. */
	async stop(): Promise<void> {
		if (this.#state === "starting" || this.#state === "ready") this.#state = "condemned";
		clearTimeout(this.#stuckTimer);
		this.#hostCalls?.close();
		await this.#worker.terminate();
	}

	/** A timer that fires late says that this process stood still, not that the thread is stuck: then the look does not count. */
	#watchTermination(looksLeft: number): void {
		const asked = performance.now();
		this.#stuckTimer = setTimeout(() => {
			const onTime = performance.now() - asked < TERMINATION_LIMIT_MS * 1.4;
			const left = onTime ? looksLeft - 1 : looksLeft;
			if (left === LOOKS - 1 && onTime)
				this.#logger.warn(`the thread is still there ${TERMINATION_LIMIT_MS} ms after it was ended`);
			if (left > 0) this.#watchTermination(left);
			else this.#events.onStuck(this);
		}, TERMINATION_LIMIT_MS);
	}

	#becomeReady(): void {
		if (!this.#wasReady || !this.#primed) return;
		if (this.#state === "starting") this.#state = "ready";
		this.#onReady();
	}

	#receive(message: FromThread): void {
		switch (message.type) {
			case "ready":
				this.#wasReady = true;
				this.#becomeReady();
				return;
			case "loaded":
				this.#loads.get(message.id)?.resolve(message.faults);
				this.#loads.delete(message.id);
				return;
			case "done":
				for (const slot of message.skipped) {
					this.#taken.delete(slot);
					this.#free(slot);
				}
				for (const item of message.items) {
					const call = this.#calls[item.slot];
					if (call === undefined) continue;
					this.#calls[item.slot] = undefined;
					this.#inHand -= 1;
					this.#free(item.slot);
					this.#events.onDone(call, item, message.body);
				}
				return;
			default:
				message satisfies never;
		}
	}

	#free(slot: number): void {
		this.cells.release(slot);
		this.#freeSlots.push(slot);
	}

	#flush(): void {
		this.#flushing = false;
		const outbox = this.#outbox;
		this.#outbox = [];
		if (outbox.length === 0 || this.#state !== "ready") return;
		let bytes = 0;
		for (const { call } of outbox) bytes += call.body.length;
		const body = new Uint8Array(bytes);
		let offset = 0;
		const items = outbox.map(({ slot, call }): RunItem => {
			body.set(call.body, offset);
			const item = {
				slot,
				chain: call.chain.id,
				revision: call.chain.revision,
				kind: call.kind,
				address: call.address,
				receivedAt: call.receivedAt,
				offset,
				length: call.body.length,
				attempt: call.attempt,
				checkExpiry: call.checkExpiry,
				...(call.only === undefined ? {} : { only: call.only }),
				...(call.refusals === undefined ? {} : { refusals: call.refusals }),
				...(call.resume === undefined ? {} : { resume: call.resume }),
			};
			offset += call.body.length;
			return item;
		});
		this.#post({ type: "run", body: body.buffer, items }, [body.buffer]);
	}

	#post(message: ToThread, transfer: ArrayBuffer[] = []): void {
		this.#worker.postMessage(message, transfer);
	}

	#gone(): void {
		if (this.#state === "gone") return;
		const condemned = this.#state === "condemned";
		const invocation = condemned ? undefined : this.cells.running();
		this.#state = "gone";
		this.#hostCalls?.close();
		clearTimeout(this.#stuckTimer);
		if (this.#condemnedAt !== undefined) this.#events.onEnded(performance.now() - this.#condemnedAt);
		const reason = this.#goneReason;
		for (const load of this.#loads.values()) load.reject(errors.thread_failed(`worker thread ${this.id} ended: ${reason}`));
		this.#loads.clear();
		const waiting: HookCall[] = [];
		const begun: UnfinishedCalls["begun"] = [];
		for (const [slot, call] of this.callsInHand()) {
			if (this.cells.take(slot)) waiting.push(call);
			else begun.push({ call, invocation: invocation?.slot === slot ? invocation : undefined });
			this.#calls[slot] = undefined;
		}
		this.#inHand = 0;
		this.#events.onGone(this, { waiting, begun, reason, condemned, wasReady: this.#wasReady });
	}
}
