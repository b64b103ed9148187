// Sends an event with a plain NATS connection, as any client without our SDK does.
import { eventSubject, type HookEvent, type Problem, type Verdict } from "@hookbus/schemas";
import type { NatsConnection } from "nats";

/** The verdict, or the problem that was answered instead. */
export async function ask(connection: NatsConnection, event: HookEvent, timeoutMs = 45_000): Promise<Verdict> {
	const reply = await connection.request(eventSubject(event), JSON.stringify(event), { timeout: timeoutMs });
	return reply.json<Verdict>();
}

/** Sends any bytes to a subject and returns the answer as a problem. */
export async function askBytes(
	connection: NatsConnection,
	subject: string,
	body: string | Uint8Array,
	timeoutMs = 45_000,
): Promise<Problem> {
	const reply = await connection.request(subject, body, { timeout: timeoutMs });
	return reply.json<Problem>();
}
