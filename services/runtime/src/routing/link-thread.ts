// Checks and compiles modules in a thread of their own, one after the other. A module that is made to take the compiler long
// would otherwise hold up the events of everybody; here it costs this thread, which is ended after a while and started anew.
import { Worker } from "node:worker_threads";
import { describeError, ModuleFault } from "@hookbus/foundation";
import type { LinkedModules } from "../plugin-host/linked-modules.js";
import type { LinkReply, LinkRequest } from "./link-thread-entry.js";

/** Milliseconds that one module may take. */
const LINK_MS = 10_000;

export class LinkThread {
	#worker: Worker | undefined;
	/** Settles when the module before is done. */
	#tail: Promise<unknown> = Promise.resolve();

	/**
	 * The module with what serves it, its memory and its tables limited.
	 *
	 * @throws ModuleFault when this host does not take it
	 */
	link(request: LinkRequest): Promise<LinkedModules> {
		const linked = this.#tail.then(() => this.#linkNow(request));
		this.#tail = linked.catch(() => undefined);
		return linked;
	}

	async stop(): Promise<void> {
		await this.#end();
	}

	async #linkNow(request: LinkRequest): Promise<LinkedModules> {
		this.#worker ??= startThread();
		const reply = await ask(this.#worker, request);
		if (typeof reply !== "string") {
			if (reply.modules !== undefined) return reply.modules;
			throw new ModuleFault(reply.fault.code, reply.fault.section, reply.fault.rule);
		}
		void this.#end();
		throw new ModuleFault("too_slow", "module", reply);
	}

	async #end(): Promise<void> {
		const worker = this.#worker;
		this.#worker = undefined;
		await worker?.terminate();
	}
}

function startThread(): Worker {
	const worker = new Worker(new URL("./link-thread-entry.js", import.meta.url), {
		name: "hookbus modules",
		env: {},
		execArgv: [],
		resourceLimits: { maxOldGenerationSizeMb: 256, stackSizeMb: 4 },
	});
	// The next question finds out; without a listener the process would end.
	worker.on("error", () => undefined);
	worker.unref();
	return worker;
}

/** The reply, or a sentence that says why there is none. */
async function ask(worker: Worker, request: LinkRequest): Promise<LinkReply | string> {
	const done = new AbortController();
	try {
		return await new Promise<LinkReply | string>((resolve) => {
			const timer = setTimeout(() => resolve(`checking and compiling it was not done after ${LINK_MS} ms`), LINK_MS);
			const onError = (thrown: unknown) => resolve(`checking and compiling it failed: ${describeError(thrown)}`);
			const onExit = () => resolve("checking and compiling it ended its thread");
			worker.once("message", resolve).once("error", onError).once("exit", onExit);
			done.signal.addEventListener("abort", () => {
				clearTimeout(timer);
				worker.off("message", resolve).off("error", onError).off("exit", onExit);
			});
			worker.postMessage(request);
		});
	} finally {
		done.abort();
	}
}
