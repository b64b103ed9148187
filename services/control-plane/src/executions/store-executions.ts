// Brings executions from JetStream into the database: pull, insert, commit, acknowledge, in this order, so a crash only repeats
// a batch, which the unique key makes harmless. A batch that can never be stored is counted, logged and taken off the stream;
// while the database is down nothing is acknowledged and the stream keeps it all.
import { createHash } from "node:crypto";
import { describeError } from "@hookbus/foundation";
import { EXECUTION_CONSUMER, EXECUTION_STREAM, type Execution, isExecutionBatch } from "@hookbus/schemas";
import type { JsMsg } from "nats";
import type { Logger } from "pino";
import type { BusLink, ReadyBus } from "../bus/bus-link.js";
import type { Database } from "../database/database.js";
import { isDataError } from "../database/map-database-error.js";
import type { ControlPlaneMetrics } from "../metrics.js";
import { pause } from "../pause.js";
import { insertExecutions } from "./repository.js";

const MAX_MESSAGES = 64;
/** Executions of one transaction, unless one message has more: a transaction has a time limit, and counting takes a while. */
const MAX_EXECUTIONS = 1_000;
/** Milliseconds that one pull waits for the first message; also the longest that a stop waits for it. */
const PULL_MS = 1_000;
/** Milliseconds before the next try after bus or database failed. */
const RETRY_MS = 1_000;

export interface StoreExecutionsParts {
	readonly link: BusLink;
	readonly database: Database;
	readonly metrics: ControlPlaneMetrics;
	readonly logger: Logger;
	/** Executions were stored. */
	readonly onStored: () => void;
}

interface Batch {
	readonly message: JsMsg;
	readonly executions: readonly Execution[];
}

export class ExecutionStore {
	readonly #parts: StoreExecutionsParts;
	readonly #stopping = new AbortController();
	#running: Promise<void> | undefined;

	constructor(parts: StoreExecutionsParts) {
		this.#parts = parts;
	}

	start(): void {
		this.#running ??= this.#run();
	}

	/** Finishes the batches in hand. Idempotent. */
	async stop(): Promise<void> {
		this.#stopping.abort();
		await this.#running;
	}

	async #run(): Promise<void> {
		const { link, logger } = this.#parts;
		while (!this.#stopping.signal.aborted) {
			const ready = link.ready;
			try {
				if (ready !== undefined && (await this.#pull(ready))) continue;
			} catch (thrown) {
				logger.warn({ error: describeError(thrown) }, "executions cannot be stored now; the stream keeps them");
			}
			await pause(RETRY_MS, this.#stopping.signal);
		}
	}

	/** True when the next pull may follow at once. Rejects when bus or database cannot be reached. */
	async #pull({ connection }: ReadyBus): Promise<boolean> {
		const consumer = await connection.jetstream().consumers.get(EXECUTION_STREAM, EXECUTION_CONSUMER);
		const first = await consumer.next({ expires: PULL_MS });
		if (first === null) return true;
		const messages = [first];
		// A pull for more than there is would wait for the rest, and what is there would be stored a second later.
		const more = Math.min(first.info.pending, MAX_MESSAGES - 1);
		if (more > 0) {
			for await (const message of await consumer.fetch({ max_messages: more, expires: PULL_MS })) messages.push(message);
		}
		const batches = messages.flatMap((message) => this.#decode(message) ?? []);
		const groups = grouped(batches);
		for (const [index, group] of groups.entries()) {
			try {
				await this.#store(group);
			} catch (thrown) {
				for (const { message } of groups.slice(index + 1).flat()) message.nak(RETRY_MS);
				throw thrown;
			}
		}
		return true;
	}

	async #store(batches: readonly Batch[]): Promise<void> {
		try {
			await this.#insert(batches.flatMap(({ executions }) => executions));
			for (const { message } of batches) message.ack();
		} catch (thrown) {
			if (!isDataError(thrown)) {
				for (const { message } of batches) message.nak(RETRY_MS);
				throw thrown;
			}
			for (const batch of batches) await this.#storeAlone(batch);
		}
	}

	/** One batch of several holds something that the database does not take; only that one is given up. */
	async #storeAlone({ message, executions }: Batch): Promise<void> {
		try {
			await this.#insert(executions);
			message.ack();
		} catch (thrown) {
			if (!isDataError(thrown)) {
				message.nak(RETRY_MS);
				throw thrown;
			}
			this.#refuse(message, "data", describeError(thrown));
		}
	}

	async #insert(executions: readonly Execution[]): Promise<void> {
		await this.#parts.database.acrossTenants.transaction((queries) => insertExecutions(queries, executions));
		this.#parts.metrics.executionsStored.inc(executions.length);
		this.#parts.metrics.patchesOmitted.inc(executions.filter(({ patchOmitted }) => patchOmitted !== undefined).length);
		this.#parts.onStored();
	}

	#decode(message: JsMsg): Batch | undefined {
		const value = parse(message);
		if (!isExecutionBatch(value)) return this.#refuse(message, "invalid", "it is no batch of executions");
		const tenant = message.subject.split(".")[3];
		if (value.executions.some((execution) => execution.tenant !== tenant)) {
			return this.#refuse(message, "tenant", `it holds executions of another tenant than ${tenant}`);
		}
		if (value.executions.some(({ startedAt }) => Number.isNaN(new Date(startedAt).getTime()))) {
			return this.#refuse(message, "invalid", "it holds an execution whose startedAt is no time");
		}
		return { message, executions: value.executions };
	}

	#refuse(message: JsMsg, reason: "invalid" | "tenant" | "data", why: string): undefined {
		const { metrics, logger } = this.#parts;
		metrics.executionBatchesRefused.inc({ reason });
		const digest = createHash("sha256").update(message.data).digest("hex");
		logger.error({ subject: message.subject, bytes: message.data.length, digest, why }, "a batch of executions was given up");
		message.term();
	}
}

/** In order, each group with as many as one transaction takes. */
function grouped(batches: readonly Batch[]): Batch[][] {
	const groups: Batch[][] = [];
	let room = 0;
	for (const batch of batches) {
		room -= batch.executions.length;
		const group = groups.at(-1);
		if (group !== undefined && room >= 0) {
			group.push(batch);
			continue;
		}
		groups.push([batch]);
		room = MAX_EXECUTIONS - batch.executions.length;
	}
	return groups;
}

function parse(message: JsMsg): unknown {
	try {
		return JSON.parse(Buffer.from(message.data).toString("utf8"));
	} catch {
		// Refused by the caller like any other thing that is no batch.
		return undefined;
	}
}
