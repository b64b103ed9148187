// Runs inside the thread that checks and compiles modules. No code of a plugin runs in here.
import { isMainThread, parentPort } from "node:worker_threads";
import { ModuleFault, type ModuleFaultCode, moduleFaults } from "@hookbus/foundation/wasm";
import type { LinkedModules } from "../plugin-host/linked-modules.js";
import { ModuleLinker } from "../plugin-host/module-linker.js";

export interface LinkRequest {
	readonly bytes: Uint8Array;
	readonly memoryPages: number;
	/** Exports that the bindings call. */
	readonly exports: readonly string[];
}

export type LinkReply =
	| { readonly modules: LinkedModules }
	| {
			readonly modules?: undefined;
			readonly fault: { readonly code: ModuleFaultCode; readonly section: string; readonly rule: string };
	  };

if (isMainThread || parentPort === null) throw new Error("link-thread-entry runs in a worker thread only");

const port = parentPort;
const linker = new ModuleLinker();

port.on("message", async (request: LinkRequest) => {
	port.postMessage(await answer(request));
});

async function answer({ bytes, memoryPages, exports }: LinkRequest): Promise<LinkReply> {
	try {
		const fault = moduleFaults(bytes, { requiredExports: exports, memoryPages })[0];
		if (fault !== undefined) throw fault;
		return { modules: await linker.link(bytes, memoryPages) };
	} catch (thrown) {
		const fault =
			thrown instanceof WebAssembly.CompileError ? new ModuleFault("malformed", "module", thrown.message.slice(0, 300)) : thrown;
		if (!(fault instanceof ModuleFault)) throw thrown;
		const { code, section, rule } = fault;
		return { fault: { code, section, rule } };
	}
}
