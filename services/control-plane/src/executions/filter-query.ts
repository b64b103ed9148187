// The filters of executions as they stand in a query string.
import {
	ExecutionStatusFilter,
	ExternalId,
	HookName,
	Outcome,
	PluginName,
	SemVer,
	SubjectToken,
	timeText,
} from "@hookbus/schemas";
import { type Static, Type } from "@sinclair/typebox";
import { errors } from "../errors.js";
import type { ExecutionFilter } from "./execution-filter.js";

export const filterProperties = {
	plugin: Type.Optional(PluginName),
	version: Type.Optional(SemVer),
	assistant: Type.Optional(SubjectToken),
	conversation: Type.Optional(ExternalId),
	user: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: "Id of the user, as the event has it" })),
	event: Type.Optional(ExternalId),
	hook: Type.Optional(HookName),
	outcome: Type.Optional(Outcome),
	status: Type.Optional(ExecutionStatusFilter),
};

export const timeProperties = {
	since: Type.Optional(timeText("this time or later")),
	until: Type.Optional(timeText("before this time")),
};

const FilterQuery = Type.Object({ ...filterProperties, ...timeProperties });

/** @throws CodedError `request_invalid` for a time that no calendar has, or a range that ends before it begins */
export function filterOf({ since, until, ...rest }: Static<typeof FilterQuery>): ExecutionFilter {
	const filter = {
		...rest,
		since: timeOf("/querystring/since", since),
		until: timeOf("/querystring/until", until),
	};
	if (filter.since !== undefined && filter.until !== undefined && filter.since > filter.until) {
		throw errors.request_invalid(`/querystring/until: ${until} is before since, ${since}; nothing could be found`);
	}
	return filter;
}

/**
 * The time that a {@link timeText} says.
 *
 * @param path of the text in the request, for the error
 * @throws CodedError `request_invalid` for a time that no calendar has
 */
export function timeOf(path: string, text: string | undefined): Date | undefined {
	if (text === undefined) return undefined;
	const time = new Date(text);
	// Neither the year 0 nor five digits are understood by the database.
	if (time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9_999) return time;
	throw errors.request_invalid(`${path}: ${text} is no time; write such as 2026-01-31T12:00:00Z`);
}
