// Builds the control plane by hand and starts it: the only file that knows all parts. The stop at its end is the drain order
// of the service.

import type { AddressInfo } from "node:net";
import {
	AddressGuard,
	createMasterKeys,
	createOrderedStop,
	describeError,
	judgeFaults,
	type MasterKeys,
	natsAuthentication,
} from "@hookbus/foundation";
import type { Logger } from "pino";
import { ensureFirstKey } from "./api-keys/first-key.js";
import { BusLink } from "./bus/bus-link.js";
import { CheckThreads } from "./checks/check-threads.js";
import type { Database } from "./database/database.js";
import { isUnavailable } from "./database/map-database-error.js";
import { openPglite } from "./database/open-pglite.js";
import { openPostgres } from "./database/open-postgres.js";
import { LiveFeeds } from "./executions/live-feeds.js";
import { createRetention } from "./executions/retention.js";
import { ExecutionStore } from "./executions/store-executions.js";
import { GivenUpPlugins } from "./fleet/given-up-plugins.js";
import { RuntimeFleet } from "./fleet/runtime-fleet.js";
import type { App } from "./http/app.js";
import { buildApp } from "./http/build-app.js";
import { KeyRotation } from "./keys/key-rotation.js";
import { TenantSecrets } from "./keys/tenant-secrets.js";
import { FileFetcher } from "./marketplace/fetch-file.js";
import { createSourceRefresh } from "./marketplace/source-refresh.js";
import { createMetrics } from "./metrics.js";
import { oidcOptions } from "./oidc/oidc-settings.js";
import { TokenVerifier } from "./oidc/token-verifier.js";
import { pause } from "./pause.js";
import { readApiCallModule } from "./plugins/api-call-module.js";
import { loadModule } from "./plugins/repository.js";
import { createStaging } from "./plugins/staging.js";
import { productionFaults } from "./production-faults.js";
import { RecordingWatch } from "./recordings/recording-watch.js";
import { ReplayRunner } from "./replays/replay-runner.js";
import { RolloutWatch } from "./rollouts/rollout-watch.js";
import { OutboxRelay, type RelayTiming } from "./routing/outbox-relay.js";
import type { ControlPlaneSettings } from "./settings.js";
import { StorePurges } from "./stores/store-purges.js";

export interface ControlPlaneOptions {
	readonly settings: ControlPlaneSettings;
	readonly logger: Logger;
	/** Writes the first admin key, when it is not written to a file. */
	readonly print: (line: string) => void;
	/** Called when the service cannot go on: the lock on its database is lost, or NATS is too old. */
	readonly onFatal: (thrown: unknown) => void;
	/** How often bus and database are compared; the defaults suit production. */
	readonly relayTiming?: RelayTiming;
	/** Milliseconds of silence after which a live feed sends a heartbeat; the default suits production. */
	readonly liveHeartbeatMs?: number | undefined;
	/** Milliseconds of silence after which a runtime counts as gone; default: {@link HEARTBEAT_EXPIRY_MS}. */
	readonly heartbeatExpiryMs?: number | undefined;
	/** Milliseconds between two looks at recordings and replays; the default suits production. */
	readonly recordingLookMs?: number | undefined;
}

export interface ControlPlane {
	/** `http://host:port` */
	readonly url: string;
	readonly app: App;
	readonly database: Database;
	/** The admin key, when this start was the first one. */
	readonly firstKey: string | undefined;
	/** Drains and closes everything. Idempotent. */
	stop(): Promise<void>;
}

/** Milliseconds between two attempts to reach the database at the start. */
const DATABASE_RETRY_MS = 1_000;
const VERSION = "0.1.0";

/**
 * Starts the service and resolves when it listens. NATS and PostgreSQL may come later: until then `/readyz` says what is
 * missing and calls are answered with 503.
 *
 * @throws CodedError `production_unsafe`, `master_key_invalid`, `database_locked`; Error when a migration fails or the port is taken
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
	const { settings, logger } = options;
	judgeFaults(settings.HOOKBUS_PROFILE, productionFaults(settings), logger);
	const masterKeys = createMasterKeys(settings.HOOKBUS_MASTER_KEY, settings.HOOKBUS_MASTER_KEY_PREVIOUS);
	const stopping = new AbortController();
	const database = await openDatabase(options);
	try {
		return await compose(options, { database, masterKeys, stopping });
	} catch (thrown) {
		stopping.abort();
		await database.close().catch((failed) => logger.error({ error: describeError(failed) }, "the database cannot be closed"));
		throw thrown;
	}
}

function openDatabase({ settings, logger, onFatal }: ControlPlaneOptions): Promise<Database> {
	const url = settings.HOOKBUS_DATABASE_URL;
	if (url === undefined) {
		logger.info({ directory: settings.HOOKBUS_DATA_DIR }, "database: PGlite in this process");
		return openPglite({ dataDir: settings.HOOKBUS_DATA_DIR, onLockLost: onFatal });
	}
	return Promise.resolve(
		openPostgres({ url, ca: settings.HOOKBUS_DATABASE_CA, timeoutMs: settings.HOOKBUS_DATABASE_TIMEOUT_MS }, logger),
	);
}

interface Opened {
	readonly database: Database;
	readonly masterKeys: MasterKeys;
	readonly stopping: AbortController;
}

async function compose(options: ControlPlaneOptions, { database, masterKeys, stopping }: Opened): Promise<ControlPlane> {
	const { settings, logger } = options;
	const link = new BusLink(
		{
			url: settings.HOOKBUS_NATS_URL,
			ca: settings.HOOKBUS_NATS_CA,
			requireCredentials: settings.HOOKBUS_PROFILE === "production",
			name: "hookbus control plane",
			requireSafeVersion: settings.HOOKBUS_NATS_REQUIRE_SAFE_VERSION || settings.HOOKBUS_PROFILE === "production",
			inboxPrefix: "_INBOX_control_plane",
			authentication: natsAuthentication(settings),
		},
		{ replicas: settings.HOOKBUS_NATS_REPLICAS, ackWaitMs: settings.HOOKBUS_ACK_WAIT_MS },
		logger,
	);
	const oidc = oidcOptions(settings);
	const fleet = new RuntimeFleet(link, logger, options.heartbeatExpiryMs);
	const metrics = createMetrics({ natsReady: () => link.state === "ready", runtimesLive: () => fleet.size });
	const loadModuleOf = (digest: string) => database.acrossTenants.query((queries) => loadModule(queries, digest));
	const relay = new OutboxRelay({
		database,
		link,
		purges: new StorePurges({ database, fleet, logger }),
		metrics,
		logger,
		loadModule: loadModuleOf,
		...(options.relayTiming === undefined ? {} : { timing: options.relayTiming }),
	});
	const givenUp = new GivenUpPlugins({ fleet, link, database, metrics, logger, onChange: () => relay.wake() });
	const rolloutWatch = new RolloutWatch({ database, fleet, logger, onChange: () => relay.wake() });
	const recordingWatch = new RecordingWatch({
		database,
		link,
		logger,
		onChange: () => relay.wake(),
		lookMs: options.recordingLookMs,
	});
	const replayRunner = new ReplayRunner({ database, link, loadModule: loadModuleOf, logger, lookMs: options.recordingLookMs });
	const feeds = new LiveFeeds(metrics.liveFeeds);
	const store = new ExecutionStore({ link, database, metrics, logger, onStored: () => feeds.wake() });
	const retention = createRetention(database, settings.HOOKBUS_EXECUTION_RETENTION_DAYS, metrics, logger);
	const staging = createStaging(settings.HOOKBUS_DATA_DIR);
	await staging.sweep();
	const checkThreads = new CheckThreads();
	const apiCallModule = await readApiCallModule(settings.HOOKBUS_API_CALL_MODULE);
	const ranges = settings.HOOKBUS_MARKET_PRIVATE_RANGES.split(",").map((range) => range.trim());
	const guard = new AddressGuard(ranges.filter((range) => range !== ""));
	const marketplace = {
		database,
		fetcher: new FileFetcher(guard, settings.HOOKBUS_MARKET_ALLOW_HTTP, stopping.signal),
		checkThreads,
		onChange: () => relay.wake(),
	};
	const sources = createSourceRefresh(marketplace, settings.HOOKBUS_MARKET_REFRESH_MS, logger);
	const keyRotation = new KeyRotation({
		database,
		masterKeys,
		fleet,
		logger,
		stopping: stopping.signal,
		onChange: () => relay.wake(),
	});
	const app = await buildApp({
		database,
		secrets: new TenantSecrets(masterKeys),
		masterKeys,
		keyRotation,
		link,
		relay,
		fleet,
		replayRunner,
		feeds,
		liveHeartbeatMs: options.liveHeartbeatMs,
		staging,
		checkThreads,
		marketplace,
		metrics,
		logger,
		stopping: stopping.signal,
		maxUploadBytes: settings.HOOKBUS_MAX_UPLOAD_BYTES,
		apiCallModule,
		version: VERSION,
		rateLimits: { perAddress: settings.HOOKBUS_RATE_LIMIT_PER_ADDRESS, perKey: settings.HOOKBUS_RATE_LIMIT_PER_KEY },
		tokens: oidc === undefined ? undefined : new TokenVerifier(oidc),
		trustedProxies: settings.HOOKBUS_TRUSTED_PROXIES?.split(",") ?? [],
	});

	let preparing: Promise<void> = Promise.resolve();
	const stop = createOrderedStop(
		[
			// 1. Say so: readiness turns false, waits for the fleet end, so do live feeds, answers close their connections.
			{ name: "announce", timeoutMs: 1_000, run: () => stopping.abort() },
			// 2. Stop intake: no new requests; those in hand are finished, so their changes are committed.
			{ name: "close REST", timeoutMs: 15_000, run: () => app.close() },
			{ name: "finish marketplaces", timeoutMs: 30_000, run: () => sources.stop() },
			{ name: "end checks", timeoutMs: 5_000, run: () => checkThreads.close() },
			// 3. Finish: batches in hand are stored and acknowledged.
			{ name: "finish executions", timeoutMs: 10_000, run: () => store.stop() },
			{ name: "finish retention", timeoutMs: 10_000, run: () => retention.stop() },
			{ name: "finish disabling", timeoutMs: 10_000, run: () => givenUp.stop() },
			{ name: "finish watching rollouts", timeoutMs: 10_000, run: () => rolloutWatch.stop() },
			{ name: "finish rotating keys", timeoutMs: 10_000, run: () => keyRotation.stop() },
			{ name: "finish watching recordings", timeoutMs: 10_000, run: () => recordingWatch.stop() },
			{ name: "interrupt replays", timeoutMs: 10_000, run: () => replayRunner.stop() },
			// 4. Flush: what is committed is published once more; the rest is sent at the next start.
			{ name: "flush outbox", timeoutMs: 10_000, run: () => relay.stop() },
			{ name: "end preparation", timeoutMs: 10_000, run: () => preparing },
			// 5. Close: acknowledgements leave with the drain, then nobody needs the database any more.
			{ name: "close NATS", timeoutMs: 5_000, run: () => link.stop() },
			{ name: "close database", timeoutMs: 10_000, run: () => database.close() },
		],
		logger,
	);

	const begin = () => {
		relay.start();
		givenUp.start();
		rolloutWatch.start();
		recordingWatch.start();
		replayRunner.start();
		store.start();
		retention.start();
		sources.start();
	};
	try {
		const { done, firstKey } = await prepareDatabase(options, database);
		if (done) begin();
		else preparing = prepareLater(options, database, stopping.signal, begin);
		link.start(options.onFatal);
		await app.listen({ host: settings.HOOKBUS_HTTP_HOST, port: settings.HOOKBUS_HTTP_PORT });
		const url = urlOf(app);
		logger.info({ url }, "control plane listens");
		return { url, app, database, firstKey, stop };
	} catch (thrown) {
		await stop().catch((failed) => logger.error({ error: describeError(failed) }, "not everything could be closed"));
		throw thrown;
	}
}

function urlOf(app: App): string {
	const { address, port, family } = app.server.address() as AddressInfo;
	return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

interface Prepared {
	readonly done: boolean;
	readonly firstKey: string | undefined;
}

/** Migrates and makes the first key. Not done when the database cannot be reached yet. */
async function prepareDatabase({ settings, print, logger }: ControlPlaneOptions, database: Database): Promise<Prepared> {
	try {
		await database.migrate();
		const file = settings.HOOKBUS_ADMIN_KEY_FILE;
		const firstKey = await ensureFirstKey(database, { print, ...(file === undefined ? {} : { file }) });
		return { done: true, firstKey };
	} catch (thrown) {
		if (!isUnavailable(thrown)) throw thrown;
		logger.warn({ error: describeError(thrown) }, "the database cannot be reached yet; trying on");
		return { done: false, firstKey: undefined };
	}
}

/** Tries on until the database is there, then lets the rest begin. Never rejects. */
async function prepareLater(
	options: ControlPlaneOptions,
	database: Database,
	stopping: AbortSignal,
	begin: () => void,
): Promise<void> {
	while (!stopping.aborted) {
		await pause(DATABASE_RETRY_MS, stopping);
		if (stopping.aborted) return;
		try {
			if (!(await prepareDatabase(options, database)).done) continue;
			options.logger.info("the database is there and migrated");
			begin();
		} catch (thrown) {
			options.onFatal(thrown);
		}
		return;
	}
}
