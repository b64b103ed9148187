// Takes events that somebody waits for, and answers them. Looks at the subject and the reply subject only; the body is read
// by the thread that runs the chain.
import { CodedError, describeError } from "@hookbus/foundation";
import { type EventAddress, FRAME_INTERVAL_MS, type ProgressFrame, parseEventSubject, parseReplySubject } from "@hookbus/schemas";
import { Empty, headers, type Msg, type NatsConnection, type PublishOptions } from "nats";
import type { Logger } from "pino";
import { errors } from "../errors.js";
import type { EventRecorder } from "../recording/event-recorder.js";
import type { ExecutionReporter } from "../reporting/execution-reporter.js";
import type { RuntimeMetrics } from "../reporting/metrics.js";
import type { LiveTable, LiveTables } from "../routing/live-tables.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { CallCompletion } from "../threads/hook-call.js";
import type { ThreadChain } from "../threads/thread-messages.js";
import type { StallWatch } from "./stall-watch.js";

export interface ReplyIntakeParts {
	readonly connection: NatsConnection;
	readonly tables: LiveTables;
	readonly executor: ChainExecutor;
	readonly executions: ExecutionReporter;
	readonly metrics: RuntimeMetrics;
	readonly stalls: StallWatch;
	readonly recorder: Pick<EventRecorder, "offer">;
	readonly clock: () => number;
	readonly logger: Logger;
	readonly runtime: string;
	/** Largest event in bytes. */
	readonly maxEventBytes: number;
	/** Answer only inboxes of the event's own tenant. */
	readonly tenantInboxOnly: boolean;
}

export class ReplyIntake {
	readonly #parts: ReplyIntakeParts;
	readonly #frame: Uint8Array;

	constructor(parts: ReplyIntakeParts) {
		this.#parts = parts;
		const frame: ProgressFrame = { frame: "working", runtime: parts.runtime };
		this.#frame = Buffer.from(JSON.stringify(frame));
	}

	/** Handles one message of an event subject. Never throws. */
	handle(message: Msg): void {
		const { metrics, tables, maxEventBytes } = this.#parts;
		const address = parseEventSubject(message.subject);
		if (address === undefined) {
			metrics.refused("bad_subject");
			return;
		}
		const reply = message.reply ?? "";
		const inbox = parseReplySubject(reply, address.tenant, this.#parts.tenantInboxOnly);
		// Answering any reply subject would let a publisher make this service publish anywhere.
		if (inbox === undefined) {
			metrics.refused("bad_reply_subject");
			return;
		}
		const bytes = message.data.length;
		if (bytes > maxEventBytes) {
			const way = "send a tail of the history and a historyRef";
			this.#refuse(reply, errors.event_too_large(`the event has ${bytes} bytes; the limit is ${maxEventBytes} — ${way}`));
			return;
		}
		const table = tables.get(address.tenant);
		const chain = table?.chain(address);
		if (table === undefined || chain === undefined) this.#answerUnbound(message, reply, address, table);
		else this.#run(message.data, reply, inbox.frames, address, table, chain);
	}

	#run(body: Uint8Array, reply: string, frames: boolean, address: EventAddress, table: LiveTable, chain: ThreadChain): void {
		const { executor, tables, clock, stalls } = this.#parts;
		const receivedAt = clock();
		const admitted = executor.run({
			kind: "reply",
			address,
			chain,
			receivedAt,
			attempt: 1,
			checkExpiry: stalls.isRecent(),
			body,
			crashes: 0,
			nextFrameAt: receivedAt + FRAME_INTERVAL_MS,
			dueAt: undefined,
			finish: (completion) => this.#finish(reply, address, table, chain, receivedAt, completion),
			...(frames ? { progress: () => this.#publish("frame", reply, this.#frame) } : {}),
		});
		const { recordings } = table.prepared.table;
		if (recordings !== undefined) this.#parts.recorder.offer(recordings, address, body);
		if (admitted) tables.begin(table);
		else
			this.#refuse(
				reply,
				errors.overloaded(`${executor.inFlight} events wait or run in this runtime, which is its limit; send the event again`),
			);
	}

	#finish(
		reply: string,
		address: EventAddress,
		table: LiveTable,
		chain: ThreadChain,
		receivedAt: number,
		completion: CallCompletion,
	): void {
		const { metrics, executions, clock, tables } = this.#parts;
		const took = clock() - receivedAt;
		if (completion.refused !== undefined) metrics.refused(completion.refused);
		if (completion.reply !== undefined) {
			// The caller has applied its own policy by now; a second answer would only be noise, or worse, a surprise.
			if (took > completion.deadlineMs) metrics.late();
			else this.#answer(reply, completion.reply);
		}
		metrics.eventDone(address.hook, took);
		metrics.stepsDone(chain, completion.steps);
		executions.add(address.tenant, completion.executions);
		if (completion.observe !== undefined) this.#observe(completion.observe, address, table, chain);
		tables.end(table);
	}

	/** Observers run after the answer, so that they never delay it. */
	#observe(body: Uint8Array, address: EventAddress, table: LiveTable, chain: ThreadChain): void {
		const { executor, tables, clock, metrics, executions } = this.#parts;
		const receivedAt = clock();
		const admitted = executor.run({
			kind: "observe",
			address,
			chain,
			receivedAt,
			attempt: 1,
			checkExpiry: false,
			body: Uint8Array.from(body),
			crashes: 0,
			nextFrameAt: Number.POSITIVE_INFINITY,
			dueAt: undefined,
			finish: (completion) => {
				metrics.stepsDone(chain, completion.steps);
				executions.add(address.tenant, completion.executions);
				tables.end(table);
			},
		});
		if (admitted) tables.begin(table);
		else metrics.observersShed();
	}

	/** The subject was subscribed to a moment ago and has no chain now: the event goes on unchanged. */
	#answerUnbound(message: Msg, reply: string, address: EventAddress, table: LiveTable | undefined): void {
		let id = "unknown";
		try {
			const event = message.json<{ id?: unknown }>();
			if (typeof event.id === "string") id = event.id;
		} catch {
			this.#refuse(reply, errors.event_not_json(`the event's body (${message.data.length} bytes) is not JSON`));
			return;
		}
		const verdict = {
			id,
			hook: address.hook,
			action: "continue",
			trail: [],
			revision: table?.prepared.table.revision ?? 0,
			durationMs: 0,
		};
		this.#answer(reply, Buffer.from(JSON.stringify(verdict)));
		this.#parts.metrics.eventDone(address.hook, 0);
	}

	#refuse(reply: string, thrown: Error): void {
		const problem = thrown instanceof CodedError ? thrown.toProblem() : undefined;
		const code = problem?.code ?? "runtime_failed";
		this.#parts.metrics.refused(code);
		// The headers are those of NATS's service API, so that any client sees an error without knowing our format.
		const head = headers();
		head.set("Nats-Service-Error", problem?.title ?? "The runtime failed");
		head.set("Nats-Service-Error-Code", String(problem?.status ?? 500));
		const body = problem === undefined ? Empty : Buffer.from(JSON.stringify(problem));
		this.#publish("problem", reply, body, { headers: head });
	}

	/** A verdict; who waits for one that cannot be sent is told so. */
	#answer(reply: string, verdict: Uint8Array): void {
		if (this.#publish("verdict", reply, verdict)) return;
		this.#refuse(reply, errors.runtime_failed(`the verdict of ${verdict.length} bytes could not be sent`));
	}

	/** False when it could not be sent: it is too large, or the connection is closed. What came from one event ends no other. */
	#publish(what: "frame" | "verdict" | "problem", reply: string, body: Uint8Array, options?: PublishOptions): boolean {
		const { connection, metrics, logger } = this.#parts;
		try {
			connection.publish(reply, body, options);
			return true;
		} catch (thrown) {
			metrics.publishFailed(what);
			logger.error({ what, bytes: body.length, error: describeError(thrown) }, "a message could not be sent");
			return false;
		}
	}
}
