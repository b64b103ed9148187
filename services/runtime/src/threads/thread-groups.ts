// Two groups of threads. Plugins that may wait for the network or the bus stop their thread while they wait; in a group of their
// own they hold up each other and nobody else. The second group costs memory, so it is started with the first plugin that needs it.

import { imagesOf } from "../chain/user-step.js";
import type { OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "./chain-executor.js";
import type { HookCall } from "./hook-call.js";
import type { LoadFault, ThreadChain } from "./thread-messages.js";

export class ThreadGroups implements ChainExecutor {
	readonly #quick: ChainExecutor;
	readonly #startWaiting: () => Promise<ChainExecutor>;
	#waiting: ChainExecutor | undefined;
	#starting: Promise<ChainExecutor> | undefined;

	/** @param startWaiting starts the group for plugins that wait; called again only when it failed */
	constructor(quick: ChainExecutor, startWaiting: () => Promise<ChainExecutor>) {
		this.#quick = quick;
		this.#startWaiting = startWaiting;
	}

	get inFlight(): number {
		return this.#quick.inFlight + (this.#waiting?.inFlight ?? 0);
	}

	get threads(): number {
		return this.#quick.threads + (this.#waiting?.threads ?? 0);
	}

	probe(image: PluginImage): Promise<LoadFault | undefined> {
		return this.#quick.probe(image);
	}

	/** A plugin that may wait does so where others like it wait. */
	callOwn(image: PluginImage, call: OwnCall): Promise<LoadFault | undefined> {
		const group = image.waits ? (this.#waiting ?? this.#quick) : this.#quick;
		return group.callOwn(image, call);
	}

	async install(images: readonly PluginImage[], chains: readonly ThreadChain[]): Promise<void> {
		const waiting = chains.filter((chain) => chain.waits);
		const quick = chains.filter((chain) => !chain.waits);
		await Promise.all([
			this.#quick.install(usedBy(quick, images), quick),
			waiting.length === 0 ? undefined : this.#waitingGroup().then((group) => group.install(usedBy(waiting, images), waiting)),
		]);
	}

	remove(chains: readonly number[], images: readonly string[]): void {
		this.#quick.remove(chains, images);
		this.#waiting?.remove(chains, images);
	}

	run(call: HookCall): boolean {
		const group = call.chain.waits ? this.#waiting : this.#quick;
		return group?.run(call) ?? false;
	}

	async stop(): Promise<void> {
		const waiting = await this.#starting?.catch(() => undefined);
		await Promise.all([this.#quick.stop(), waiting?.stop()]);
	}

	async #waitingGroup(): Promise<ChainExecutor> {
		this.#starting ??= this.#startWaiting().catch((thrown) => {
			this.#starting = undefined;
			throw thrown;
		});
		this.#waiting = await this.#starting;
		return this.#waiting;
	}
}

function usedBy(chains: readonly ThreadChain[], images: readonly PluginImage[]): PluginImage[] {
	const keys = imagesOf(chains);
	return images.filter(({ key }) => keys.has(key));
}
