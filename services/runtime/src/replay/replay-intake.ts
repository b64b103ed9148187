// Takes requests to replay recorded events, one after the other, and answers each with signs of life and then the comparison. Live events
// come first: between two replays it rests as long as the last one took, and longer while live events wait.
import { describeError } from "@hookbus/foundation";
import {
	isReplayAnswerSubject,
	isReplayHead,
	parseEventSubject,
	REPLAY_SIGN_MS,
	REPLAY_SUBJECT,
	type ReplayFrame,
	RUNTIME_QUEUE,
} from "@hookbus/schemas";
import type { Msg, NatsConnection, Subscription } from "nats";
import type { Logger } from "pino";
import { type ReplayBench, UnusableEvent } from "./replay-bench.js";

/** Requests that may wait; more are handed back at once. */
const MAX_WAITING = 16;
/** Longest rest after a replay, and longest wait for live events, in milliseconds. */
const MAX_REST_MS = 1_000;
const LINE_FEED = 10;

export interface ReplayIntakeParts {
	readonly connection: NatsConnection;
	readonly bench: Pick<ReplayBench, "compare" | "stop">;
	/** Live events wait for a thread. */
	readonly isBusy: () => boolean;
	readonly clock: () => number;
	readonly logger: Logger;
}

export class ReplayIntake {
	readonly #parts: ReplayIntakeParts;
	#subscription: Subscription | undefined;
	/** The signs of life for what waits or runs, by where it is answered. */
	readonly #inHand = new Map<string, NodeJS.Timeout>();
	#tail: Promise<void> = Promise.resolve();
	#stopped = false;

	constructor(parts: ReplayIntakeParts) {
		this.#parts = parts;
	}

	start(): void {
		this.#subscription = this.#parts.connection.subscribe(REPLAY_SUBJECT, {
			queue: RUNTIME_QUEUE,
			callback: (failure, message) => {
				if (failure === null) this.#take(message);
				else this.#parts.logger.error({ error: describeError(failure) }, "the subscription to replays failed");
			},
		});
	}

	/** Takes no more, hands back what is in hand, and ends the threads. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#subscription?.unsubscribe();
		for (const reply of [...this.#inHand.keys()]) this.#end(reply, { type: "failed", detail: "this runtime stops" });
		await this.#parts.bench.stop();
	}

	#take(message: Msg): void {
		const reply = message.reply ?? "";
		// Whoever answers any reply subject can be made to publish anywhere.
		if (!isReplayAnswerSubject(reply) || this.#inHand.has(reply)) return;
		if (this.#inHand.size >= MAX_WAITING) {
			this.#answer(reply, { type: "failed", detail: `${MAX_WAITING} replays wait in this runtime` });
			return;
		}
		this.#answer(reply, { type: "working" });
		this.#inHand.set(
			reply,
			setInterval(() => this.#answer(reply, { type: "working" }), REPLAY_SIGN_MS),
		);
		this.#tail = this.#tail.then(async () => {
			if (this.#stopped) return;
			const startedAt = this.#parts.clock();
			const frame = await this.#work(message.data);
			if (this.#stopped) return;
			this.#end(reply, frame);
			await this.#rest(this.#parts.clock() - startedAt);
		});
	}

	#end(reply: string, frame: ReplayFrame): void {
		clearInterval(this.#inHand.get(reply));
		this.#inHand.delete(reply);
		this.#answer(reply, frame);
	}

	/** Never rejects. */
	async #work(data: Uint8Array): Promise<ReplayFrame> {
		try {
			const end = data.indexOf(LINE_FEED);
			const head: unknown = JSON.parse(Buffer.from(data.subarray(0, end)).toString("utf8"));
			const address = isReplayHead(head) ? parseEventSubject(head.subject) : undefined;
			if (!isReplayHead(head) || address === undefined) return { type: "failed", detail: "the request is not valid" };
			const comparison = await this.#parts.bench.compare(address, data.subarray(end + 1), head.version, head.against);
			return { type: "done", comparison };
		} catch (thrown) {
			if (thrown instanceof UnusableEvent) return { type: "refused", code: thrown.code, detail: thrown.message };
			return { type: "failed", detail: describeError(thrown) };
		}
	}

	async #rest(tookMs: number): Promise<void> {
		const { isBusy, clock } = this.#parts;
		const restedFrom = clock();
		const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
		await pause(Math.min(tookMs, MAX_REST_MS));
		while (isBusy() && !this.#stopped && clock() - restedFrom < MAX_REST_MS) await pause(10);
	}

	#answer(reply: string, frame: ReplayFrame): void {
		const { connection, logger } = this.#parts;
		if (connection.isClosed()) return;
		try {
			connection.publish(reply, Buffer.from(JSON.stringify(frame)));
		} catch (thrown) {
			logger.error({ error: describeError(thrown) }, "the answer to a replay could not be sent");
		}
	}
}
