// Collects the answers of a batch and sends them together, but never holds one back for long: a quick answer must not wait
// for a slow neighbour.
import type { ChainRun } from "../chain/run-chain.js";
import { stepCounts } from "./step-counts.js";
import type { DoneItem, FromThread, RunItem } from "./thread-messages.js";

/** Milliseconds that a finished answer may wait for its neighbours. */
const HOLD_MS = 0.5;

export class DoneBatch {
	readonly #send: (message: FromThread, transfer: ArrayBuffer[]) => void;
	readonly #clock: () => number;
	#texts: string[] = [];
	#items: DoneItem[] = [];
	#skipped: number[] = [];
	#bytes = 0;
	#openedAt: number;

	constructor(send: (message: FromThread, transfer: ArrayBuffer[]) => void, clock: () => number) {
		this.#send = send;
		this.#clock = clock;
		this.#openedAt = clock();
	}

	/** The main thread had taken the event back. */
	skip(slot: number): void {
		this.#skipped.push(slot);
	}

	add(item: RunItem, run: ChainRun, executions: string): void {
		const reply = run.reply === undefined ? { offset: 0, length: 0 } : this.#append(run.reply);
		const observe = run.observersLeft ? (run.event === undefined ? ("as-sent" as const) : this.#append(run.event)) : undefined;
		this.#items.push({
			slot: item.slot,
			...reply,
			deadlineMs: run.deadlineMs,
			steps: stepCounts(run.state, item.chain),
			executions,
			...(observe === undefined ? {} : { observe }),
			...(run.refused === undefined ? {} : { refused: run.refused }),
		});
		if (this.#clock() - this.#openedAt > HOLD_MS) this.flush();
	}

	flush(): void {
		if (this.#items.length > 0 || this.#skipped.length > 0) {
			const body = Buffer.from(new ArrayBuffer(this.#bytes));
			let offset = 0;
			for (const text of this.#texts) offset += body.write(text, offset);
			this.#send({ type: "done", body: body.buffer as ArrayBuffer, items: this.#items, skipped: this.#skipped }, [
				body.buffer as ArrayBuffer,
			]);
			this.#texts = [];
			this.#items = [];
			this.#skipped = [];
			this.#bytes = 0;
		}
		this.#openedAt = this.#clock();
	}

	#append(text: string): { offset: number; length: number } {
		const length = Buffer.byteLength(text);
		const offset = this.#bytes;
		this.#texts.push(text);
		this.#bytes += length;
		return { offset, length };
	}
}
