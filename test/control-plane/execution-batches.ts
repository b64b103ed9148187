// Execution records as runtimes send them, for tests of what the control plane makes of them.
import { type Execution, executionSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";

/** A complete record, with what a test wants different. */
export function execution(values: Partial<Execution> = {}): Execution {
	return {
		eventId: "event-1",
		tenant: "default",
		assistant: "bot",
		hook: "on_chat_message",
		plugin: "tester",
		version: "1.0.0",
		digest: "ab".repeat(32),
		effect: "transform",
		mode: "enforce",
		outcome: "ok",
		startedAt: new Date().toISOString(),
		durationMs: 1.5,
		inputBytes: 100,
		outputBytes: 50,
		attempt: 1,
		runtime: "runtime-1",
		revision: 1,
		...values,
	};
}

/** Sends them as one batch and resolves when the stream has it. */
export async function publishExecutions(
	connection: NatsConnection,
	executions: readonly Execution[],
	tenant = "default",
): Promise<void> {
	await connection.jetstream().publish(executionSubject(tenant), JSON.stringify({ spec: "1", executions }));
}
