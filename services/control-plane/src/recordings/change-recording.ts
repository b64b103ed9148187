// Starts, ends and deletes recordings. Which of them run stands in the route table, so each of these is a change like any other.
import { MAX_RECORDING_DAYS, type NewRecording, type RecordingEndReason } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { timeOf } from "../executions/filter-query.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import {
	countRecordings,
	deleteRecording,
	findRecording,
	insertRecording,
	type RecordingRow,
	saveRecordingEnd,
} from "./repository.js";

/** Most recordings of a tenant that run at the same time: each costs every event a look. */
const MAX_RUNNING = 5;
/** Most recordings of a tenant that are kept. */
const MAX_KEPT = 20;
const DAY_MS = 24 * 60 * 60_000;

/** @throws CodedError `request_invalid`, `recordings_full` */
export function startRecording(database: Database, actor: Actor, wanted: NewRecording): Promise<Committed<RecordingRow>> {
	const { tenant } = actor;
	const until = timeOf("/until", wanted.until) ?? new Date(Date.now() + DAY_MS);
	if (until.getTime() <= Date.now() || until.getTime() > Date.now() + MAX_RECORDING_DAYS * DAY_MS) {
		throw errors.request_invalid(
			`/until: ${until.toISOString()} is not within the next ${MAX_RECORDING_DAYS} days; choose a time that is`,
		);
	}
	return commitChange(database, actor, async (queries) => {
		const { all, running } = await countRecordings(queries, tenant);
		if (running >= MAX_RUNNING) throw full(`${running} recordings run, which is the most; stop one`);
		if (all >= MAX_KEPT) throw full(`${all} recordings are kept, which is the most; delete one`);
		const { hook = null, assistant = null, percentage = 100, maxEvents = 100 } = wanted;
		const values = { hook, assistant, percentage, maxEvents, until };
		const result = await insertRecording(queries, { tenant, ...values, startedBy: actor.name });
		const detail = { ...values, until: until.toISOString() };
		return { result, audit: { action: "recording.start", target: result.id, detail } };
	});
}

/**
 * Ends a recording; one that has ended stays as it is.
 *
 * @throws CodedError `recording_not_found`
 */
export function endRecording(
	database: Database,
	actor: Actor,
	id: string,
	reason: RecordingEndReason,
): Promise<Committed<RecordingRow>> {
	return commitChange(database, actor, async (queries) => {
		const before = await requireRecording(queries, actor.tenant, id);
		const ended = await saveRecordingEnd(queries, id, actor.name, reason);
		if (ended === undefined) return { result: before, audit: undefined };
		return { result: ended, audit: { action: "recording.end", target: id, detail: { reason } } };
	});
}

/** @throws CodedError `recording_not_found` */
export function removeRecording(
	database: Database,
	actor: Actor,
	id: string,
	why: "deleted" | "expired",
): Promise<Committed<undefined>> {
	return commitChange(database, actor, async (queries) => {
		const { startedBy } = await requireRecording(queries, actor.tenant, id);
		await deleteRecording(queries, id);
		return { result: undefined, audit: { action: "recording.delete", target: id, detail: { why, startedBy } } };
	});
}

/** @throws CodedError `recording_not_found` */
export async function requireRecording(queries: Queries, tenant: string, id: string): Promise<RecordingRow> {
	const row = await findRecording(queries, tenant, id);
	if (row !== undefined) return row;
	throw errors.recording_not_found(`recording ${id} does not exist; GET /api/v1/recordings lists what does`);
}

function full(why: string) {
	return errors.recordings_full(`${why}, see GET /api/v1/recordings`);
}
