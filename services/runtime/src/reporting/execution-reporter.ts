// Sends execution records in batches through JetStream, away from the hot path. The buffer is bounded: when the bus cannot
// take records, the oldest are dropped and counted, and events go on. What it can never take is dropped at once: it would stand in the
// way of the records of every tenant.
import { randomUUID } from "node:crypto";
import { describeError } from "@hookbus/foundation";
import { executionSubject } from "@hookbus/schemas";
import { ErrorCode, type JetStreamClient, NatsError } from "nats";
import type { Logger } from "pino";
import type { RuntimeMetrics } from "./metrics.js";

/** Milliseconds that a record waits for others. */
const BATCH_MS = 100;
/** Bytes at which a batch is full. */
const BATCH_BYTES = 200_000;
/** Bytes that all waiting records together may have. */
const BUFFER_BYTES = 32 * 1024 * 1024;
/** Largest message that the stream takes, whatever the bus takes besides. */
const STREAM_MESSAGE_BYTES = 1024 * 1024;
/** Bytes of a message beside the records: what stands around them, and the headers. */
const AROUND_BYTES = 1_024;
const PUBLISH_TIMEOUT_MS = 5_000;
const RETRY_MS = 500;

export interface ExecutionReporterParts {
	readonly js: Pick<JetStreamClient, "publish">;
	/** Largest message that the bus takes, in bytes. */
	readonly payloadBytes: number;
	readonly metrics: Pick<RuntimeMetrics, "executionsDropped">;
	readonly logger: Logger;
}

interface Batch {
	readonly tenant: string;
	/** The records of one event or several of them: JSON objects joined by commas. */
	readonly pieces: string[];
	bytes: number;
	/** The same for every try, so that the stream drops a batch that it has. */
	readonly id: string;
}

export class ExecutionReporter {
	readonly #parts: ExecutionReporterParts;
	readonly #open = new Map<string, Batch>();
	#closed: Batch[] = [];
	#bytes = 0;
	#timer: NodeJS.Timeout | undefined;
	#sending: Promise<void> | undefined;
	#stopping = false;

	constructor(parts: ExecutionReporterParts) {
		this.#parts = parts;
	}

	/** Takes the records of one event: JSON objects joined by commas, or nothing. */
	add(tenant: string, executions: string): void {
		if (executions === "") return;
		for (const piece of this.#fitting(tenant, executions)) this.#addPiece(tenant, piece);
		this.#shed();
		this.#timer ??= setTimeout(() => this.#tick(), BATCH_MS);
	}

	#addPiece(tenant: string, piece: string): void {
		const bytes = Buffer.byteLength(piece) + 1;
		let batch = this.#open.get(tenant);
		if (batch !== undefined && batch.bytes + bytes > this.#maxBytes) {
			this.#close(tenant, batch);
			batch = undefined;
		}
		if (batch === undefined) {
			batch = { tenant, pieces: [], bytes: 0, id: randomUUID() };
			this.#open.set(tenant, batch);
		}
		batch.pieces.push(piece);
		batch.bytes += bytes;
		this.#bytes += bytes;
		if (batch.bytes >= BATCH_BYTES) this.#close(tenant, batch);
	}

	get #maxBytes(): number {
		return Math.min(this.#parts.payloadBytes, STREAM_MESSAGE_BYTES) - AROUND_BYTES;
	}

	/** The records in pieces that a message can hold. A single one that it cannot hold is dropped. */
	#fitting(tenant: string, executions: string): string[] {
		if (Buffer.byteLength(executions) < this.#maxBytes) return [executions];
		const single = (JSON.parse(`[${executions}]`) as unknown[]).map((record) => JSON.stringify(record));
		const fitting = single.filter((record) => Buffer.byteLength(record) < this.#maxBytes);
		if (fitting.length < single.length) this.#count(tenant, single.length - fitting.length, "no message can hold them");
		return fitting;
	}

	/** Sends the records of one durable event and resolves when the stream has them. Rejects when it does not. */
	async store(tenant: string, executions: string, id: string): Promise<void> {
		if (executions === "") return;
		const pieces = this.#fitting(tenant, executions);
		for (const [index, piece] of pieces.entries()) {
			await this.#publish(tenant, piece, pieces.length === 1 ? id : `${id}.${index}`);
		}
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
				if (isTooLarge(thrown)) {
					this.#remove(batch);
					this.#drop([batch]);
					continue;
				}
				this.#parts.logger.warn(
					{ error: describeError(thrown), batches: this.#closed.length },
					"execution records wait: the bus does not take them",
				);
				return;
			}
			this.#remove(batch);
		}
	}

	#remove(batch: Batch): void {
		if (this.#closed[0] === batch) this.#closed.shift();
		this.#bytes -= batch.bytes;
	}

	async #publish(tenant: string, executions: string, id: string): Promise<void> {
		const body = Buffer.from(`{"spec":"1","executions":[${executions}]}`);
		await this.#parts.js.publish(executionSubject(tenant), body, { msgID: id, timeout: PUBLISH_TIMEOUT_MS });
	}

	#shed(): void {
		if (this.#bytes <= BUFFER_BYTES) return;
		const dropped: Batch[] = [];
		while (this.#bytes > BUFFER_BYTES && this.#closed.length > 1) {
			// The first may be on its way; the next one goes.
			const batch = this.#closed.splice(1, 1)[0] as Batch;
			this.#bytes -= batch.bytes;
			dropped.push(batch);
		}
		this.#drop(dropped);
	}

	#drop(batches: readonly Batch[]): void {
		for (const { tenant, pieces } of batches) this.#count(tenant, pieces.length, "the bus did not take them");
	}

	#count(tenant: string, count: number, why: string): void {
		this.#parts.metrics.executionsDropped(count);
		this.#parts.logger.error({ tenant, count, why }, "execution records were dropped");
	}
}

/** The server takes smaller messages than the one that was asked when the batch was made. It will not take this one later either. */
function isTooLarge(thrown: unknown): boolean {
	return thrown instanceof NatsError && thrown.code === ErrorCode.MaxPayloadExceeded;
}
