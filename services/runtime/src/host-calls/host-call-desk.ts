// The main thread's side of host calls: takes what threads ask, looks up who asks, and answers. Rights are looked up by the key of
// the plugin's image in a table that only the main thread has, so that nothing that happens in a thread can widen them.
//
//   asked → no such plugin, no permission, no calls left       → denied
//         → prepared: not allowed by its rights, does not fit  → denied, guest_error
//         → running → done                                     → answer
//                   → its deadline                             → timeout, aborted
//                   → its thread is gone                       → aborted, nobody is answered
import type { MessagePort } from "node:worker_threads";
import { describeError } from "@hookbus/foundation";
import type { HostCallAnswers, HostCallMessage, HostCallReply, HostCallType } from "./host-call.js";
import { denied, HostCallError, timedOut } from "./host-call-errors.js";
import type { HostFunction, HostFunctions } from "./host-function.js";
import type { PluginRights } from "./plugin-rights.js";
import { PERMISSION_OF } from "./request-limits.js";

/** Most calls of all kinds in one invocation. */
const CALLS_PER_INVOCATION = 256;

/** What became of host calls, for counters. */
export interface HostCallObserver {
	/** @param outcome `ok`, or how it failed */
	hostCallDone(rights: PluginRights | undefined, type: HostCallType, outcome: string, ms: number): void;
	/** A host function broke; it is our fault. */
	hostCallBroke(type: HostCallType, error: string): void;
}

export interface HostCallDeskParts {
	readonly functions: HostFunctions;
	/** Rights by the key of the plugin's image; `undefined`: no such plugin is in service. */
	readonly rightsOf: (image: string) => PluginRights | undefined;
	readonly observer: HostCallObserver;
	readonly clock: () => number;
}

/** The connection of one thread. */
export interface DeskConnection {
	/** The thread is ended: aborts what still runs for it. */
	close(): void;
}

export class HostCallDesk {
	readonly #parts: HostCallDeskParts;

	constructor(parts: HostCallDeskParts) {
		this.#parts = parts;
	}

	/**
	 * Answers a thread.
	 *
	 * @param answers the shared cell on which the thread waits
	 */
	connect(port: MessagePort, answers: Int32Array): DeskConnection {
		const ended = new AbortController();
		const used = new CallCounts();
		port.on("message", (message: HostCallMessage) => {
			void this.#answer(message, used, ended.signal).then((reply) => {
				if (ended.signal.aborted) return;
				port.postMessage(reply);
				Atomics.add(answers, 0, 1);
				Atomics.notify(answers, 0);
			});
		});
		return {
			close() {
				ended.abort();
				port.close();
			},
		};
	}

	/** Never rejects. */
	async #answer(message: HostCallMessage, used: CallCounts, ended: AbortSignal): Promise<HostCallReply> {
		const { clock, observer, rightsOf } = this.#parts;
		const { id, request, image } = message;
		const startedAt = clock();
		const rights = rightsOf(image);
		const done = (outcome: string) => observer.hostCallDone(rights, request.type, outcome, clock() - startedAt);
		try {
			if (rights === undefined) throw denied(`${request.type}: the plugin is not in service any more`);
			const answer = await this.#run(message, rights, used, ended);
			done("ok");
			return { id, answer: withOwnBytes(answer) };
		} catch (thrown) {
			const failure =
				thrown instanceof HostCallError
					? { outcome: thrown.outcome, message: thrown.message }
					: { outcome: "host_error" as const, message: `${request.type} failed in the host` };
			if (!(thrown instanceof HostCallError)) observer.hostCallBroke(request.type, describeError(thrown));
			done(failure.outcome);
			return { id, failure };
		}
	}

	async #run(
		{ request, invocation, deadlineAt }: HostCallMessage,
		rights: PluginRights,
		used: CallCounts,
		ended: AbortSignal,
	): Promise<HostCallAnswers[HostCallType]> {
		// The union of requests and the table of functions have the same keys; the compiler cannot follow that.
		const asked = this.#parts.functions[request.type] as HostFunction<HostCallType, unknown>;
		requirePermission(request.type, rights);
		used.count(invocation, request.type, asked.callsPerInvocation);
		const prepared = asked.prepare(request, rights);
		const leftMs = deadlineAt - this.#parts.clock();
		if (leftMs <= 0) throw timedOut(`${request.type}: the plugin's time is over`);
		const over = new AbortController();
		const abort = () => over.abort();
		const timer = setTimeout(abort, leftMs);
		ended.addEventListener("abort", abort);
		try {
			return await asked.run(prepared, rights, { signal: over.signal });
		} catch (thrown) {
			if (over.signal.aborted && !(thrown instanceof HostCallError)) {
				throw timedOut(`${request.type}: not done before the plugin's time was over`, { cause: thrown });
			}
			throw thrown;
		} finally {
			clearTimeout(timer);
			ended.removeEventListener("abort", abort);
		}
	}
}

/**
 * The answer, its bytes in memory of their own. Small buffers share a piece of memory with others of the process, and posting one
 * of them hands all of that to the plugin's thread: the secrets of others.
 */
function withOwnBytes(answer: HostCallAnswers[HostCallType]): HostCallAnswers[HostCallType] {
	const entries = Object.entries(answer).map(([name, value]) => [
		name,
		value instanceof Uint8Array ? new Uint8Array(value) : value,
	]);
	return Object.fromEntries(entries) as HostCallAnswers[HostCallType];
}

/** @throws HostCallError `denied` */
export function requirePermission(type: HostCallType, { permissions }: Pick<PluginRights, "permissions">): void {
	const permission = PERMISSION_OF[type];
	if (permissions.has(permission)) return;
	throw denied(`${type} needs the permission ${permission}, which was not granted to the plugin`);
}

/** Calls of the invocation that runs in a thread; there is one at a time. */
class CallCounts {
	#invocation = -1;
	#all = 0;
	readonly #byType = new Map<HostCallType, number>();

	/** @throws HostCallError `denied` when there are too many */
	count(invocation: number, type: HostCallType, most: number): void {
		if (invocation !== this.#invocation) {
			this.#invocation = invocation;
			this.#all = 0;
			this.#byType.clear();
		}
		const count = (this.#byType.get(type) ?? 0) + 1;
		this.#all += 1;
		if (count > most) throw denied(`${type}: at most ${most} calls in one invocation are allowed`);
		if (this.#all > CALLS_PER_INVOCATION) {
			throw denied(`${type}: at most ${CALLS_PER_INVOCATION} calls of the host in one invocation are allowed`);
		}
		this.#byType.set(type, count);
	}
}
