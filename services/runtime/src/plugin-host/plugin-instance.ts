// One instance of a plugin: made once, `initialize` run once, then called again and again. Before every call but the first it
// is put back to how it was after `initialize`: memory, globals, variables, host memory. An instance whose call did not end well
// is never called again.
import createPlugin from "@extism/extism";
import { USER_MODULE } from "@hookbus/foundation/wasm";
import { encodeConfig } from "../host-calls/config/config-values.js";
import type { HostCallAnswers, HostCallType, RequestOf } from "../host-calls/host-call.js";
import { denied, HostCallError } from "../host-calls/host-call-errors.js";
import { type HostCallLimits, hostCallLimits } from "../host-calls/host-call-limits.js";
import type { HostCallContext, HostCaller } from "../host-calls/host-call-port.js";
import { HttpCalls } from "../host-calls/http/http-calls.js";
import { type HostCallReport, newHostCallReport } from "../host-calls/log/host-call-report.js";
import { maskSecrets } from "../host-calls/log/mask-secrets.js";
import { requireAsked, requireSize } from "../host-calls/request-limits.js";
import { Variables } from "../host-calls/variables/variables.js";
import { GuestError } from "./host-errors.js";
import { createHostFunctions, HOST_MODULE } from "./host-functions.js";
import { HostMemory, type HostMemoryExports } from "./host-memory.js";
import { extismModules, pluginExport } from "./linked-modules.js";
import { type MappedFailure, mapPluginError, printable } from "./map-plugin-error.js";
import type { PluginImage } from "./plugin-image.js";
import { createUserFunctions } from "./user-functions.js";
import { type MemoryAccess, PluginBytes } from "./wasi/plugin-bytes.js";
import { WASI_HOST_MODULE, WasiFunctions } from "./wasi/wasi-functions.js";

/** Exports of the driver, besides those of the plugin. What concerns the plugin's memory is missing when it has none. */
interface DriverExports extends HostMemoryExports, Partial<MemoryAccess> {
	save_globals(): void;
	restore_globals(): void;
	save_memory?(): number;
	restore_memory?(): number;
	memory_pages?(): number;
}

/** Host memory beyond this is given back by taking a new instance. */
const MAX_KEPT_HOST_MEMORY = 8 * 1024 * 1024;

/** Which call it is, and how long it may take. */
export type InvocationTime = Omit<HostCallContext, "image">;

/** What cannot be called, or was and did not end well. */
export interface FailedInstance {
	readonly failure: MappedFailure;
	readonly report: HostCallReport;
}

export type CallOutcome = FailedInstance | { readonly output: Uint8Array | undefined; readonly report: HostCallReport };

export class PluginInstance {
	readonly #image: PluginImage;
	readonly #limits: HostCallLimits;
	readonly #variables: Variables;
	readonly #caller: HostCaller | undefined;
	readonly #http: HttpCalls;
	/** What the host refused in this call: the call has failed, whatever the plugin makes of it. */
	#refusal: HostCallError | undefined;
	/** Of the call that runs; `undefined` outside of calls, and so in `initialize`. */
	#invocation: InvocationTime | undefined;
	/** `undefined`: the plugin does not use WASI. */
	readonly #wasi: WasiFunctions | undefined;
	#report = newHostCallReport();
	#exports: DriverExports | undefined;
	/** Exports of the plugin by name: looking one up among those of the driver takes as long as a small call. */
	readonly #functions = new Map<string, () => unknown>();
	#memory: HostMemory | undefined;
	#pluginBytes: PluginBytes | undefined;
	#reusable = false;

	private constructor(image: PluginImage, caller: HostCaller | undefined) {
		this.#image = image;
		this.#caller = caller;
		this.#http = new HttpCalls((request) => this.#ask(request));
		this.#limits = hostCallLimits(image.limits.outputBytes);
		this.#variables = new Variables(this.#limits.varBytes);
		this.#wasi =
			image.modules.wasi &&
			new WasiFunctions({
				limits: this.#limits,
				secrets: image.secrets,
				memory: () => this.#pluginBytes,
				report: () => this.#report,
			});
	}

	/**
	 * Makes an instance and runs its `initialize`. Never throws: what failed is the answer.
	 *
	 * @param caller asks the main thread; absent: nobody can be asked, and what needs it is denied
	 */
	static async make(image: PluginImage, caller?: HostCaller): Promise<PluginInstance | FailedInstance> {
		const instance = new PluginInstance(image, caller);
		try {
			await instance.#link();
			instance.#start();
			return instance;
		} catch (thrown) {
			return { failure: instance.#mapError(thrown), report: instance.#report };
		} finally {
			instance.#wasi?.flush();
		}
	}

	/**
	 * Calls one export. Its output is valid until the next call.
	 *
	 * After a failure the instance must be thrown away, and `restore` says so.
	 */
	call(exportName: string, input: string | Uint8Array, invocation?: InvocationTime): CallOutcome {
		const report = this.#report;
		const reusable = this.#reusable;
		this.#reusable = false;
		this.#invocation = invocation;
		try {
			const output = this.#run(exportName, input);
			this.#reusable = reusable;
			return { output, report };
		} catch (thrown) {
			return { failure: this.#mapError(thrown), report };
		} finally {
			this.#invocation = undefined;
			this.#wasi?.flush();
		}
	}

	/** Puts the state back. False: that is not possible, and the next call needs a new instance. */
	restore(): boolean {
		const exports = this.#exports;
		if (!this.#reusable || exports === undefined) return false;
		if (exports.restore_memory?.() === 0 || exports.memory.buffer.byteLength > MAX_KEPT_HOST_MEMORY) return false;
		exports.restore_globals();
		this.#variables.restore();
		this.#http.reset();
		this.#report = newHostCallReport();
		return true;
	}

	async #link(): Promise<void> {
		const plugin = await createPlugin(
			{ wasm: extismModules(this.#image.modules) },
			{
				functions: {
					[HOST_MODULE]: createHostFunctions({
						limits: this.#limits,
						config: encodeConfig(this.#image.config),
						secrets: this.#image.secrets,
						variables: this.#variables,
						http: this.#http,
						memory: () => this.#hostMemory(),
						report: () => this.#report,
					}),
					[USER_MODULE]: createUserFunctions({ memory: () => this.#hostMemory(), ask: (request) => this.#ask(request) }),
					...(this.#wasi === undefined ? {} : { [WASI_HOST_MODULE]: this.#wasi.functions }),
				},
				logger: SILENT_LOGGER,
			},
		);
		// The SDK's own `call` brings its own memory and its own reset with it; here both are the linked modules'.
		this.#exports = (await plugin.getInstance()).exports as unknown as DriverExports;
		this.#memory = new HostMemory(this.#exports);
		if (this.#image.modules.memoryAccess !== undefined)
			this.#pluginBytes = new PluginBytes(this.#exports as unknown as MemoryAccess);
	}

	#start(): void {
		const { start, hasInitialize, irreversible } = this.#image.modules;
		if (start !== undefined) {
			this.#hostMemory().begin("", this.#limits.allocBytes, this.#limits.allocBlocks);
			this.#function(start)();
		}
		if (hasInitialize) this.#run("initialize", this.#image.config.config ?? "{}");
		this.#variables.save();
		this.#exports?.save_globals();
		this.#reusable = irreversible === undefined && this.#exports?.save_memory?.() !== 0;
	}

	#run(exportName: string, input: string | Uint8Array): Uint8Array | undefined {
		const memory = this.#hostMemory();
		memory.begin(input, this.#limits.allocBytes, this.#limits.allocBlocks);
		const code = this.#function(exportName)();
		if (this.#refusal !== undefined) throw this.#refusal;
		const result = memory.result();
		if (result.kind === "error") throw new GuestError(this.#errorText() ?? "");
		if (code !== 0) throw new GuestError(`${exportName} returned ${code} and set no error`);
		return result.kind === "output" ? result.bytes : undefined;
	}

	#function(name: string): () => unknown {
		const known = this.#functions.get(name);
		if (known !== undefined) return known;
		const found = (this.#exports as unknown as Record<string, () => unknown> | undefined)?.[pluginExport(name)];
		if (found === undefined) throw new Error(`the module exports no function "${name}"`);
		this.#functions.set(name, found);
		return found;
	}

	#hostMemory(): HostMemory {
		if (this.#memory === undefined) throw new Error("the plugin calls the host before it is linked");
		return this.#memory;
	}

	/** @throws HostCallError; once it did, the call has failed, and nothing more is asked in it */
	#ask<Type extends HostCallType>(request: RequestOf<Type>): HostCallAnswers[Type] {
		if (this.#refusal !== undefined) throw this.#refusal;
		try {
			return this.#askNow(request);
		} catch (thrown) {
			if (thrown instanceof HostCallError) this.#refusal = thrown;
			throw thrown;
		}
	}

	#askNow<Type extends HostCallType>(request: RequestOf<Type>): HostCallAnswers[Type] {
		requireAsked(this.#image, request);
		requireSize(request);
		if (this.#invocation === undefined)
			throw denied(`${request.type} cannot be used in initialize, which runs for every instance`);
		if (this.#caller === undefined) throw denied(`${request.type}: plugins cannot ask the host in this executor`);
		return this.#caller.ask({ image: this.#image.key, ...this.#invocation }, request);
	}

	#mapError(thrown: unknown): MappedFailure {
		const pages = this.#exports?.memory_pages?.() ?? 0;
		const failure = mapPluginError(thrown, {
			memoryFull: pages >= this.#image.limits.memoryPages,
			refusedBytes: this.#memory?.refused,
		});
		const said = failure.outcome === "trap" ? this.#errorText() : undefined;
		return said === undefined ? failure : { ...failure, message: `${failure.message}; it had said: ${printable(said)}` };
	}

	/** What the plugin set as its error; what a language's abort or panic says before it traps. */
	#errorText(): string | undefined {
		const result = this.#memory?.result();
		if (result?.kind !== "error") return undefined;
		return maskSecrets(new TextDecoder().decode(result.bytes), this.#image.secrets);
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
