// A durable event that was given up, kept with the reason so that it can be looked at and replayed.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { ExternalId, PluginName, SubjectToken } from "./identifiers.js";
import { Outcome } from "./verdict.js";

export const DeadLetterReason = Type.Union([Type.Literal("invalid_event"), Type.Literal("attempts_exhausted")]);
export type DeadLetterReason = Static<typeof DeadLetterReason>;

export const DeadLetter = Type.Object(
	{
		spec: Type.Literal("1"),
		tenant: SubjectToken,
		subject: Type.String({ description: "Subject of the event; publishing the event there again replays it" }),
		eventId: Type.Optional(ExternalId),
		reason: DeadLetterReason,
		detail: Type.String({ maxLength: 512 }),
		attempts: Type.Integer({ minimum: 1 }),
		plugins: Type.Array(Type.Object({ plugin: PluginName, outcome: Outcome, error: Type.Optional(Type.String()) })),
		digest: Type.String({ description: "SHA-256 of the event's body" }),
		body: Type.String({ description: "The event's body, base64" }),
		time: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ $id: "DeadLetter" },
);
export type DeadLetter = Static<typeof DeadLetter>;

const check = TypeCompiler.Compile(DeadLetter);

/** True when the value is a dead letter. Does not throw. */
export function isDeadLetter(value: unknown): value is DeadLetter {
	return check.Check(value);
}
