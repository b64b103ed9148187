// Recordings as REST shows and takes them: copies of real events, kept for a while so that another version can be tried with them. What
// the events say is text of conversations, so it is asked for by itself.
import { type Static, Type } from "@sinclair/typebox";
import { HookName } from "../hook.js";
import { ExternalId, SubjectToken } from "../identifiers.js";
import { changeProperties } from "./change.js";
import { timeText } from "./time.js";

/** Most events of one recording. */
export const MAX_RECORDED_EVENTS = 1_000;
/** Most days that a recording runs. */
export const MAX_RECORDING_DAYS = 7;
/** Days after its end at which a recording is removed with all its events. */
export const RECORDING_KEPT_DAYS = 7;

export const RecordingId = Type.String({
	pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
	description: "UUID of a recording",
});

const scope = {
	hook: Type.Optional(HookName),
	assistant: Type.Optional(SubjectToken),
	percentage: Type.Number({
		exclusiveMinimum: 0,
		maximum: 100,
		default: 100,
		description: "Share of the conversations, always the same ones (events without a conversation: of the events)",
	}),
	maxEvents: Type.Integer({
		minimum: 1,
		maximum: MAX_RECORDED_EVENTS,
		default: 100,
		description: "The recording ends with so many events",
	}),
};

export const NewRecording = Type.Object(
	{
		...scope,
		percentage: Type.Optional(scope.percentage),
		maxEvents: Type.Optional(scope.maxEvents),
		until: Type.Optional(
			timeText(`the recording ends at this time; at most ${MAX_RECORDING_DAYS} days from now, absent: one day from now`),
		),
	},
	{
		additionalProperties: false,
		$id: "NewRecording",
		description: "Which events are recorded: those of a hook, of an assistant, or of all, where a plugin is bound",
	},
);
export type NewRecording = Static<typeof NewRecording>;

export const RecordingEndReason = Type.Union([Type.Literal("full"), Type.Literal("time"), Type.Literal("stopped")]);
export type RecordingEndReason = Static<typeof RecordingEndReason>;

export const Recording = Type.Object(
	{
		id: RecordingId,
		...scope,
		until: Type.String({ description: "RFC 3339, UTC" }),
		state: Type.Union([Type.Literal("running"), Type.Literal("ended")]),
		endReason: Type.Optional(RecordingEndReason),
		events: Type.Optional(Type.Integer({ minimum: 0, description: "Events so far; absent when the bus cannot be asked now" })),
		startedAt: Type.String({ description: "RFC 3339, UTC" }),
		startedBy: Type.String(),
		endedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC" })),
		endedBy: Type.Optional(Type.String()),
		removedAt: Type.Optional(Type.String({ description: "When it will be removed with its events: RFC 3339, UTC" })),
	},
	{ additionalProperties: false, $id: "Recording" },
);
export type Recording = Static<typeof Recording>;

export const RecordingList = Type.Object(
	{ items: Type.Array(Recording, { description: "Newest first" }) },
	{ additionalProperties: false, $id: "RecordingList" },
);
export type RecordingList = Static<typeof RecordingList>;

export const RecordingChange = Type.Object(
	{ recording: Recording, ...changeProperties },
	{ additionalProperties: false, $id: "RecordingChange" },
);
export type RecordingChange = Static<typeof RecordingChange>;

export const RecordedPlace = Type.String({
	pattern: "^[1-9]\\d{0,3}$",
	description: "Place of the event in its recording, from 1",
});

export const RecordedEvent = Type.Object(
	{
		id: RecordedPlace,
		eventId: Type.Optional(ExternalId),
		hook: HookName,
		assistant: SubjectToken,
		time: Type.String({ description: "When it was recorded: RFC 3339, UTC" }),
		bytes: Type.Integer({ minimum: 0, description: "Size of the event's body" }),
	},
	{ additionalProperties: false, $id: "RecordedEvent" },
);
export type RecordedEvent = Static<typeof RecordedEvent>;

export const RecordedEventPage = Type.Object(
	{
		items: Type.Array(RecordedEvent, { description: "In the order of their places" }),
		next: Type.Optional(Type.String({ description: "Cursor of the next page, which may be empty; absent on the last" })),
	},
	{ additionalProperties: false, $id: "RecordedEventPage" },
);
export type RecordedEventPage = Static<typeof RecordedEventPage>;

export const RecordedEventText = Type.Object(
	{
		...RecordedEvent.properties,
		event: Type.Optional(Type.Unknown({ description: "The event; absent when the body is not JSON" })),
		body: Type.String({ description: "The body as it was published, base64" }),
	},
	{ additionalProperties: false, $id: "RecordedEventText" },
);
export type RecordedEventText = Static<typeof RecordedEventText>;
