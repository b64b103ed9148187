// Takes durable events (on_after_response) from JetStream. For every plugin bound there, an event ends in exactly one of:
// done (recorded, then acknowledged), pending (delivered again after a while), dead (kept with the reason, replayable).
//
//   received → unbound: acknowledged, counted
//            → all done before: acknowledged as duplicate
//            → run → all ok: records stored → marked done → acknowledged
//                  → some failed, attempts left: marks for the others → delivered again after the backoff
//                  → some were not run (breaker, rate, budget): delivered again later, however often; the plugin is disabled at last
//                  → some failed, no attempts left, or no event at all: dead letter stored → marked → acknowledged
//
// The order "stored, marked, acknowledged" is what makes a crash at any point a repetition and never a loss.
import { createHash } from "node:crypto";
import { describeError } from "@hookbus/foundation";
import {
	type DeadLetter,
	deadLetterSubject,
	EVENT_CONSUMER,
	EVENT_STREAM,
	type EventAddress,
	type HookEvent,
	type Outcome,
	PRIOR_ATTEMPTS_HEADER,
	parseEventSubject,
} from "@hookbus/schemas";

import type { ConsumerMessages, JetStreamClient, JsMsg } from "nats";
import type { Logger } from "pino";
import type { EventRecorder } from "../recording/event-recorder.js";
import type { ExecutionReporter } from "../reporting/execution-reporter.js";
import type { RuntimeMetrics } from "../reporting/metrics.js";
import type { LiveTable, LiveTables } from "../routing/live-tables.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { CallCompletion } from "../threads/hook-call.js";
import { peekEvent } from "../threads/settle-in-main.js";
import type { StepCount, ThreadChain, ThreadStep } from "../threads/thread-messages.js";
import type { DoneMarks } from "./done-marks.js";

export interface DurableIntakeParts {
	readonly js: JetStreamClient;
	readonly tables: LiveTables;
	readonly executor: ChainExecutor;
	readonly executions: ExecutionReporter;
	readonly marks: DoneMarks;
	readonly metrics: RuntimeMetrics;
	readonly recorder: Pick<EventRecorder, "offer">;
	readonly clock: () => number;
	readonly logger: Logger;
	/** Milliseconds before each further delivery of a failed event; their number plus one is the number of attempts. */
	readonly backoffMs: readonly number[];
	/** Most events that are worked on at once. */
	readonly concurrency: number;
}

const RECONNECT_MS = 500;
const NO_ROOM_MS = 250;
/** Milliseconds until an event comes again that its plugins were not run for: a breaker, a rate, a budget. */
const POSTPONED_MS = 30_000;
const POSTPONES: ReadonlySet<Outcome> = new Set(["breaker_open", "rate_limited", "over_budget", "overloaded"]);

export class DurableIntake {
	readonly #parts: DurableIntakeParts;
	readonly #working = new Set<Promise<void>>();
	#messages: ConsumerMessages | undefined;
	#stopping = false;
	#loop: Promise<void> | undefined;

	constructor(parts: DurableIntakeParts) {
		this.#parts = parts;
	}

	start(): void {
		this.#loop = this.#consume();
	}

	/** Takes no more events, finishes and acknowledges those in hand. */
	async stop(): Promise<void> {
		this.#stopping = true;
		this.#messages?.stop();
		await this.#loop;
		await Promise.all(this.#working);
	}

	async #consume(): Promise<void> {
		while (!this.#stopping) {
			try {
				const consumer = await this.#parts.js.consumers.get(EVENT_STREAM, EVENT_CONSUMER);
				this.#messages = await consumer.consume({ max_messages: this.#parts.concurrency });
				if (this.#stopping) this.#messages.stop();
				for await (const message of this.#messages) {
					this.#take(message);
					// No more than `concurrency` at once: what is fetched and not begun would only wait for its redelivery.
					while (this.#working.size >= this.#parts.concurrency) await Promise.race(this.#working);
				}
			} catch (thrown) {
				if (this.#stopping) return;
				this.#parts.logger.warn({ error: describeError(thrown) }, "durable events cannot be read now; trying again");
			}
			if (!this.#stopping) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
		}
	}

	#take(message: JsMsg): void {
		const work = this.#handle(message)
			.catch((thrown) => {
				// Not acknowledged: it comes again when the acknowledgement is overdue.
				this.#parts.logger.warn(
					{ error: describeError(thrown) },
					"a durable event could not be finished; it will be delivered again",
				);
			})
			.finally(() => this.#working.delete(work));
		this.#working.add(work);
	}

	async #handle(message: JsMsg): Promise<void> {
		const { tables, marks, metrics } = this.#parts;
		const address = parseEventSubject(message.subject);
		const event = peekEvent(message.data);
		if (address === undefined || event === undefined) {
			await this.#bury(message, address, event, "invalid_event", "the body is no event", []);
			return;
		}
		const done = new Set((await marks.get(address.tenant, event.id)).plugins);
		// Looked up and begun in the same turn: in between, a new table could take the chain out of service.
		const table = tables.get(address.tenant);
		const chain = table?.chain(address);
		if (table === undefined || chain === undefined || chain.steps.length === 0) {
			metrics.durable("unbound");
			message.ack();
			return;
		}
		const only = chain.steps.flatMap((step, index) => (done.has(markOf(step)) ? [] : [index]));
		if (only.length === 0) {
			metrics.durable("duplicate");
			message.ack();
			return;
		}
		const { recordings } = table.prepared.table;
		// Once, however often it is delivered.
		if (recordings !== undefined && attemptOf(message) === 1) this.#parts.recorder.offer(recordings, address, message.data);
		const completion = await this.#run(message, address, table, chain, only);
		if (completion === undefined) {
			message.nak(NO_ROOM_MS);
			return;
		}
		await this.#conclude(message, address, event, chain, done, completion);
	}

	#run(
		message: JsMsg,
		address: EventAddress,
		table: LiveTable,
		chain: ThreadChain,
		only: number[],
	): Promise<CallCompletion | undefined> {
		const { executor, tables, clock } = this.#parts;
		return new Promise((resolve) => {
			const receivedAt = clock();
			const admitted = executor.run({
				kind: "durable",
				address,
				chain,
				receivedAt,
				attempt: attemptOf(message),
				checkExpiry: false,
				only,
				body: message.data,
				crashes: 0,
				nextFrameAt: Number.POSITIVE_INFINITY,
				dueAt: undefined,
				finish: (completion) => {
					tables.end(table);
					resolve(completion);
				},
			});
			if (admitted) tables.begin(table);
			else resolve(undefined);
		});
	}

	async #conclude(
		message: JsMsg,
		address: EventAddress,
		event: HookEvent,
		chain: ThreadChain,
		done: Set<string>,
		completion: CallCompletion,
	): Promise<void> {
		const { metrics, executions, marks, backoffMs } = this.#parts;
		metrics.stepsDone(chain, completion.steps);
		if (completion.refused === "runtime_failed") throw new Error("the runtime failed before the event's first plugin");
		if (completion.refused !== undefined) {
			await this.#bury(message, address, event, "invalid_event", `the event is not valid: ${completion.refused}`, []);
			return;
		}
		const attempt = message.info.redeliveryCount;
		await executions.store(address.tenant, completion.executions, `${address.tenant}.${message.seq}.${attempt}`);
		// What is only tried out is never tried again: a candidate that fails must not make a dead letter of the event.
		const isThrough = ({ step, outcome }: StepCount) => outcome === "ok" || isTrial(chain.steps[step]);
		const failed = completion.steps.filter((step) => !isThrough(step));
		for (const step of completion.steps) {
			if (isThrough(step)) done.add(markAt(chain, step.step));
		}
		const wasTried = failed.some(({ outcome }) => !POSTPONES.has(outcome));
		if (wasTried && attempt > backoffMs.length) {
			const plugins = failed.map((step) => ({ plugin: chain.steps[step.step]?.name ?? "unknown", outcome: step.outcome }));
			const names = plugins.map(({ plugin, outcome }) => `${plugin}: ${outcome}`).join(", ");
			await this.#bury(message, address, event, "attempts_exhausted", `${attempt} attempts failed (${names})`, plugins);
			for (const step of failed) done.add(markAt(chain, step.step));
			await marks.put(address.tenant, event.id, { plugins: [...done] });
			return;
		}
		await marks.put(address.tenant, event.id, { plugins: [...done] });
		if (failed.length === 0) {
			metrics.durable("done");
			await message.ackAck();
		} else if (wasTried) {
			metrics.durable("retried");
			message.nak(backoffMs[Math.max(0, attempt - 1)] ?? backoffMs.at(-1));
		} else {
			metrics.durable("postponed");
			message.nak(POSTPONED_MS);
		}
	}

	/** Stores a dead letter, and only then lets the event go. */
	async #bury(
		message: JsMsg,
		address: EventAddress | undefined,
		event: HookEvent | undefined,
		reason: DeadLetter["reason"],
		detail: string,
		plugins: DeadLetter["plugins"],
	): Promise<void> {
		const { js, metrics, logger } = this.#parts;
		const tenant = address?.tenant ?? "unknown";
		const letter: DeadLetter = {
			spec: "1",
			tenant,
			subject: message.subject,
			...(event === undefined ? {} : { eventId: event.id }),
			reason,
			detail: detail.slice(0, 512),
			attempts: attemptOf(message),
			plugins,
			digest: createHash("sha256").update(message.data).digest("hex"),
			body: Buffer.from(message.data).toString("base64"),
			time: new Date().toISOString(),
		};
		await js.publish(deadLetterSubject(tenant), Buffer.from(JSON.stringify(letter)), { msgID: `${EVENT_STREAM}.${message.seq}` });
		metrics.durable("dead");
		logger.error(
			{ tenant, subject: message.subject, eventId: event?.id, reason, detail },
			"durable event given up; it is kept as a dead letter",
		);
		message.term();
	}
}

/**
 * What is written down of a step that is through with an event: its plugin's name, so that another version does not run for it again. The
 * candidate of a shadow rollout runs beside the current version, and neither may count for the other.
 */
function markOf(step: ThreadStep): string {
	return isTrial(step) ? `${step.name} (${step.arm})` : step.name;
}

function isTrial(step: ThreadStep | undefined): boolean {
	return step?.arm === "candidate" && step.mode === "shadow";
}

function markAt(chain: ThreadChain, index: number): string {
	const step = chain.steps[index];
	return step === undefined ? "" : markOf(step);
}

/** Number of this delivery; for a replayed event counted on from where it was given up, so that its records are the later ones. */
function attemptOf(message: JsMsg): number {
	const prior = message.headers?.get(PRIOR_ATTEMPTS_HEADER) ?? "";
	return message.info.redeliveryCount + (/^\d{1,6}$/.test(prior) ? Number(prior) : 0);
}
