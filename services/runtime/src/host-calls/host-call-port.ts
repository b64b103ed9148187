// The thread's side of host calls. Plugin code cannot wait for a promise, so its thread stops until the main thread has answered,
// or until the time of the invocation is over. An answer that comes later belongs to nobody: it is dropped by its number, and
// can never reach the call after it, which may be another tenant's.
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { HostCallAnswers, HostCallMessage, HostCallReply, HostCallType, RequestOf } from "./host-call.js";
import { HostCallError, timedOut } from "./host-call-errors.js";

/** Whose call it is, and how long it may take. */
export interface HostCallContext {
	/** Key of the plugin's image. */
	readonly image: string;
	/** Number of the invocation in its thread. */
	readonly invocation: number;
	/** Monotonic milliseconds at which the watchdog ends the thread. */
	readonly deadlineAt: number;
}

/** Asks the main thread and waits. */
export interface HostCaller {
	/** @throws HostCallError with what the main thread says, or `timeout` */
	ask<Type extends HostCallType>(context: HostCallContext, request: RequestOf<Type>): HostCallAnswers[Type];
}

/** Milliseconds that are left for ending the invocation in an orderly way: a thread that wakes up too late is ended with it. */
const MARGIN_MS = 10;
const MARGIN_SHARE = 0.1;

export class HostCallPort implements HostCaller {
	readonly #port: MessagePort;
	readonly #answers: Int32Array;
	readonly #clock: () => number;
	#lastId = 0;

	/**
	 * @param port to the desk in the main thread
	 * @param answers one shared cell that grows with every answer
	 */
	constructor(port: MessagePort, answers: Int32Array, clock: () => number) {
		this.#port = port;
		this.#answers = answers;
		this.#clock = clock;
	}

	ask<Type extends HostCallType>(context: HostCallContext, request: RequestOf<Type>): HostCallAnswers[Type] {
		const id = this.#lastId + 1;
		this.#lastId = id;
		const now = this.#clock();
		const left = context.deadlineAt - now;
		const deadlineAt = context.deadlineAt - Math.min(MARGIN_MS, left * MARGIN_SHARE);
		this.#port.postMessage({ ...context, id, deadlineAt, request } satisfies HostCallMessage);
		for (;;) {
			const seen = Atomics.load(this.#answers, 0);
			const reply = this.#receive(id);
			if (reply !== undefined) return answerOf<Type>(reply);
			const waitMs = deadlineAt - this.#clock();
			if (waitMs <= 0) throw timedOut(`${request.type}: no answer before the plugin's time was over`);
			Atomics.wait(this.#answers, 0, seen, waitMs);
		}
	}

	#receive(id: number): HostCallReply | undefined {
		for (;;) {
			const received = receiveMessageOnPort(this.#port) as { readonly message: HostCallReply } | undefined;
			if (received === undefined) return undefined;
			if (received.message.id === id) return received.message;
		}
	}
}

function answerOf<Type extends HostCallType>(reply: HostCallReply): HostCallAnswers[Type] {
	if ("answer" in reply) return reply.answer as HostCallAnswers[Type];
	throw new HostCallError(reply.failure.outcome, reply.failure.message);
}
