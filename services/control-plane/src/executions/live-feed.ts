// One live feed as Server-Sent Events. It is a loop of small pages behind the last id that was sent:
//
//   page is there      → sent, next page at once; nothing is read as long as the reader does not take what was sent
//   far behind         → what is too much is skipped and its number told, so that a slow reader sees the present
//   nothing new        → sleeps until something is stored, or a second
//   silent for 15 s    → a heartbeat with the position, after a look whether the key still counts
//   key revoked, an hour is over, service stops → an event "end" with the reason, and the end
import { describeError } from "@hookbus/foundation";
import type { ExecutionRecord } from "@hookbus/schemas";
import type { Logger } from "pino";
import type { Counter } from "prom-client";
import { findKey } from "../api-keys/repository.js";
import type { Actor } from "../audit/actor.js";
import type { Database } from "../database/database.js";
import { isUnavailable } from "../database/map-database-error.js";
import type { ExecutionFilter } from "./execution-filter.js";
import type { LiveFeeds } from "./live-feeds.js";
import { countBehind, newestId, pageExecutionsBehind } from "./repository.js";

/** Executions of one page; with what the sockets hold, all that a feed keeps in memory. */
const PAGE = 100;
/** A reader that is further behind than this many executions loses the oldest of them. */
export const MAX_BEHIND = 2_000;
/** What such a reader keeps. */
const KEPT = 500;
const POLL_MS = 1_000;
/** Milliseconds of silence after which a heartbeat is sent. */
export const HEARTBEAT_MS = 15_000;
/** The longest that a feed is open; then the reader comes again with its last id and is authenticated anew. */
export const MAX_OPEN_MS = 3_600_000;
/** Milliseconds after which a browser connects again by itself. */
const RETRY_MS = 2_000;

export interface LiveFeedParts {
	readonly database: Database;
	readonly feeds: LiveFeeds;
	readonly dropped: Counter;
	readonly logger: Logger;
	/** Aborted when the service stops. */
	readonly stopping: AbortSignal;
	/** Default {@link HEARTBEAT_MS}. */
	readonly liveHeartbeatMs?: number | undefined;
}

export interface LiveFeedWanted {
	readonly caller: Actor;
	readonly filter: ExecutionFilter;
	/** Only executions behind this id; undefined: only what comes from now on. */
	readonly after: number | undefined;
	/** Aborted when the reader is gone. */
	readonly gone: AbortSignal;
}

/** The text of the feed, piece by piece. */
export async function* liveFeed(parts: LiveFeedParts, { caller, filter, after, gone }: LiveFeedWanted): AsyncGenerator<string> {
	const { database, feeds, stopping, liveHeartbeatMs = HEARTBEAT_MS } = parts;
	const { tenant } = caller;
	const over = AbortSignal.any([gone, stopping]);
	const opened = performance.now();
	const newest = await database.of(tenant).query((queries) => newestId(queries, tenant));
	// An id that this database has not given out yet would make the feed wait for it.
	let position = Math.min(after ?? newest, newest);
	let spoke = performance.now();
	yield `retry: ${RETRY_MS}\nid: ${position}\n\n`;
	while (!over.aborted) {
		if (performance.now() - opened > MAX_OPEN_MS) return yield end("expired");
		if (performance.now() - spoke >= liveHeartbeatMs) {
			if (await orElse(parts, () => isRevoked(database, caller), false)) return yield end("key_revoked");
			yield `: still here\nid: ${position}\n\n`;
			spoke = performance.now();
		}
		const step = await orElse(parts, () => look(database, tenant, filter, position), undefined);
		if (step === undefined) {
			await feeds.sleep(POLL_MS, over);
			continue;
		}
		position = step.position;
		if (step.skipped > 0) parts.dropped.inc(step.skipped);
		const text = step.skipped > 0 ? dropped(step) : step.items.map(shown).join("");
		if (text !== "") {
			yield text;
			spoke = performance.now();
		}
		if (!step.more) await feeds.sleep(POLL_MS, over);
	}
	if (!gone.aborted) yield end("stopping");
}

interface Step {
	readonly items: readonly ExecutionRecord[];
	/** Where to go on. */
	readonly position: number;
	/** Executions that were passed over. */
	readonly skipped: number;
	readonly more: boolean;
}

async function look(database: Database, tenant: string, filter: ExecutionFilter, position: number): Promise<Step> {
	return await database.of(tenant).query(async (queries) => {
		// Read before the page: ids become visible in their order, so up to this one nothing can still be missing.
		const newest = await newestId(queries, tenant);
		if (newest <= position) return { items: [], position, skipped: 0, more: false };
		const items = await pageExecutionsBehind(queries, tenant, filter, PAGE, position);
		const last = Number(items.at(-1)?.id ?? position);
		if (items.length < PAGE) return { items, position: Math.max(newest, last), skipped: 0, more: false };
		const behind = await countBehind(queries, tenant, filter, position, MAX_BEHIND, KEPT);
		if (behind === undefined) return { items, position: last, skipped: 0, more: true };
		return { items: [], position: behind.keptFrom, skipped: behind.skipped, more: true };
	});
}

/** While the database cannot serve, a feed stays open and waits. */
async function orElse<T>({ logger }: LiveFeedParts, work: () => Promise<T>, otherwise: T): Promise<T> {
	try {
		return await work();
	} catch (thrown) {
		if (!isUnavailable(thrown)) throw thrown;
		logger.warn({ error: describeError(thrown) }, "a live feed cannot read now; it stays open");
		return otherwise;
	}
}

/** Who has no key was authenticated otherwise, and is again when the hour is over. */
async function isRevoked(database: Database, { tenant, keyId }: Actor): Promise<boolean> {
	if (keyId === undefined) return false;
	const key = await database.of(tenant).query((queries) => findKey(queries, tenant, keyId));
	return key === undefined || key.revokedAt !== null;
}

function shown(record: ExecutionRecord): string {
	return `id: ${record.id}\nevent: execution\ndata: ${JSON.stringify(record)}\n\n`;
}

function dropped({ position, skipped }: Step): string {
	return `id: ${position}\nevent: dropped\ndata: ${JSON.stringify({ count: skipped })}\n\n`;
}

function end(reason: "expired" | "key_revoked" | "stopping"): string {
	return `event: end\ndata: ${JSON.stringify({ reason })}\n\n`;
}
