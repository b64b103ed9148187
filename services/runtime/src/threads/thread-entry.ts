// Runs inside a worker thread: receives batches of events, runs them one after the other, sends back batches of answers.
// Plugin code runs in a thread because a Wasm loop cannot be stopped from the thread that it runs in.
import { isMainThread, type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ChainHost } from "../chain/chain-host.js";
import { executionJson } from "../chain/execution-records.js";
import type { InvocationGuard } from "../chain/invocation-guard.js";
import type { ChainRun } from "../chain/run-chain.js";
import { HostCallPort } from "../host-calls/host-call-port.js";
import { monotonicMs } from "../monotonic-clock.js";
import { DoneBatch } from "./done-batch.js";
import { SharedCells } from "./shared-cells.js";
import type { FromThread, RunItem, ToThread } from "./thread-messages.js";

/** What a thread is started with. */
export interface ThreadData {
	readonly cells: SharedArrayBuffer;
	/** Id of this runtime, for the execution records. */
	readonly runtime: string;
	/** Most plugins that have an instance in the thread at the same time. */
	readonly instances: number;
	/** Largest message that the bus takes, in bytes. */
	readonly payloadBytes: number;
	/** To the desk that answers host calls in the main thread; absent: there is none. */
	readonly hostCalls: { readonly port: MessagePort; readonly answers: SharedArrayBuffer } | undefined;
}

if (isMainThread || parentPort === null) throw new Error("thread-entry runs in a worker thread only");

const port = parentPort;
const { cells: buffer, runtime, instances, payloadBytes, hostCalls } = workerData as ThreadData;
const cells = new SharedCells(buffer);
const guard: InvocationGuard = {
	begin: (slot) => cells.begin(slot),
	arm: (slot, step, startedAt, deadlineAt) => cells.arm(slot, step, startedAt, deadlineAt),
	disarm: () => {
		if (!cells.disarm()) cells.park();
	},
	checkpoint: (slot, step, state, event) => cells.writeCheckpoint(slot, step, state(), event),
};
const caller = hostCalls && new HostCallPort(hostCalls.port, new Int32Array(hostCalls.answers), monotonicMs);
const host = new ChainHost(guard, monotonicMs, instances, payloadBytes, caller);

const inbox: ToThread[] = [];
let working = false;

port.on("message", (message: ToThread) => {
	inbox.push(message);
	if (!working) void work();
});

/** Handles messages strictly one after the other; makes instances ahead of time when there is nothing else to do. */
async function work(): Promise<void> {
	working = true;
	for (;;) {
		const message = inbox.shift();
		if (message !== undefined) {
			await handle(message);
			continue;
		}
		// Messages that arrived in the meantime come first: let the port deliver them.
		await nextTurn();
		if (inbox.length > 0) continue;
		if (!(await host.prepareNext())) break;
	}
	working = false;
}

function nextTurn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

async function handle(message: ToThread): Promise<void> {
	switch (message.type) {
		case "load": {
			const { images, warm, lists, chains } = message.load;
			const faults = await host.load(images, [], warm);
			host.chains.putEncoded(lists, chains);
			send({ type: "loaded", id: message.id, faults });
			return;
		}
		case "own":
			send({ type: "loaded", id: message.id, faults: await host.callOwn(message.image, message.call) });
			return;
		case "drop":
			host.drop(message.drop.chains, message.drop.images);
			host.chains.drop([], message.drop.lists);
			return;
		case "run":
			await runBatch(new Uint8Array(message.body), message.items);
			return;
		default:
			message satisfies never;
	}
}

async function runBatch(body: Uint8Array, items: readonly RunItem[]): Promise<void> {
	const batch = new DoneBatch(send, monotonicMs);
	for (const item of items) {
		const run = await host.run(item, body.subarray(item.offset, item.offset + item.length));
		if (run === undefined) batch.skip(item.slot);
		else batch.add(item, run, executionsOf(item, run));
	}
	batch.flush();
}

function executionsOf(item: RunItem, run: ChainRun): string {
	return run.state === undefined ? "" : executionJson(run.state, { item, runtime }, run.texts);
}

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
	port.postMessage(message, transfer);
}

send({ type: "ready" });
