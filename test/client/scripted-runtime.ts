// Plays a runtime for the client's tests: a real member of the real queue group, whose replies are scripted. The real one
// cannot be told to answer with garbage, to answer twice, or to fall silent in the middle of an event.
import {
	type EventByHook,
	eventSubjectForAllAssistants,
	HOOK_NAMES,
	HOOKS,
	type HookEvent,
	type HookName,
	type Problem,
	problemType,
	RUNTIME_QUEUE,
	type Verdict,
} from "@hookbus/schemas";
import { connect, type Msg, type NatsConnection } from "nats";
import { closeAfter } from "../support/close-after.js";

/** One event that this member received, and the ways to answer it. */
export interface Call<Event extends HookEvent = HookEvent> {
	readonly event: Event;
	readonly subject: string;
	readonly reply: string;
	/** Milliseconds of `performance.now()` when it came. */
	readonly at: number;
	verdict(changes?: Partial<Verdict>): void;
	frame(): void;
	problem(status: number, code: string): void;
	raw(bytes: string | Uint8Array): void;
}

export type Script = (call: Call) => void | Promise<void>;

export interface ScriptedRuntime {
	/** Every event that this member received, in order. */
	readonly calls: Call[];
	readonly connection: NatsConnection;
	/** Leaves the queue group and closes the connection at once, as a process that is killed. */
	kill(): Promise<void>;
}

/** A member that answers every event as the script says. Default: a verdict that changes nothing. */
export async function startScriptedRuntime(
	url: string,
	tenant: string,
	script: Script = (call) => call.verdict(),
	hooks: readonly HookName[] = HOOK_NAMES.filter((hook) => HOOKS[hook].delivery === "reply"),
): Promise<ScriptedRuntime> {
	const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 20 });
	const kill = async (): Promise<void> => {
		if (!connection.isClosed()) await connection.close();
	};
	closeAfter(kill);
	const calls: Call[] = [];
	for (const hook of hooks) {
		connection.subscribe(eventSubjectForAllAssistants(tenant, hook), {
			queue: RUNTIME_QUEUE,
			callback: (_error, message) => {
				const call = toCall(connection, message);
				calls.push(call);
				void script(call);
			},
		});
	}
	await connection.flush();
	return { calls, connection, kill };
}

/** Sends progress frames as a runtime does, every 40 ms, and the verdict after `ms`. */
export function worksFor(ms: number): Script {
	return (call) => {
		const frames = setInterval(() => call.frame(), 40);
		setTimeout(() => {
			clearInterval(frames);
			call.verdict();
		}, ms);
	};
}

/** Takes events and says nothing, as a process that was stopped: it keeps its share of the queue group. */
export const frozen: Script = () => undefined;

function toCall(connection: NatsConnection, message: Msg): Call {
	const event = message.json<EventByHook[HookName]>();
	const reply = message.reply ?? "";
	const send = (bytes: string | Uint8Array): void => {
		// A member that was killed meanwhile says nothing more.
		if (!connection.isClosed()) connection.publish(reply, bytes);
	};
	return {
		event,
		subject: message.subject,
		reply,
		at: performance.now(),
		verdict: (changes = {}) => {
			const verdict: Verdict = {
				id: event.id,
				hook: event.hook,
				action: "continue",
				trail: [],
				revision: 7,
				durationMs: 1,
				...changes,
			};
			send(JSON.stringify(verdict));
		},
		frame: () => send(JSON.stringify({ frame: "working", runtime: "scripted" })),
		problem: (status, code) => {
			const problem: Problem = {
				type: problemType(code),
				title: code,
				status,
				code,
				detail: `refused with ${code}`,
				instance: event.id,
			};
			send(JSON.stringify(problem));
		},
		raw: send,
	};
}
