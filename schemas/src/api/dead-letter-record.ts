// Dead letters as REST shows them. What the event says is text of a conversation, so it is asked for by itself.
import { type Static, Type } from "@sinclair/typebox";
import { DeadLetter, DeadLetterReason } from "../dead-letter.js";
import { HookName } from "../hook.js";
import { ExternalId, PluginName, SubjectToken } from "../identifiers.js";
import { timeText } from "./time.js";

const { eventId, detail, attempts, plugins, digest } = DeadLetter.properties;

export const DeadLetterId = Type.String({ pattern: "^[1-9]\\d{0,15}$", description: "Id of the dead letter" });

export const DeadLetterRecord = Type.Object(
	{
		id: DeadLetterId,
		hook: Type.Optional(HookName),
		assistant: Type.Optional(SubjectToken),
		eventId,
		reason: DeadLetterReason,
		detail,
		attempts,
		plugins,
		digest,
		bytes: Type.Integer({ minimum: 0, description: "Size of the event's body" }),
		time: Type.String({ description: "When it was given up: RFC 3339, UTC" }),
	},
	{ additionalProperties: false, $id: "DeadLetterRecord" },
);
export type DeadLetterRecord = Static<typeof DeadLetterRecord>;

export const DeadLetterPage = Type.Object(
	{
		items: Type.Array(DeadLetterRecord, { description: "Oldest first" }),
		next: Type.Optional(
			Type.String({ description: "Cursor of the next page, which may be empty; absent when all were looked at" }),
		),
	},
	{ additionalProperties: false, $id: "DeadLetterPage" },
);
export type DeadLetterPage = Static<typeof DeadLetterPage>;

export const DeadLetterEvent = Type.Object(
	{
		id: DeadLetterId,
		event: Type.Optional(Type.Unknown({ description: "The event; absent when the body is not JSON" })),
		body: Type.String({ description: "The body as it was published, base64" }),
	},
	{ additionalProperties: false, $id: "DeadLetterEvent" },
);
export type DeadLetterEvent = Static<typeof DeadLetterEvent>;

export const DeadLetterReplay = Type.Object(
	{
		id: DeadLetterId,
		eventId,
		plugins: Type.Array(PluginName, { description: "Those that get the event again" }),
		duplicate: Type.Boolean({ description: "It was replayed by another call at the same moment, and is delivered once" }),
	},
	{ additionalProperties: false, $id: "DeadLetterReplay" },
);
export type DeadLetterReplay = Static<typeof DeadLetterReplay>;

export const DeadLetterSelection = Type.Object(
	{
		plugin: Type.Optional(PluginName),
		reason: Type.Optional(DeadLetterReason),
		event: Type.Optional(ExternalId),
		since: Type.Optional(timeText("given up at this time or later")),
		until: Type.Optional(timeText("given up before this time")),
		limit: Type.Integer({ minimum: 1, maximum: 200, default: 100, description: "Most dead letters of one call, oldest first" }),
		cursor: Type.Optional(Type.String({ maxLength: 64, description: "next of the call before" })),
	},
	{ additionalProperties: false, $id: "DeadLetterSelection" },
);
export type DeadLetterSelection = Static<typeof DeadLetterSelection>;

export const DeadLetterBulk = Type.Object(
	{
		done: Type.Array(DeadLetterId, { description: "What was replayed or dropped" }),
		refused: Type.Array(
			Type.Object({ id: DeadLetterId, code: Type.String(), detail: Type.String() }, { additionalProperties: false }),
			{ description: "What was left as it is, and why" },
		),
		next: Type.Optional(Type.String({ description: "Cursor to go on with; absent when all were looked at" })),
	},
	{ additionalProperties: false, $id: "DeadLetterBulk" },
);
export type DeadLetterBulk = Static<typeof DeadLetterBulk>;
