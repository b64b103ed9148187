// The Fastify instance with everything that it serves; what tests call in process. It owns nothing: whatever it is given is
// opened and closed by the composition.
import { randomUUID } from "node:crypto";
import multipart from "@fastify/multipart";
import type { MasterKeys } from "@hookbus/foundation";
import Fastify, { type FastifyBaseLogger, LogController } from "fastify";
import type { Logger } from "pino";
import { addApiKeyRoutes } from "../api-keys/routes.js";
import { addSecurityEvents } from "../audit/security-events.js";
import { addOptInRoutes } from "../bindings/opt-in-routes.js";
import { addOrderRoutes } from "../bindings/order-routes.js";
import { addBindingRoutes } from "../bindings/routes.js";
import type { BusLink } from "../bus/bus-link.js";
import type { CheckThreads } from "../checks/check-threads.js";
import { CheckedConfigs } from "../config/checked-configs.js";
import { addConfigRoutes } from "../config/routes.js";
import type { Database } from "../database/database.js";
import { addDeadLetterRoutes } from "../dead-letters/routes.js";
import { errors } from "../errors.js";
import type { LiveFeeds } from "../executions/live-feeds.js";
import { addLiveRoutes } from "../executions/live-routes.js";
import { addMetricsRoutes } from "../executions/metrics-routes.js";
import { addExecutionRoutes } from "../executions/routes.js";
import { addFleetRoutes } from "../fleet/routes.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { addHealthRoutes } from "../health/routes.js";
import { addHistoryRoutes } from "../history/routes.js";
import type { KeyRotation } from "../keys/key-rotation.js";
import { addKeyRoutes } from "../keys/routes.js";
import type { TenantSecrets } from "../keys/tenant-secrets.js";
import type { SourceParts } from "../marketplace/change-sources.js";
import { addMarketplaceRoutes } from "../marketplace/routes.js";
import type { ControlPlaneMetrics } from "../metrics.js";
import type { TokenVerifier } from "../oidc/token-verifier.js";
import { addLimitRoutes } from "../plugins/limit-routes.js";
import { MAX_MANIFEST_BYTES } from "../plugins/parse-manifest.js";
import { addPluginRoutes } from "../plugins/routes.js";
import type { Staging } from "../plugins/staging.js";
import { addRecallRoutes } from "../recalls/routes.js";
import { addRecordingRoutes } from "../recordings/routes.js";
import type { ReplayRunner } from "../replays/replay-runner.js";
import { addReplayRoutes } from "../replays/routes.js";
import { addRolloutRoutes } from "../rollouts/routes.js";
import type { OutboxRelay } from "../routing/outbox-relay.js";
import { addTenantRoutes } from "../tenants/routes.js";
import { addTrustRoutes } from "../trust/routes.js";
import { addUserConfigRoutes } from "../user-configs/routes.js";
import { createAnswerChange } from "./answer-change.js";
import type { App } from "./app.js";
import { addAuthentication } from "./authentication.js";
import { addEntityTags } from "./entity-tags.js";
import { addErrorReplies, replyUnreadable } from "./error-reply.js";
import { addIdempotency } from "./idempotency.js";
import { addOpenApi } from "./openapi.js";
import { addAddressLimit, addKeyLimit, type RateLimits } from "./rate-limits.js";
import { compileInput } from "./validate-input.js";

export interface AppParts {
	readonly database: Database;
	readonly secrets: TenantSecrets;
	readonly masterKeys: MasterKeys;
	readonly keyRotation: KeyRotation;
	readonly link: BusLink;
	readonly relay: OutboxRelay;
	readonly fleet: RuntimeFleet;
	readonly feeds: LiveFeeds;
	readonly liveHeartbeatMs?: number | undefined;
	readonly staging: Staging;
	readonly checkThreads: CheckThreads;
	readonly marketplace: SourceParts;
	readonly metrics: ControlPlaneMetrics;
	readonly replayRunner: ReplayRunner;
	readonly logger: Logger;
	/** Aborted when the service stops. */
	readonly stopping: AbortSignal;
	/** Largest uploaded file in bytes. */
	readonly maxUploadBytes: number;
	/** Module of manifests that declare their requests; undefined: there is none. */
	readonly apiCallModule: Buffer | undefined;
	readonly rateLimits: RateLimits;
	/** For access tokens; undefined: there are API keys only. */
	readonly tokens: TokenVerifier | undefined;
	/** Addresses and ranges of proxies whose X-Forwarded-For is believed. */
	readonly trustedProxies: readonly string[];
	/** Version of this service, shown in the OpenAPI document. */
	readonly version: string;
}

/** Milliseconds in which a whole request must have arrived; slow senders must not hold sockets for ever. */
const REQUEST_TIMEOUT_MS = 120_000;
/** Milliseconds in which its headers must have arrived, and how often sockets are looked at for both. */
const HEADERS_TIMEOUT_MS = 15_000;
const LOOK_AT_SOCKETS_MS = 5_000;
/** Milliseconds without a byte in either direction after which a connection is ended; longer than any answer may take. */
const SILENT_CONNECTION_MS = 180_000;
/** Milliseconds that an answer may take; longer than the longest wait for the fleet. */
const HANDLER_TIMEOUT_MS = 150_000;

/** Longest part of a path that a route reads: a user's id of 128 characters, each up to three bytes, each byte as %XX. */
const MAX_PARAM_LENGTH = 128 * 9;

/**
 * Builds and readies the app; it does not listen yet.
 *
 * @throws Error when a route is not in the access policy
 */
export async function buildApp(parts: AppParts): Promise<App> {
	const loggerInstance: FastifyBaseLogger = parts.logger;
	const app: App = Fastify({
		loggerInstance,
		logController: new LogController({ disableRequestLogging: true }),
		genReqId: () => randomUUID(),
		requestIdHeader: false,
		bodyLimit: MAX_MANIFEST_BYTES,
		requestTimeout: REQUEST_TIMEOUT_MS,
		connectionTimeout: SILENT_CONNECTION_MS,
		http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: LOOK_AT_SOCKETS_MS },
		trustProxy: parts.trustedProxies.length === 0 ? false : [...parts.trustedProxies],
		handlerTimeout: HANDLER_TIMEOUT_MS,
		routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
		exposeHeadRoutes: false,
		frameworkErrors: replyUnreadable,
		// Fastify's own refusal while closing is no problem document; ours is, see refuseWhileStopping.
		return503OnClosing: false,
		forceCloseConnections: "idle",
	});
	app.setValidatorCompiler(compileInput);
	// Answers are built from typed values; a second pass that drops what a schema does not name would only hide a mistake.
	app.setSerializerCompiler(() => (data) => JSON.stringify(data));
	addErrorReplies(app);
	refuseWhileStopping(app, parts.stopping);
	addAddressLimit(app, parts.rateLimits);
	addSecurityEvents(app, parts.database);
	addAuthentication(app, parts.database, parts.tokens);
	addKeyLimit(app, parts.rateLimits);
	addHeaders(app, parts);
	app.addContentTypeParser(
		["application/yaml", "text/yaml", "application/x-yaml"],
		{ parseAs: "string" },
		(_request, body, done) => done(null, body),
	);
	// A file over the limit is cut off and refused by whoever reads it, with a message of ours.
	await app.register(multipart, { throwFileSizeLimit: false });
	addIdempotency(app, parts.database);
	addEntityTags(app, parts.database);
	await addOpenApi(app, parts.version);
	const answerChange = createAnswerChange(parts);
	const checks = new CheckedConfigs(parts.checkThreads);
	addHealthRoutes(app, parts);
	addPluginRoutes(app, { ...parts, fetcher: parts.marketplace.fetcher, answerChange, checks });
	addHistoryRoutes(app, { ...parts, answerChange, checks });
	addRolloutRoutes(app, { ...parts, answerChange, checks });
	addLimitRoutes(app, { ...parts, answerChange });
	addConfigRoutes(app, { ...parts, answerChange, checks });
	addUserConfigRoutes(app, { ...parts, answerChange });
	addOrderRoutes(app, { ...parts, answerChange });
	addBindingRoutes(app, { ...parts, answerChange, checks });
	addOptInRoutes(app, { ...parts, answerChange });
	addMetricsRoutes(app, parts);
	addDeadLetterRoutes(app, parts);
	addExecutionRoutes(app, parts);
	addRecordingRoutes(app, { ...parts, answerChange });
	addReplayRoutes(app, { ...parts, checks });
	addLiveRoutes(app, parts);
	addFleetRoutes(app, parts);
	addApiKeyRoutes(app, parts);
	addTenantRoutes(app, parts);
	addKeyRoutes(app, parts);
	addTrustRoutes(app, parts);
	addRecallRoutes(app, { ...parts, answerChange });
	addMarketplaceRoutes(app, parts.marketplace);
	await app.ready();
	return app;
}

/** A connection that was open before the stop may still bring requests; those in hand are finished, new ones are not begun. */
function refuseWhileStopping(app: App, stopping: AbortSignal): void {
	app.addHook("onRequest", async (request) => {
		if (stopping.aborted && request.url.startsWith("/api/")) {
			throw errors.stopping("this control plane is stopping; send the request again, another one or its successor answers");
		}
	});
}

function addHeaders(app: App, { metrics, stopping }: AppParts): void {
	app.addHook("onSend", async (request, reply) => {
		reply.header("x-content-type-options", "nosniff");
		reply.header("x-request-id", request.id);
		if (request.url.startsWith("/api/")) reply.header("cache-control", "no-store");
		// A connection that is kept alive would hold up the stop.
		if (stopping.aborted) reply.header("connection", "close");
	});
	app.addHook("onResponse", async (request, reply) => {
		const route = request.routeOptions.url ?? "unknown";
		metrics.httpDuration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
		request.log.debug({ method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, "request");
	});
}
