// A plugin as one thread holds it: its image, and at most one instance. Every call begins in the state that `initialize` left:
//
//   none ──make──▶ ready ──call──▶ used ──restore──▶ ready
//    ▲                              │
//    └──────── cannot be restored ──┘
//
// Restoring, or making the next instance, happens ahead of time when the thread has nothing else to do; a call that comes before
// that does it itself.
import type { PluginResult } from "@hookbus/schemas";
import { readResult } from "../chain/read-result.js";
import type { HostCaller } from "../host-calls/host-call-port.js";
import type { HostCallReport } from "../host-calls/log/host-call-report.js";
import { type MappedFailure, mapPluginError } from "./map-plugin-error.js";
import type { OwnCall } from "./own-call.js";
import type { PluginImage } from "./plugin-image.js";
import { type FailedInstance, type InvocationTime, PluginInstance } from "./plugin-instance.js";

export interface Invocation {
	readonly result?: PluginResult;
	readonly failure?: MappedFailure;
	readonly outputBytes: number;
	readonly report: HostCallReport;
}

export class LoadedPlugin {
	readonly image: PluginImage;
	readonly #caller: HostCaller | undefined;
	#instance: PluginInstance | undefined;
	/** Ready, or it failed already and the next call is told so. */
	#ready: PluginInstance | FailedInstance | undefined;

	/** @param caller asks the main thread; absent: nobody can be asked */
	constructor(image: PluginImage, caller?: HostCaller) {
		this.image = image;
		this.#caller = caller;
	}

	get isReady(): boolean {
		return this.#ready !== undefined;
	}

	/** Makes the plugin ready for the next call, unless it is. Returns why it cannot be. */
	async prepare(): Promise<MappedFailure | undefined> {
		this.#ready ??= this.#restored() ?? (await PluginInstance.make(this.image, this.#caller));
		return this.#ready instanceof PluginInstance ? undefined : this.#ready.failure;
	}

	/** Runs one export on fresh state. Never throws; never called twice at the same time in one thread. */
	async invoke(exportName: string, input: string | Uint8Array, time?: InvocationTime): Promise<Invocation> {
		// Without waiting where nothing has to be waited for: this is every call of a busy thread.
		const instance = this.#ready ?? this.#restored() ?? (await PluginInstance.make(this.image, this.#caller));
		this.#ready = undefined;
		if (!(instance instanceof PluginInstance)) return { ...instance, outputBytes: 0 };
		this.#instance = instance;
		const outcome = instance.call(exportName, input, time);
		const { report } = outcome;
		if ("failure" in outcome) return { failure: outcome.failure, outputBytes: 0, report };
		const outputBytes = outcome.output?.length ?? 0;
		try {
			return { result: readResult(outcome.output, this.image.limits.outputBytes), outputBytes, report };
		} catch (thrown) {
			return { failure: mapPluginError(thrown), outputBytes, report };
		}
	}

	/** Runs `health` or `shutdown` on an instance of its own. Never throws; returns why it failed. */
	async callOwn(call: OwnCall, time: InvocationTime): Promise<MappedFailure | undefined> {
		const instance = await PluginInstance.make(this.image, this.#caller);
		if (!(instance instanceof PluginInstance)) return instance.failure;
		const outcome = instance.call(call, this.image.config.config ?? "{}", time);
		return "failure" in outcome ? outcome.failure : undefined;
	}

	/** Gives the instance up; the next call makes another. */
	release(): void {
		this.#instance = undefined;
		this.#ready = undefined;
	}

	/** The instance that was used, in the state that `initialize` left; `undefined`: there is none, or it cannot be restored. */
	#restored(): PluginInstance | undefined {
		const used = this.#instance;
		this.#instance = undefined;
		return used?.restore() ? used : undefined;
	}
}
