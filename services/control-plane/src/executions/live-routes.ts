// REST: new executions as they are stored, as Server-Sent Events.
import { Readable } from "node:stream";
import { Problem } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import { errors } from "../errors.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import type { ControlPlaneMetrics } from "../metrics.js";
import { filterOf, filterProperties } from "./filter-query.js";
import { type LiveFeedParts, liveFeed, MAX_BEHIND, MAX_OPEN_MS } from "./live-feed.js";
import { MAX_FEEDS_PER_TENANT } from "./live-feeds.js";

const EVENT_STREAM = "text/event-stream";
/** Milliseconds that a reader has to take what was sent when the service stops; then the connection is cut. */
const LAST_WORDS_MS = 1_000;

export interface LiveRoutesParts extends Omit<LiveFeedParts, "dropped"> {
	readonly metrics: ControlPlaneMetrics;
}

const LiveQuery = Type.Object(filterProperties, { additionalProperties: false });

export function addLiveRoutes(app: App, parts: LiveRoutesParts): void {
	const { feeds, metrics, stopping, logger } = parts;
	const open = new Set<Readable>();
	stopping.addEventListener("abort", () => {
		setTimeout(() => {
			for (const feed of open) feed.destroy();
		}, LAST_WORDS_MS).unref();
	});

	app.get(
		"/api/v1/plugin-executions/live",
		{
			// Longer than a feed lives.
			handlerTimeout: MAX_OPEN_MS + 60_000,
			schema: {
				tags: ["executions"],
				operationId: "watchExecutions",
				summary: "Watch executions as they are stored (Server-Sent Events)",
				description:
					`Send Accept: ${EVENT_STREAM}. Events: execution (an ExecutionRecord; a later delivery of a durable event replaces its record and is not ` +
					`shown again), dropped ({"count"}: so many were passed over, because the reader was more than ${MAX_BEHIND} behind), and end ({"reason"}: ` +
					"expired, key_revoked or stopping). Each has an id; with Last-Event-ID the feed goes on behind it, as far back as executions are kept. " +
					`A comment comes every 15 seconds. At most ${MAX_FEEDS_PER_TENANT} feeds are open for a tenant.`,
				querystring: LiveQuery,
				headers: Type.Object({
					"last-event-id": Type.Optional(
						Type.String({ pattern: "^(0|[1-9]\\d{0,15})$", description: "Id of the last event that was seen" }),
					),
				}),
				response: {
					200: { description: "The feed", content: { [EVENT_STREAM]: { schema: Type.Unsafe<Readable>({ type: "string" }) } } },
					"4xx": Problem,
					"5xx": Problem,
				},
			},
		},
		async (request, reply) => {
			// Who does not know that this answer never ends would wait for its end.
			if (!accepts(request.headers.accept)) {
				throw errors.not_acceptable(`this answer is a feed that does not end; ask for it with Accept: ${EVENT_STREAM}`);
			}
			const caller = callerOf(request);
			const filter = filterOf(request.query);
			const lastId = request.headers["last-event-id"];
			const after = lastId === undefined ? undefined : Number(lastId);
			const leave = feeds.enter(caller.tenant);
			const gone = new AbortController();
			const feed = Readable.from(
				liveFeed({ ...parts, dropped: metrics.liveDropped }, { caller, filter, after, gone: gone.signal }),
				{
					highWaterMark: 1,
				},
			);
			open.add(feed);
			reply.raw.once("close", () => {
				open.delete(feed);
				gone.abort();
				leave();
			});
			feed.on("error", (thrown) => logger.warn({ error: thrown.message }, "a live feed ended early"));
			return await reply.type(EVENT_STREAM).header("x-accel-buffering", "no").send(feed);
		},
	);
}

function accepts(accept: string | undefined): boolean {
	return (accept ?? "").split(",").some((range) => range.trim().split(";")[0]?.toLowerCase() === EVENT_STREAM);
}
