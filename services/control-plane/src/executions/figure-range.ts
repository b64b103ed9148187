// Which range, at which unit, from which source: bounds what one question for figures may read, so that no caller can make
// the database count for a minute.
import type { FigureUnit } from "@hookbus/schemas";
import { errors } from "../errors.js";
import type { ExecutionFilter } from "./execution-filter.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const UNIT_MS: Readonly<Record<FigureUnit, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

/** Days for which figures by the minute are kept. */
export const MINUTE_DAYS = 2;
/** Most buckets of one series: a day by the minute, two months by the hour. */
export const MAX_BUCKETS = 1_500;
/** Most buckets of all plugins of a page together. */
const MAX_PAGE_BUCKETS = 10_000;
/** Longest range of stored figures. */
const MAX_RANGE_DAYS = 1_500;
/** Longest range that is counted from the executions themselves. */
const MAX_COUNTED_DAYS = 7;
const DEFAULT_HOURS = 24;

export interface FigureRange {
	readonly since: Date;
	readonly until: Date;
	readonly unit: FigureUnit;
	/** Stored figures can answer; else the executions have to be counted. */
	readonly stored: boolean;
	/** Most plugins of a page. */
	readonly limit: number;
}

/**
 * Stored figures begin and end on whole units, so there the range is widened to them.
 *
 * @param bucket asked for; undefined: the coarsest that keeps the range's ends within about 2 %
 * @throws CodedError `request_invalid` for a range that is too long
 */
export function figureRange(
	filter: ExecutionFilter,
	bucket: FigureUnit | undefined,
	limit: number,
	now = new Date(),
): FigureRange {
	const until = filter.until ?? new Date(Math.max(now.getTime(), filter.since?.getTime() ?? 0));
	const since = filter.since ?? new Date(until.getTime() - DEFAULT_HOURS * HOUR_MS);
	const { plugin: _plugin, assistant: _assistant, since: _since, until: _until, ...others } = filter;
	const [other] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
	const length = until.getTime() - since.getTime();
	const minutesKept = since.getTime() >= now.getTime() - MINUTE_DAYS * DAY_MS;
	const unit = bucket ?? (length <= HOUR_MS && minutesKept ? "minute" : length <= 48 * HOUR_MS ? "hour" : "day");
	if (length > MAX_RANGE_DAYS * DAY_MS) refuse(`since and until are more than ${MAX_RANGE_DAYS} days apart; ask for less`);
	if (other !== undefined && length > MAX_COUNTED_DAYS * DAY_MS) {
		refuse(
			`with the filter ${other} figures are counted anew, which is done for at most ${MAX_COUNTED_DAYS} days; move since and until closer, or filter by plugin and assistant only`,
		);
	}
	const buckets = Math.ceil(length / UNIT_MS[unit]) + 1;
	if (bucket !== undefined && buckets > MAX_BUCKETS) {
		refuse(`that would be ${buckets} buckets; at most ${MAX_BUCKETS} are given: take a longer bucket or a shorter range`);
	}
	if (other === undefined && unit === "minute" && !minutesKept) {
		refuse(`figures by the minute are kept for ${MINUTE_DAYS} days; take the bucket hour, or a later since`);
	}
	const range = other === undefined ? widened(since, until, UNIT_MS[unit]) : { since, until };
	const perPage = Math.max(1, Math.floor(MAX_PAGE_BUCKETS / buckets));
	return { ...range, unit, stored: other === undefined, limit: Math.min(limit, perPage) };
}

function widened(since: Date, until: Date, unitMs: number): { since: Date; until: Date } {
	return {
		since: new Date(Math.floor(since.getTime() / unitMs) * unitMs),
		until: new Date(Math.ceil(until.getTime() / unitMs) * unitMs),
	};
}

function refuse(why: string): never {
	throw errors.request_invalid(`/querystring: ${why}`);
}
