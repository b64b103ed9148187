// A plugin's module together with those that serve it, as threads receive them. Extism's SDK links them by name.
import type { ManifestWasm } from "@extism/extism";
import { EXTISM_ENV, WASI } from "@hookbus/foundation/wasm";
import type { OwnCall } from "./own-call.js";

/** Plain data and shared modules: it crosses thread boundaries. */
export interface LinkedModules {
	readonly driver: WebAssembly.Module;
	readonly plugin: WebAssembly.Module;
	readonly hostMemory: WebAssembly.Module;
	/** What keeps a copy of the plugin's memory; `undefined`: it has none. */
	readonly copies: { readonly pluginMemory: WebAssembly.Module; readonly keptMemory: WebAssembly.Module } | undefined;
	/** wasi.wat; `undefined`: the plugin does not use WASI. */
	readonly wasi: WebAssembly.Module | undefined;
	/** memory-access.wat; `undefined`: the plugin does not use WASI, or has no memory. */
	readonly memoryAccess: WebAssembly.Module | undefined;
	/** Function that is run first on a new instance: what a reactor, a command or Haskell's runtime calls it. */
	readonly start: string | undefined;
	readonly hasInitialize: boolean;
	/** Which of them it exports. */
	readonly ownCalls: readonly OwnCall[];
	/** Why each call needs a new instance; `undefined`: the state can be put back. */
	readonly irreversible: string | undefined;
}

/** Name under which the plugin's own module is linked. */
export const PLUGIN_MODULE = "plugin";

/** Name under which plugin-memory.wat is linked. */
export const PLUGIN_MEMORY_MODULE = "hookbus:plugin-memory";

/** Name under which kept-memory.wat is linked. */
const KEPT_MEMORY_MODULE = "hookbus:kept-memory";

/** Name under which memory-access.wat is linked. */
export const MEMORY_ACCESS_MODULE = "hookbus:memory-access";

/** The modules as the SDK wants them: the exports of the one called "main" are those that it hands out. */
export function extismModules(modules: LinkedModules): ManifestWasm[] {
	const { driver, plugin, hostMemory, copies, wasi, memoryAccess } = modules;
	return [
		{ name: "main", module: driver },
		{ name: PLUGIN_MODULE, module: plugin },
		{ name: EXTISM_ENV, module: hostMemory },
		...(copies === undefined
			? []
			: [
					{ name: PLUGIN_MEMORY_MODULE, module: copies.pluginMemory },
					{ name: KEPT_MEMORY_MODULE, module: copies.keptMemory },
				]),
		...(wasi === undefined ? [] : [{ name: WASI, module: wasi }]),
		...(memoryAccess === undefined ? [] : [{ name: MEMORY_ACCESS_MODULE, module: memoryAccess }]),
	];
}

/** What the driver calls a function of the plugin. */
export function pluginExport(name: string): string {
	return `plugin:${name}`;
}
