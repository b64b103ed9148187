// Threads for checks, ended when a check takes too long. To start one costs more than nearly every check, so the thread of a
// check that went well waits a while for the next one; a thread whose check did not go well is never used again.
import { Worker } from "node:worker_threads";
import type { CheckAnswers, CheckMessage, CheckQuestion, CheckReply } from "./check-messages.js";

/** Milliseconds that a check may compute. */
const CHECK_MS = 5_000;
/** Milliseconds that a thread may take until it can be asked; more than a moment only on a machine that is out of breath. */
const START_MS = 60_000;
/** Milliseconds after which a thread that nobody needs ends, and gives its memory back. */
const IDLE_MS = 30_000;

export type CheckResult<Type extends CheckQuestion["type"]> =
	| { readonly ok: true; readonly answer: CheckAnswers[Type] }
	/** The check did not end, or broke; `why` is a sentence for the author of what was checked. */
	| { readonly ok: false; readonly why: string };

export class CheckThreads {
	/** At most one: checks seldom overlap, and when they do the second thread was needed for that moment only. */
	#idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout } | undefined;
	#closed = false;

	/**
	 * Never rejects and never takes longer than start and check together; a thread that hangs is terminated.
	 *
	 * @param checkMs milliseconds for the check itself; default 5000
	 */
	async run<Question extends CheckQuestion>(question: Question, checkMs = CHECK_MS): Promise<CheckResult<Question["type"]>> {
		const waiting = this.#takeIdle();
		const worker = waiting ?? startThread();
		const result = await ask(worker, question, { checkMs, isReady: waiting !== undefined });
		if (result.ok && !this.#closed && this.#idle === undefined) this.#keep(worker);
		else await worker.terminate();
		return result;
	}

	/** Ends the thread that waits; those that check end with their check. */
	async close(): Promise<void> {
		this.#closed = true;
		await this.#takeIdle()?.terminate();
	}

	#keep(worker: Worker): void {
		const timer = setTimeout(() => void this.#takeIdle()?.terminate(), IDLE_MS);
		timer.unref();
		worker.unref();
		// One that ends while it waits answers nothing: the next check would wait for it and be refused.
		worker.once("exit", () => {
			if (this.#idle?.worker === worker) this.#takeIdle();
		});
		this.#idle = { worker, timer };
	}

	#takeIdle(): Worker | undefined {
		const idle = this.#idle;
		if (idle === undefined) return undefined;
		this.#idle = undefined;
		clearTimeout(idle.timer);
		idle.worker.ref();
		return idle.worker;
	}
}

function startThread(): Worker {
	return new Worker(new URL("./check-thread.js", import.meta.url), {
		env: {},
		execArgv: [],
		stdout: true,
		stderr: true,
		resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, stackSizeMb: 2 },
	});
}

async function ask<Question extends CheckQuestion>(
	worker: Worker,
	question: Question,
	{ checkMs, isReady }: { readonly checkMs: number; readonly isReady: boolean },
): Promise<CheckResult<Question["type"]>> {
	let timer: NodeJS.Timeout | undefined;
	try {
		return await new Promise<CheckResult<Question["type"]>>((resolve) => {
			const limit = (ms: number, what: string) => {
				clearTimeout(timer);
				timer = setTimeout(() => resolve({ ok: false, why: `${what} ${ms} ms` }), ms);
			};
			const send = () => {
				limit(checkMs, "the check did not end within");
				worker.postMessage(question);
			};
			worker.on("message", (message: CheckMessage<Question["type"]>) => {
				if (message === "ready") send();
				else resolve(settled(message));
			});
			worker.once("error", (thrown: Error & { code?: string }) => {
				const why = thrown.code === "ERR_WORKER_OUT_OF_MEMORY" ? "the check took too much memory" : thrown.message;
				resolve({ ok: false, why });
			});
			worker.once("exit", () => resolve({ ok: false, why: "the check ended without an answer" }));
			if (isReady) send();
			else limit(START_MS, "the check did not start within");
		});
	} finally {
		clearTimeout(timer);
		for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
		// A thread that breaks while nobody waits for it must not end the process; its exit is all there is to know.
		worker.on("error", () => undefined);
	}
}

function settled<Type extends CheckQuestion["type"]>(reply: CheckReply<Type>): CheckResult<Type> {
	return reply.ok ? reply : { ok: false, why: reply.failed };
}
