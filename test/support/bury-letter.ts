// Dead letters as runtimes write them.
import { createHash } from "node:crypto";
import { type DeadLetter, deadLetterSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { afterEvent } from "./events.js";

/** Stands in the event of every letter. */
export const LETTER_TEXT = "words of a conversation";

function letter(values: Partial<DeadLetter> = {}): DeadLetter {
	const body = JSON.stringify(afterEvent({ id: values.eventId ?? "e-1", tenant: "default" }));
	const spoken = body.replace("done", LETTER_TEXT);
	return {
		spec: "1",
		tenant: "default",
		subject: "hooks.v1.default.on_after_response.bot",
		eventId: "e-1",
		reason: "attempts_exhausted",
		detail: "5 attempts failed (tester: trap)",
		attempts: 5,
		plugins: [{ plugin: "tester", outcome: "trap" }],
		digest: createHash("sha256").update(spoken).digest("hex"),
		body: Buffer.from(spoken).toString("base64"),
		time: new Date().toISOString(),
		...values,
	};
}

/** Puts a letter into the stream as a runtime does; returns its id. */
export async function buryLetter(
	connection: NatsConnection,
	values: Partial<DeadLetter> = {},
	tenant = "default",
): Promise<string> {
	const { seq } = await connection.jetstream().publish(deadLetterSubject(tenant), JSON.stringify(letter({ tenant, ...values })));
	return String(seq);
}
