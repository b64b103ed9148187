// A plugin as one thread holds it: compiled module, configuration, and at most one instance that is ready for the next call.
// Every call gets an instance of its own, made fresh from the module, and the instance is thrown away after it: no call can
// see what an earlier one left in memory, globals or variables. Making the next one ahead of time keeps the cost out of the
// caller's wait.
import createPlugin, { type Plugin } from "@extism/extism";
import { EXTISM_ENV } from "@hookbus/foundation/wasm";
import { type Permission, type PluginLimits, type PluginResult, type ToolDefinition, WASM_PAGE_BYTES } from "@hookbus/schemas";
import { readResult } from "../chain/read-result.js";
import { hostCallLimits } from "./host-call-limits.js";
import { createHostFunctions, type HostCallReport, newHostCallReport } from "./host-functions.js";
import { type MappedFailure, mapExtismError } from "./map-extism-error.js";

/** What a thread is told about a plugin. It crosses a thread boundary, so it is plain data and a shared module. */
export interface PluginImage {
	/** Same key, same instance state: tenant, name, digest and configuration revision. */
	readonly key: string;
	readonly name: string;
	readonly version: string;
	readonly digest: string;
	readonly module: WebAssembly.Module;
	/** Extism configuration: `config` is the whole as JSON, and every top-level property under its own name. */
	readonly config: Readonly<Record<string, string>>;
	readonly grants: readonly Permission[];
	readonly limits: Readonly<Required<PluginLimits>>;
	readonly tools: readonly ToolDefinition[];
	readonly hasInitialize: boolean;
}

export interface Invocation {
	readonly result?: PluginResult;
	readonly failure?: MappedFailure;
	readonly outputBytes: number;
	readonly report: HostCallReport;
}

interface Instance {
	readonly plugin: Plugin;
	readonly report: HostCallReport;
	/** `initialize` or the instantiation itself failed; every call on it has this failure. */
	readonly failure?: MappedFailure;
}

export class LoadedPlugin {
	readonly image: PluginImage;
	#ready: Instance | undefined;

	constructor(image: PluginImage) {
		this.image = image;
	}

	get isReady(): boolean {
		return this.#ready !== undefined;
	}

	/** Makes the instance for the next call, unless it is there. Returns why it cannot be made. */
	async prepare(): Promise<MappedFailure | undefined> {
		this.#ready ??= await this.#instantiate();
		return this.#ready.failure;
	}

	/** Runs one export on a fresh instance. Never throws; never called twice at the same time in one thread. */
	async invoke(exportName: string, input: string | Uint8Array): Promise<Invocation> {
		const instance = this.#ready ?? (await this.#instantiate());
		this.#ready = undefined;
		const { report } = instance;
		if (instance.failure !== undefined) return { failure: instance.failure, outputBytes: 0, report };
		let outputBytes = 0;
		try {
			const output = await instance.plugin.call(exportName, input);
			const bytes = output === null ? undefined : output.bytes();
			outputBytes = bytes?.length ?? 0;
			return { result: readResult(bytes, this.image.limits.outputBytes), outputBytes, report };
		} catch (thrown) {
			return { failure: mapExtismError(thrown, report, await this.#isMemoryFull(instance.plugin)), outputBytes, report };
		}
	}

	async #instantiate(): Promise<Instance> {
		const report = newHostCallReport();
		const limits = hostCallLimits(this.image.limits.outputBytes);
		let plugin: Plugin | undefined;
		try {
			plugin = await createPlugin(
				{ wasm: [{ module: this.image.module, name: "main" }] },
				{
					// A null prototype: the SDK looks keys up with `in`, and a guest may ask for "constructor".
					config: Object.assign(Object.create(null), this.image.config),
					functions: { [EXTISM_ENV]: createHostFunctions(limits, report) },
					memory: { maxVarBytes: limits.varBytes },
					logger: SILENT_LOGGER,
				},
			);
			if (this.image.hasInitialize) await plugin.call("initialize", this.image.config.config);
			return { plugin, report };
		} catch (thrown) {
			const memoryFull = plugin === undefined ? false : await this.#isMemoryFull(plugin);
			return { plugin: plugin as Plugin, report, failure: mapExtismError(thrown, report, memoryFull) };
		}
	}

	async #isMemoryFull(plugin: Plugin): Promise<boolean> {
		const { memory } = (await plugin.getInstance()).exports;
		return memory instanceof WebAssembly.Memory && memory.buffer.byteLength >= this.image.limits.memoryPages * WASM_PAGE_BYTES;
	}
}

/** The SDK writes its own complaints to this; what matters comes back as an error or in the report. */
const SILENT_LOGGER = Object.assign(Object.create(console) as Console, {
	trace: () => undefined,
	debug: () => undefined,
	info: () => undefined,
	warn: () => undefined,
	error: () => undefined,
});
