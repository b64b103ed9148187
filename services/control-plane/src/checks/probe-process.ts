// Runs in a process of its own, which is made for one module and ended after it: compiles the module whole (the flags of the process
// say so, see module-probe.ts) and instantiates it. Every import is a function that throws, because a probe may call nothing.
import { buffer } from "node:stream/consumers";
import type { ProbeMessage } from "./module-probe.js";

const say = (message: ProbeMessage) =>
	new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()));

// Ctrl-C in a terminal reaches all its processes; the service finishes what it has in hand, and this is part of it.
process.on("SIGINT", () => undefined);

const bytes = await buffer(process.stdin);
await say("ready");
// The one who asked ends this process when the answer has arrived; without that one it ends by itself.
await say(probe(bytes));

function probe(module: Uint8Array): ProbeMessage {
	let compiled: WebAssembly.Module;
	try {
		compiled = new WebAssembly.Module(module);
	} catch (thrown) {
		return { failed: "compile", message: messageOf(thrown) };
	}
	try {
		const imports: Record<string, Record<string, () => never>> = {};
		for (const { module: from, name } of WebAssembly.Module.imports(compiled)) {
			imports[from] ??= {};
			Object.defineProperty(imports[from], name, { enumerable: true, value: refuseCall });
		}
		new WebAssembly.Instance(compiled, imports);
		return {};
	} catch (thrown) {
		return { failed: "instantiate", message: messageOf(thrown) };
	}
}

function refuseCall(): never {
	throw new Error("the module called the host while it was only being probed");
}

/** Without the name of the function that the engine was called by. */
function messageOf(thrown: unknown): string {
	const text = thrown instanceof Error ? thrown.message : String(thrown);
	return text.replace(/^WebAssembly\.\w+\(\): /, "").slice(0, 300);
}
