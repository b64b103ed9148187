// Everything that a thread holds and does: the loaded plugins, the chains, and the run of one event through its chain. It
// knows nothing of threads or messages, so the same code runs in a worker (production) and in the main thread (tests).

import { errors } from "../errors.js";
import type { HostCaller } from "../host-calls/host-call-port.js";
import { LoadedPlugin } from "../plugin-host/loaded-plugin.js";
import type { MappedFailure } from "../plugin-host/map-plugin-error.js";
import { OWN_CALL_MS, type OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import { ChainShelf } from "../threads/chain-shelf.js";
import type { LoadFault, RunItem, ThreadChain } from "../threads/thread-messages.js";
import type { InvocationGuard } from "./invocation-guard.js";
import { RecentPlugins } from "./recent-plugins.js";
import { type ChainRun, refusal, runChain } from "./run-chain.js";
import { type ArgumentCheck, createArgumentChecks } from "./tool-arguments.js";
import { verdictBudget } from "./verdict-size.js";

/** Milliseconds for making one instance, `initialize` included, between the calls of a thread that serves. */
const PREPARE_TIMEOUT_MS = 1_000;
/** The same for the first instance of a new plugin: nobody waits for it yet, and its code has never run. */
const WARM_TIMEOUT_MS = 5_000;

export interface HostedPlugin {
	readonly loaded: LoadedPlugin;
	readonly argumentChecks: ReadonlyMap<string, ArgumentCheck>;
}

export class ChainHost {
	readonly #guard: InvocationGuard;
	readonly #clock: () => number;
	readonly #plugins = new Map<string, HostedPlugin>();
	/** What can be run. */
	readonly chains = new ChainShelf();
	/** Plugins that were used and have no instance ready. */
	readonly #unprepared = new Set<LoadedPlugin>();
	readonly #recent: RecentPlugins;
	readonly #caller: HostCaller | undefined;
	readonly #maxVerdictBytes: number;
	#invocations = 0;

	/**
	 * @param instances most plugins that have an instance at the same time
	 * @param payloadBytes largest message that the bus takes, in bytes
	 * @param caller asks the main thread for plugins; absent: they are denied what only it can do
	 */
	constructor(guard: InvocationGuard, clock: () => number, instances: number, payloadBytes: number, caller?: HostCaller) {
		this.#maxVerdictBytes = verdictBudget(payloadBytes);
		this.#caller = caller;
		this.#recent = new RecentPlugins(instances);
		this.#guard = guard;
		this.#clock = clock;
	}

	/** Takes plugins and chains into service. With `warm`, an instance of each plugin is made at once; returns what failed. */
	async load(images: readonly PluginImage[], chains: readonly ThreadChain[], warm: boolean): Promise<LoadFault[]> {
		const faults: LoadFault[] = [];
		for (const image of images) {
			if (!this.#plugins.has(image.key)) {
				this.#plugins.set(image.key, {
					loaded: new LoadedPlugin(image, this.#caller),
					argumentChecks: createArgumentChecks(image.tools),
				});
			}
			if (!warm) continue;
			const failure = await this.#prepare((this.#plugins.get(image.key) as HostedPlugin).loaded, warmTimeoutMs(image));
			if (failure !== undefined) faults.push({ image: image.key, code: failure.outcome, message: failure.message });
		}
		for (const chain of chains) this.chains.put(chain);
		return faults;
	}

	/** Runs `health` or `shutdown` of a plugin, which need not be loaded; returns what failed. */
	async callOwn(image: PluginImage, call: OwnCall): Promise<LoadFault[]> {
		const now = this.#clock();
		const deadlineAt = now + OWN_CALL_MS;
		this.#invocations += 1;
		this.#guard.arm(-1, 0, now, deadlineAt);
		const time = { invocation: this.#invocations, deadlineAt };
		const failure = await new LoadedPlugin(image, this.#caller).callOwn(call, time);
		this.#guard.disarm();
		return failure === undefined ? [] : [{ image: image.key, code: failure.outcome, message: failure.message }];
	}

	drop(chains: readonly number[], images: readonly string[]): void {
		this.chains.drop(chains, []);
		for (const key of images) {
			const plugin = this.#plugins.get(key);
			if (plugin === undefined) continue;
			this.#plugins.delete(key);
			this.#unprepared.delete(plugin.loaded);
			this.#recent.forget(plugin.loaded);
		}
	}

	/** Runs one event. `undefined`: somebody else has taken it. */
	async run(item: RunItem, body: Uint8Array): Promise<ChainRun | undefined> {
		if (!this.#guard.begin(item.slot)) return undefined;
		const chain = this.chains.get(item.chain);
		if (chain === undefined) {
			const problem = errors.runtime_failed(`chain ${item.chain} is not loaded in this thread; send the event again`);
			return refusal(item.kind === "reply" ? JSON.stringify(problem.toProblem()) : undefined, problem.code);
		}
		return runChain({
			item,
			body,
			chain,
			guard: this.#guard,
			clock: this.#clock,
			maxVerdictBytes: this.#maxVerdictBytes,
			nextInvocation: () => {
				this.#invocations += 1;
				return this.#invocations;
			},
			plugin: (key) => {
				const plugin = this.#plugins.get(key);
				if (plugin !== undefined) {
					this.#recent.use(plugin.loaded);
					this.#unprepared.add(plugin.loaded);
				}
				return plugin;
			},
		});
	}

	/** Makes one instance ahead of time. False when nothing is left to prepare. */
	async prepareNext(): Promise<boolean> {
		for (const plugin of this.#unprepared) {
			this.#unprepared.delete(plugin);
			if (plugin.isReady) continue;
			await this.#prepare(plugin, PREPARE_TIMEOUT_MS);
			return true;
		}
		return false;
	}

	async #prepare(plugin: LoadedPlugin, timeoutMs: number): Promise<MappedFailure | undefined> {
		this.#recent.use(plugin);
		const now = this.#clock();
		this.#guard.arm(-1, 0, now, now + timeoutMs);
		const failure = await plugin.prepare();
		this.#guard.disarm();
		return failure;
	}
}

/**
 * An instance for users with a configuration of their own is made when an event of theirs comes, within the time of its invocation: a
 * configuration for which that is not enough is refused beforehand, or each of their events would end a thread.
 */
function warmTimeoutMs({ ofUsers, limits }: PluginImage): number {
	return ofUsers === undefined ? WARM_TIMEOUT_MS : Math.min(PREPARE_TIMEOUT_MS, limits.timeoutMs);
}
