// REST: durable events that were given up. Each replay and each drop is in the audit log before it happens: one that then fails
// stands there too, but none happens unseen.
import { CodedError } from "@hookbus/foundation";
import {
	DeadLetterBulk,
	type DeadLetterBulk as DeadLetterBulkAnswer,
	DeadLetterEvent,
	DeadLetterId,
	DeadLetterPage,
	DeadLetterReason,
	DeadLetterRecord,
	type DeadLetterRecord as DeadLetterRecordAnswer,
	DeadLetterReplay,
	DeadLetterSelection,
	ExternalId,
	PluginName,
	parseEventSubject,
	type RouteTable,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { Logger } from "pino";
import type { Actor } from "../audit/actor.js";
import { recordAudit } from "../audit/record-audit.js";
import type { BusLink } from "../bus/bus-link.js";
import { storable } from "../checks/unstorable-text.js";
import type { Database } from "../database/database.js";
import { timeOf, timeProperties } from "../executions/filter-query.js";
import { decodeCursor, encodeCursor } from "../executions/page-cursor.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { type LetterFilter, LetterStream, type StoredLetter } from "./letter-stream.js";
import { boundNow, replayLetter } from "./replay-letter.js";

export interface DeadLetterRoutesParts {
	readonly database: Database;
	readonly link: BusLink;
	readonly logger: Logger;
}

const PageQuery = Type.Object(
	{
		plugin: Type.Optional(PluginName),
		reason: Type.Optional(DeadLetterReason),
		event: Type.Optional(ExternalId),
		...timeProperties,
		limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "Most dead letters of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 64, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);
const IdParams = Type.Object({ id: DeadLetterId });

type Action = "replay" | "drop";

export function addDeadLetterRoutes(app: App, { database, link, logger }: DeadLetterRoutesParts): void {
	const tags = ["dead letters"];
	const stream = new LetterStream(link, logger);

	const replay = async (actor: Actor, table: RouteTable | undefined, stored: StoredLetter) => {
		await audit(database, actor, "replay", stored);
		return await replayLetter(stream, actor.tenant, table, stored);
	};
	const drop = async (actor: Actor, stored: StoredLetter) => {
		await audit(database, actor, "drop", stored);
		await stream.remove(stored.id);
	};

	app.get(
		"/api/v1/dead-letters",
		{
			schema: {
				tags,
				operationId: "listDeadLetters",
				summary: "List durable events that were given up, oldest first, without what they say",
				querystring: PageQuery,
				response: answers(DeadLetterPage),
			},
		},
		async (request) => {
			const { limit, cursor, ...query } = request.query;
			const { items, last } = await stream.page(callerOf(request).tenant, filterOf(query, "/querystring"), limit, after(cursor));
			return { items: items.map(showLetter), ...(last === undefined ? {} : { next: encodeCursor(last) }) };
		},
	);

	app.get(
		"/api/v1/dead-letters/:id",
		{
			schema: {
				tags,
				operationId: "getDeadLetter",
				summary: "Show a dead letter without what the event says",
				params: IdParams,
				response: answers(DeadLetterRecord),
			},
		},
		async (request) => showLetter(await stream.find(callerOf(request).tenant, Number(request.params.id))),
	);

	app.get(
		"/api/v1/dead-letters/:id/event",
		{
			schema: {
				tags,
				operationId: "getDeadLetterEvent",
				summary: "Show the event of a dead letter, with the text of the conversation",
				params: IdParams,
				response: answers(DeadLetterEvent),
			},
		},
		async (request) => {
			const { id, letter } = await stream.find(callerOf(request).tenant, Number(request.params.id));
			const event = parseBody(letter.body);
			return { id: String(id), ...(event === undefined ? {} : { event }), body: letter.body };
		},
	);

	app.post(
		"/api/v1/dead-letters/:id/replay",
		{
			schema: {
				tags,
				operationId: "replayDeadLetter",
				summary: "Publish the event again, for the plugins that failed only, and remove the dead letter",
				description:
					"At least once: when the call fails, or is made again after two minutes, the plugins may get the event twice.",
				params: IdParams,
				response: answers(DeadLetterReplay),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const stored = await stream.find(caller.tenant, Number(request.params.id));
			return await replay(caller, await boundNow(stream, caller.tenant), stored);
		},
	);

	app.delete(
		"/api/v1/dead-letters/:id",
		{
			schema: {
				tags,
				operationId: "dropDeadLetter",
				summary: "Remove a dead letter for good",
				params: IdParams,
				response: answers(DeadLetterRecord),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const stored = await stream.find(caller.tenant, Number(request.params.id));
			await drop(caller, stored);
			return showLetter(stored);
		},
	);

	const addBulk = (action: Action, operationId: string, summary: string) =>
		app.post(
			`/api/v1/dead-letters/${action}`,
			{ schema: { tags, operationId, summary, body: DeadLetterSelection, response: answers(DeadLetterBulk) } },
			async (request): Promise<DeadLetterBulkAnswer> => {
				const caller = callerOf(request);
				const { limit, cursor, ...query } = request.body;
				const { items, last } = await stream.page(caller.tenant, filterOf(query, ""), limit, after(cursor));
				const table = action === "replay" ? await boundNow(stream, caller.tenant) : undefined;
				const done: string[] = [];
				const refused: DeadLetterBulkAnswer["refused"] = [];
				for (const stored of items) {
					try {
						await (action === "replay" ? replay(caller, table, stored) : drop(caller, stored));
						done.push(String(stored.id));
					} catch (thrown) {
						// What cannot be replayed does not stop the others; a bus that is gone does.
						if (!(thrown instanceof CodedError) || thrown.code !== "dead_letter_not_replayable") throw thrown;
						refused.push({ id: String(stored.id), code: thrown.code, detail: thrown.message });
					}
				}
				return { done, refused, ...(last === undefined ? {} : { next: encodeCursor(last) }) };
			},
		);
	addBulk("replay", "replayDeadLetters", "Replay the dead letters that the filter leaves, up to a limit");
	addBulk("drop", "dropDeadLetters", "Remove the dead letters that the filter leaves for good, up to a limit");
}

function after(cursor: string | undefined): number {
	return cursor === undefined ? 0 : decodeCursor(cursor);
}

interface FilterAsked extends Omit<LetterFilter, "since" | "until"> {
	readonly since?: string;
	readonly until?: string;
}

/** @param place of the filter in the request */
function filterOf({ since, until, ...rest }: FilterAsked, place: "" | "/querystring"): LetterFilter {
	return { ...rest, since: timeOf(`${place}/since`, since), until: timeOf(`${place}/until`, until) };
}

async function audit(database: Database, actor: Actor, action: Action, { id, letter }: StoredLetter): Promise<void> {
	const { eventId, reason, digest, plugins } = letter;
	const detail = { eventId: storable(eventId ?? ""), reason, digest, plugins: plugins.map(({ plugin }) => plugin) };
	const entry = { action: `dead_letter.${action}`, target: String(id), detail };
	await database.of(actor.tenant).transaction((queries) => recordAudit(queries, actor, entry, null));
}

function showLetter({ id, letter }: StoredLetter): DeadLetterRecordAnswer {
	const { spec: _spec, tenant: _tenant, subject, body, ...shown } = letter;
	const address = parseEventSubject(subject);
	return {
		id: String(id),
		...(address === undefined ? {} : { hook: address.hook, assistant: address.assistant }),
		...shown,
		bytes: Buffer.byteLength(body, "base64"),
	};
}

function parseBody(body: string): unknown {
	try {
		return JSON.parse(Buffer.from(body, "base64").toString("utf8"));
	} catch {
		// No JSON: the body is shown as it is.
		return undefined;
	}
}
