// Turns the bytes of a plugin into modules that are ready to be instantiated: memory limited, state reachable, compiled with
// what serves it. Done once per module, in the main thread; the threads share the result.
import { readFile } from "node:fs/promises";
import { exposeState, limitMemory, limitTables } from "@hookbus/foundation/wasm";
import { HOOK_NAMES } from "@hookbus/schemas";
import { encodeDriver } from "./driver-module.js";
import type { LinkedModules } from "./linked-modules.js";
import { OWN_CALLS } from "./own-call.js";

/** Only the first that there is; Extism's SDK has the same order. */
const START_FUNCTIONS = ["hs_init", "_initialize", "_start"];

export class ModuleLinker {
	/** The modules that are the same for every plugin. */
	#serving: Promise<ServingModules> | undefined;

	/**
	 * @param memoryPages most pages of 64 KiB that the plugin's memory may have
	 * @throws ModuleFault or WebAssembly.CompileError
	 */
	async link(bytes: Uint8Array, memoryPages: number): Promise<LinkedModules> {
		const exposed = await exposeState(limitTables(limitMemory(bytes, memoryPages)));
		const { functions, hasMemory, usesWasi, irreversible } = exposed;
		const start = START_FUNCTIONS.find((name) => functions.has(name));
		const ownCalls = OWN_CALLS.filter((name) => functions.has(name));
		const called = [...HOOK_NAMES, "initialize", ...ownCalls, ...(start === undefined ? [] : [start])].filter((name) =>
			functions.has(name),
		);
		this.#serving ??= compileServing();
		const [plugin, driver, serving] = await Promise.all([
			WebAssembly.compile(exposed.bytes),
			WebAssembly.compile(encodeDriver(exposed, called)),
			this.#serving,
		]);
		return {
			driver,
			plugin,
			hostMemory: serving.hostMemory,
			copies: hasMemory ? serving.copies : undefined,
			wasi: usesWasi ? serving.wasi : undefined,
			memoryAccess: usesWasi && hasMemory ? serving.memoryAccess : undefined,
			start,
			hasInitialize: functions.has("initialize"),
			ownCalls,
			irreversible,
		};
	}
}

interface ServingModules {
	readonly hostMemory: WebAssembly.Module;
	readonly copies: NonNullable<LinkedModules["copies"]>;
	readonly wasi: WebAssembly.Module;
	readonly memoryAccess: WebAssembly.Module;
}

/** The modules that the build made of the files in host-memory/. */
async function compileServing(): Promise<ServingModules> {
	const compile = async (name: string) =>
		WebAssembly.compile(await readFile(new URL(`../host-memory/${name}.wasm`, import.meta.url)));
	const [hostMemory, pluginMemory, keptMemory, wasi, memoryAccess] = await Promise.all([
		compile("host-memory"),
		compile("plugin-memory"),
		compile("kept-memory"),
		compile("wasi"),
		compile("memory-access"),
	]);
	return { hostMemory, copies: { pluginMemory, keptMemory }, wasi, memoryAccess };
}
