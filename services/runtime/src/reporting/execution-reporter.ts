// Sends execution records in batches through JetStream, away from the hot path. The buffer is bounded: when the bus cannot
// take records, the oldest are dropped and counted, and events go on.
import { randomUUID } from "node:crypto";
import { describeError } from "@hookbus/foundation";
import { executionSubject } from "@hookbus/schemas";
import type { JetStreamClient } from "nats";
import type { Logger } from "pino";
import type { RuntimeMetrics } from "./metrics.js";

/** Milliseconds that a record waits for others. */
const BATCH_MS = 100;
/** Characters of one batch; below NATS's default payload limit of 1 MiB even when every character takes more bytes. */
const BATCH_CHARS = 200_000;
/** Characters that all waiting records together may have. */
const BUFFER_CHARS = 32 * 1024 * 1024;
/** Pieces of JSON (one for each event) that one batch holds at most. */
const PUBLISH_TIMEOUT_MS = 5_000;
const RETRY_MS = 500;

export interface ExecutionReporterParts {
	readonly js: JetStreamClient;
	readonly metrics: RuntimeMetrics;
	readonly logger: Logger;
}

interface Batch {
	readonly tenant: string;
	readonly pieces: string[];
	chars: number;
	/** The same for every try, so that the stream drops a batch that it has. */
	readonly id: string;
}

export class ExecutionReporter {
	readonly #parts: ExecutionReporterParts;
	readonly #open = new Map<string, Batch>();
	#closed: Batch[] = [];
	#chars = 0;
	#timer: NodeJS.Timeout | undefined;
	#sending: Promise<void> | undefined;
	#stopping = false;

	constructor(parts: ExecutionReporterParts) {
		this.#parts = parts;
	}

	/** Takes the records of one event: JSON objects joined by commas, or nothing. */
	add(tenant: string, executions: string): void {
		if (executions === "") return;
		let batch = this.#open.get(tenant);
		if (batch === undefined) {
			batch = { tenant, pieces: [], chars: 0, id: randomUUID() };
			this.#open.set(tenant, batch);
		}
		batch.pieces.push(executions);
		batch.chars += executions.length;
		this.#chars += executions.length;
		if (batch.chars >= BATCH_CHARS) this.#close(tenant, batch);
		this.#shed();
		this.#timer ??= setTimeout(() => this.#tick(), BATCH_MS);
	}

	/** Sends the records of one durable event and resolves when the stream has them. Rejects when it does not. */
	async store(tenant: string, executions: string, id: string): Promise<void> {
		if (executions !== "") await this.#publish(tenant, executions, id);
	}

	/** Sends what is left; gives up what cannot be sent, and counts it. */
	async stop(): Promise<void> {
		this.#stopping = true;
		clearTimeout(this.#timer);
		this.#closeAll();
		await this.#sending;
		await this.#send();
		if (this.#closed.length > 0) this.#drop(this.#closed.splice(0));
	}

	#tick(): void {
		this.#timer = undefined;
		this.#closeAll();
		this.#sending ??= this.#send().finally(() => {
			this.#sending = undefined;
			if (this.#closed.length > 0 && !this.#stopping) this.#timer ??= setTimeout(() => this.#tick(), RETRY_MS);
		});
	}

	#close(tenant: string, batch: Batch): void {
		this.#open.delete(tenant);
		this.#closed.push(batch);
	}

	#closeAll(): void {
		for (const [tenant, batch] of this.#open) this.#close(tenant, batch);
	}

	async #send(): Promise<void> {
		while (this.#closed.length > 0) {
			const batch = this.#closed[0] as Batch;
			try {
				await this.#publish(batch.tenant, batch.pieces.join(","), batch.id);
			} catch (thrown) {
				this.#parts.logger.warn(
					{ error: describeError(thrown), batches: this.#closed.length },
					"execution records wait: the bus does not take them",
				);
				return;
			}
			if (this.#closed[0] === batch) this.#closed.shift();
			this.#chars -= batch.chars;
		}
	}

	async #publish(tenant: string, executions: string, id: string): Promise<void> {
		const body = Buffer.from(`{"spec":"1","executions":[${executions}]}`);
		await this.#parts.js.publish(executionSubject(tenant), body, { msgID: id, timeout: PUBLISH_TIMEOUT_MS });
	}

	#shed(): void {
		if (this.#chars <= BUFFER_CHARS) return;
		const dropped: Batch[] = [];
		while (this.#chars > BUFFER_CHARS && this.#closed.length > 1) {
			// The first may be on its way; the next one goes.
			const batch = this.#closed.splice(1, 1)[0] as Batch;
			this.#chars -= batch.chars;
			dropped.push(batch);
		}
		this.#drop(dropped);
	}

	#drop(batches: readonly Batch[]): void {
		if (batches.length === 0) return;
		const events = batches.reduce((sum, batch) => sum + batch.pieces.length, 0);
		this.#parts.metrics.executionsDropped(events);
		this.#parts.logger.error({ events }, "execution records were dropped");
	}
}
