// REST: recordings of events.
import { CodedError } from "@hookbus/foundation";
import {
	Change,
	isExternalId,
	NewRecording,
	RECORDING_KEPT_DAYS,
	type RecordedEvent,
	RecordedEventPage,
	RecordedEventText,
	RecordedPlace,
	Recording,
	RecordingChange,
	RecordingId,
	RecordingList,
	WaitQuery,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { BusLink } from "../bus/bus-link.js";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { decodeCursor, encodeCursor } from "../executions/page-cursor.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { endRecording, removeRecording, requireRecording, startRecording } from "./change-recording.js";
import { RecordedEvents, type StoredEvent } from "./recorded-events.js";
import { listRecordings, type RecordingRow } from "./repository.js";

export interface RecordingRoutesParts {
	readonly database: Database;
	readonly link: BusLink;
	readonly answerChange: AnswerChange;
}

const IdParams = Type.Object({ id: RecordingId });
const EventParams = Type.Object({ id: RecordingId, event: RecordedPlace });
const PageQuery = Type.Object(
	{
		limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "Most events of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 64, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);

const DAY_MS = 24 * 60 * 60_000;

export function addRecordingRoutes(app: App, { database, link, answerChange }: RecordingRoutesParts): void {
	const tags = ["recordings"];
	const events = new RecordedEvents(link);
	const find = (tenant: string, id: string) => database.of(tenant).query((queries) => requireRecording(queries, tenant, id));

	const show = async (row: RecordingRow): Promise<Recording> => showRecording(row, await countNow(events, row));

	app.get(
		"/api/v1/recordings",
		{
			schema: { tags, operationId: "listRecordings", summary: "List recordings, newest first", response: answers(RecordingList) },
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const rows = await database.of(tenant).query((queries) => listRecordings(queries, tenant));
			return { items: await Promise.all(rows.map(show)) };
		},
	);

	app.post(
		"/api/v1/recordings",
		{
			schema: {
				tags,
				operationId: "startRecording",
				summary: "Record a copy of the events of a hook, an assistant or all, where a plugin is bound",
				querystring: WaitQuery,
				body: NewRecording,
				response: { ...answers(RecordingChange), 201: RecordingChange },
			},
		},
		async (request, reply) => {
			const caller = callerOf(request);
			const { result, revision } = await startRecording(database, caller, request.body);
			const change = await answerChange({ tenant: caller.tenant, revision, plugin: "" }, request.query);
			return reply.code(201).send({ recording: showRecording(result, 0), ...change });
		},
	);

	app.get(
		"/api/v1/recordings/:id",
		{
			schema: {
				tags,
				operationId: "getRecording",
				summary: "Show a recording",
				params: IdParams,
				response: answers(Recording),
			},
		},
		async (request) => show(await find(callerOf(request).tenant, request.params.id)),
	);

	app.post(
		"/api/v1/recordings/:id/stop",
		{
			schema: {
				tags,
				operationId: "stopRecording",
				summary: "End a recording; its events are kept",
				params: IdParams,
				querystring: WaitQuery,
				response: answers(RecordingChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { result, revision } = await endRecording(database, caller, request.params.id, "stopped");
			const change = await answerChange({ tenant: caller.tenant, revision, plugin: "" }, request.query);
			return { recording: await show(result), ...change };
		},
	);

	app.delete(
		"/api/v1/recordings/:id",
		{
			schema: {
				tags,
				operationId: "deleteRecording",
				summary: "Remove a recording with its events and the replays of them",
				params: IdParams,
				querystring: WaitQuery,
				response: answers(Change),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { tenant } = caller;
			const { id } = request.params;
			const { revision } = await removeRecording(database, caller, id, "deleted");
			// What cannot be removed now, or is recorded by a runtime that has an older table, is swept later.
			await unlessBusIsGone(() => events.purge({ tenant, id }));
			return await answerChange({ tenant, revision, plugin: "" }, request.query);
		},
	);

	app.get(
		"/api/v1/recordings/:id/events",
		{
			schema: {
				tags,
				operationId: "listRecordedEvents",
				summary: "List recorded events without what they say",
				params: IdParams,
				querystring: PageQuery,
				response: answers(RecordedEventPage),
			},
		},
		async (request) => {
			const { limit, cursor } = request.query;
			const row = await find(callerOf(request).tenant, request.params.id);
			const { items, last } = await events.page(row, limit, cursor === undefined ? 0 : decodeCursor(cursor));
			return { items: items.map(showEvent), ...(last === undefined ? {} : { next: encodeCursor(last) }) };
		},
	);

	app.get(
		"/api/v1/recordings/:id/events/:event",
		{
			schema: {
				tags,
				operationId: "getRecordedEvent",
				summary: "Show a recorded event, with the text of the conversation",
				params: EventParams,
				response: answers(RecordedEventText),
			},
		},
		async (request) => {
			const { id, event: place } = request.params;
			const found = await events.find(await find(callerOf(request).tenant, id), Number(place));
			if (found === undefined) {
				throw errors.recorded_event_not_found(
					`recording ${id} has no event ${place}; GET /api/v1/recordings/${id}/events lists what it has`,
				);
			}
			const event = parseBody(found.body);
			return {
				...showEvent(found),
				...(event === undefined ? {} : { event }),
				body: Buffer.from(found.body).toString("base64"),
			};
		},
	);
}

async function countNow(events: RecordedEvents, row: RecordingRow): Promise<number | undefined> {
	return await unlessBusIsGone(() => events.count(row));
}

async function unlessBusIsGone<T>(work: () => Promise<T>): Promise<T | undefined> {
	try {
		return await work();
	} catch (thrown) {
		if (thrown instanceof CodedError && thrown.code === "bus_unavailable") return undefined;
		throw thrown;
	}
}

function showRecording(row: RecordingRow, events: number | undefined): Recording {
	const { id, hook, assistant, percentage, maxEvents, until, startedAt, startedBy, endedAt, endedBy, endReason } = row;
	return {
		id,
		...(hook === null ? {} : { hook }),
		...(assistant === null ? {} : { assistant }),
		percentage,
		maxEvents,
		until: until.toISOString(),
		state: endedAt === null ? "running" : "ended",
		...(endReason === null ? {} : { endReason }),
		...(events === undefined ? {} : { events }),
		startedAt: startedAt.toISOString(),
		startedBy,
		...(endedAt === null
			? {}
			: {
					endedAt: endedAt.toISOString(),
					removedAt: new Date(endedAt.getTime() + RECORDING_KEPT_DAYS * DAY_MS).toISOString(),
				}),
		...(endedBy === null ? {} : { endedBy }),
	};
}

function showEvent({ place, address, time, body }: StoredEvent): RecordedEvent {
	const event = parseBody(body);
	const id = typeof event === "object" && event !== null ? (event as { id?: unknown }).id : undefined;
	return {
		id: String(place),
		...(isExternalId(id) ? { eventId: id } : {}),
		hook: address.hook,
		assistant: address.assistant,
		time,
		bytes: body.length,
	};
}

function parseBody(body: Uint8Array): unknown {
	try {
		return JSON.parse(Buffer.from(body).toString("utf8"));
	} catch {
		// No JSON: the body is shown as it is.
		return undefined;
	}
}
