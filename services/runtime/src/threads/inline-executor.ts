// Runs chains in this very thread: no hop, no watchdog, nothing can be interrupted. For debugging a plugin with a debugger
// attached, and for tests that compare it with the pool.
import { ChainHost } from "../chain/chain-host.js";
import { executionJson } from "../chain/execution-records.js";
import { UNGUARDED } from "../chain/invocation-guard.js";
import { DEFAULT_PAYLOAD_BYTES } from "../chain/verdict-size.js";
import type { OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "./chain-executor.js";
import type { HookCall } from "./hook-call.js";
import { stepCounts } from "./step-counts.js";
import type { LoadFault, RunItem, ThreadChain } from "./thread-messages.js";

export class InlineExecutor implements ChainExecutor {
	readonly threads = 0;
	readonly #host: ChainHost;
	readonly #runtime: string;
	#inFlight = 0;
	/** Calls run one after the other. */
	#tail: Promise<void> = Promise.resolve();

	constructor(runtime: string, clock: () => number) {
		this.#host = new ChainHost(UNGUARDED, clock, 256, DEFAULT_PAYLOAD_BYTES);
		this.#runtime = runtime;
	}

	get inFlight(): number {
		return this.#inFlight;
	}

	async probe(image: PluginImage): Promise<LoadFault | undefined> {
		return (await this.#host.load([image], [], true))[0];
	}

	async callOwn(image: PluginImage, call: OwnCall): Promise<LoadFault | undefined> {
		return (await this.#host.callOwn(image, call))[0];
	}

	async install(images: readonly PluginImage[], chains: readonly ThreadChain[]): Promise<void> {
		await this.#host.load(images, chains, false);
	}

	remove(chains: readonly number[], images: readonly string[]): void {
		this.#host.drop(chains, images);
	}

	run(call: HookCall): boolean {
		this.#inFlight += 1;
		this.#tail = this.#tail.then(() => this.#runNow(call));
		return true;
	}

	async stop(): Promise<void> {
		await this.#tail;
	}

	async #runNow(call: HookCall): Promise<void> {
		const item: RunItem = {
			slot: 0,
			chain: call.chain.id,
			revision: call.chain.revision,
			kind: call.kind,
			address: call.address,
			receivedAt: call.receivedAt,
			offset: 0,
			length: call.body.length,
			attempt: call.attempt,
			checkExpiry: call.checkExpiry,
			...(call.only === undefined ? {} : { only: call.only }),
			...(call.refusals === undefined ? {} : { refusals: call.refusals }),
			...(call.resume === undefined ? {} : { resume: call.resume }),
		};
		const run = await this.#host.run(item, call.body);
		this.#inFlight -= 1;
		if (run === undefined) return;
		call.finish({
			reply: run.reply === undefined ? undefined : Buffer.from(run.reply),
			deadlineMs: run.deadlineMs,
			steps: stepCounts(run.state, call.chain.id),
			executions: run.state === undefined ? "" : executionJson(run.state, { item, runtime: this.#runtime }, run.texts),
			observe: run.observersLeft ? (run.event === undefined ? call.body : Buffer.from(run.event)) : undefined,
			refused: run.refused,
		});
	}
}
