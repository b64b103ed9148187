// Builds the runtime by hand, starts it, and stops it in order.
//
// Stop order: 1 say "draining" and be not ready · 2 unsubscribe, after which the server sends nothing more; hand replays back · 3 finish
// durable events and acknowledge them · 4 wait for events in hand and answer them · 5 let plugins run their shutdown · 6 store execution
// records and costs, end recording · 7 say "stopped", follow the fleet's size and the plugins' stores no longer · 8 flush and close NATS ·
// 9 end the threads · 10 close the health pages.
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import {
	commonFaults,
	connectNats,
	createMasterKeys,
	createOrderedStop,
	describeError,
	ensureBus,
	judgeFaults,
	natsAuthentication,
} from "@hookbus/foundation";
import { FRAME_INTERVAL_MS, type Permission } from "@hookbus/schemas";
import type { Static } from "@sinclair/typebox";
import type { NatsConnection, ObjectStore } from "nats";
import type { Logger } from "pino";
import { Admission } from "./admission/admission.js";
import { CostLedger } from "./admission/cost-ledger.js";
import { DEFAULT_PAYLOAD_BYTES } from "./chain/verdict-size.js";
import { HostCallDesk } from "./host-calls/host-call-desk.js";
import { openHostFunctions } from "./host-calls/open-host-functions.js";
import { RightsTable } from "./host-calls/rights-table.js";
import { DoneMarks } from "./intake/done-marks.js";
import { DurableIntake } from "./intake/durable-intake.js";
import { ReplyIntake } from "./intake/reply-intake.js";
import { StallWatch } from "./intake/stall-watch.js";
import { Subscriptions } from "./intake/subscriptions.js";
import { monotonicMs } from "./monotonic-clock.js";
import { EventRecorder } from "./recording/event-recorder.js";
import { ReplayBench } from "./replay/replay-bench.js";
import { ReplayIntake } from "./replay/replay-intake.js";
import { ExecutionReporter } from "./reporting/execution-reporter.js";
import { FleetSize } from "./reporting/fleet-size.js";
import { HealthProbes } from "./reporting/health-probes.js";
import { HealthServer } from "./reporting/health-server.js";
import { Heartbeat } from "./reporting/heartbeat.js";
import { RuntimeMetrics } from "./reporting/metrics.js";
import { Recycling } from "./reporting/recycling.js";
import { LinkThread } from "./routing/link-thread.js";
import { LiveTables } from "./routing/live-tables.js";
import { ModuleStore, objectStoreSource } from "./routing/module-store.js";
import { RouteFollower } from "./routing/route-follower.js";
import type { RuntimeSettings } from "./settings.js";
import { ThreadGroups } from "./threads/thread-groups.js";
import { type PoolObserver, ThreadPool } from "./threads/thread-pool.js";

export const RUNTIME_VERSION = "0.1.0";

/** So many times as many threads as at the beginning can plugins get that wait. */
const WAITING_GROWTH = 16;

export interface Runtime {
	readonly id: string;
	/** Port of the health pages. */
	readonly port: number;
	/** Drains and closes; later calls get the promise of the first. */
	stop(): Promise<void>;
}

export interface RuntimeParts {
	readonly settings: Static<typeof RuntimeSettings>;
	readonly logger: Logger;
	/** Threads cannot be ended or started: hand over, and end the process the hard way. */
	readonly lastResort: (reason: string) => void;
	/** So many threads were ended that the process should be started anew: stop in order, and end. */
	readonly recycle: (reason: string) => void;
}

/**
 * Starts a runtime. Resolves when it serves the tables that exist. Waits for NATS as long as it takes.
 *
 * @throws CodedError `production_unsafe`, and what connectNats throws
 */
export async function startRuntime({ settings, logger, lastResort, recycle }: RuntimeParts): Promise<Runtime> {
	judgeFaults(settings.HOOKBUS_PROFILE, commonFaults(settings), logger);
	const id = settings.HOOKBUS_RUNTIME_ID ?? `rt-${randomBytes(6).toString("hex")}`;
	const masterKeys = createMasterKeys(settings.HOOKBUS_MASTER_KEY, settings.HOOKBUS_MASTER_KEY_PREVIOUS);
	const startedAt = new Date().toISOString();
	const metrics = new RuntimeMetrics();
	const stalls = new StallWatch(monotonicMs);
	let notReady: string[] = ["starting"];
	const health = new HealthServer({ notReady: () => notReady, registry: metrics.registry });
	const port = await health.listen(settings.HOOKBUS_HTTP_HOST, settings.HOOKBUS_HTTP_PORT);
	const threads = settings.HOOKBUS_THREADS === 0 ? Math.max(2, availableParallelism()) : settings.HOOKBUS_THREADS;
	const recycling = new Recycling(settings.HOOKBUS_RECYCLE_AFTER_KILLS, (kills) => recycle(`${kills} threads were ended`));
	const observer: PoolObserver = {
		invocationKilled: (plugin, outcome) => metrics.killed(plugin, outcome),
		callMoved: () => metrics.moved(),
		stalled: (gapMs) => {
			stalls.note();
			metrics.stalled(gapMs);
			logger.warn({ ms: Math.round(gapMs) }, "the process stood still");
		},
		threadEnded: (ms) => {
			metrics.threadEnded(ms);
			recycling.threadEnded();
		},
		hopeless: lastResort,
	};
	const connection = await connectNats(
		{
			url: settings.HOOKBUS_NATS_URL,
			ca: settings.HOOKBUS_NATS_CA,
			requireCredentials: settings.HOOKBUS_PROFILE === "production",
			name: `hookbus runtime ${id}`,
			inboxPrefix: `_INBOX_runtime_${id}`,
			requireSafeVersion: settings.HOOKBUS_NATS_REQUIRE_SAFE_VERSION || settings.HOOKBUS_PROFILE === "production",
			authentication: natsAuthentication(settings),
		},
		logger,
	).catch(async (thrown: unknown) => {
		await health.close();
		throw thrown;
	});
	const busOptions = { replicas: settings.HOOKBUS_NATS_REPLICAS, ackWaitMs: settings.HOOKBUS_ACK_WAIT_MS };
	const bus = await retry(() => ensureBus(connection, busOptions), logger);
	const js = connection.jetstream();
	const payloadBytes = connection.info?.max_payload ?? DEFAULT_PAYLOAD_BYTES;
	const rights = new RightsTable();
	const hostFunctions = await openHostFunctions({ connection, settings, logger });
	const desk = new HostCallDesk({
		functions: hostFunctions.functions,
		rightsOf: (image) => rights.get(image),
		observer: {
			hostCallDone: (its, type, outcome, ms) =>
				metrics.hostCall(its?.tenant ?? "unknown", its?.plugin ?? "unknown", type, outcome, ms),
			hostCallBroke: (type, error) => logger.error({ call: type, error }, "a host function failed"),
		},
		clock: monotonicMs,
	});
	const startPool = (size: number, most: number) =>
		ThreadPool.start(
			{
				threads: size,
				maxThreads: most,
				maxInFlight: settings.HOOKBUS_MAX_IN_FLIGHT,
				frameIntervalMs: FRAME_INTERVAL_MS,
				runtime: id,
				instancesPerThread: settings.HOOKBUS_INSTANCES_PER_THREAD,
				payloadBytes,
				desk,
			},
			observer,
			monotonicMs,
			logger,
		);
	const waitingThreads = settings.HOOKBUS_WAITING_THREADS;
	const groups = new ThreadGroups(await startPool(threads, threads * 4), () =>
		startPool(waitingThreads, waitingThreads * WAITING_GROWTH),
	);
	const fleet = new FleetSize(monotonicMs);
	const costs = new CostLedger(bus.costs, logger);
	const admission = new Admission({
		executor: groups,
		ledger: costs,
		breaker: {
			failures: settings.HOOKBUS_BREAKER_FAILURES,
			backoffMs: settings.HOOKBUS_BREAKER_BACKOFF_MS,
			openings: settings.HOOKBUS_BREAKER_OPENINGS,
		},
		waitMs: settings.HOOKBUS_ADMISSION_WAIT_MS,
		// Half of what there is: no single plugin takes it all.
		share: {
			quick: Math.max(1, settings.HOOKBUS_MAX_IN_FLIGHT / 2),
			waiting: Math.max(1, waitingThreads * WAITING_GROWTH * 0.5),
		},
		frameIntervalMs: FRAME_INTERVAL_MS,
		maxWaiting: settings.HOOKBUS_MAX_IN_FLIGHT,
		runtimes: () => fleet.size,
		clock: monotonicMs,
		runtime: id,
		onBreaker: (status) => {
			logger.warn(status, "a plugin kept failing and is not run for a while");
			heartbeat.send();
		},
	});
	const linking = new LinkThread();
	const moduleSource = objectStoreSource(async () => bus.modules as ObjectStore);
	const modules = new ModuleStore(settings.HOOKBUS_CACHE_DIR, moduleSource, (request) => linking.link(request), logger);
	const tables = new LiveTables(admission, modules, rights, ({ key, name, version }, fault) => {
		if (fault !== undefined) logger.warn({ image: key, plugin: name, version, fault }, "a plugin's shutdown failed");
	});
	const probes = new HealthProbes({
		executor: admission,
		inService: () => tables.inService(),
		intervalMs: settings.HOOKBUS_HEALTH_INTERVAL_MS,
		failures: settings.HOOKBUS_HEALTH_FAILURES,
		onChange: () => heartbeat.send(),
	});
	metrics.watch({
		inFlight: () => admission.inFlight,
		threads: () => admission.threads,
		breakers: () => admission.breakers,
		storeEvictions: () => hostFunctions.evictions(),
		revisions: () => Object.fromEntries(Object.entries(tables.applied()).map(([tenant, { revision }]) => [tenant, revision])),
	});
	const executions = new ExecutionReporter({ js, payloadBytes, metrics, logger });
	const recorder = new EventRecorder({ js, metrics, logger });
	const replies = new ReplyIntake({
		connection,
		tables,
		executor: admission,
		executions,
		metrics,
		stalls,
		recorder,
		clock: monotonicMs,
		logger,
		runtime: id,
		maxEventBytes: settings.HOOKBUS_MAX_EVENT_BYTES,
		tenantInboxOnly: settings.HOOKBUS_TENANT_INBOX_ONLY,
	});
	const subscriptions = new Subscriptions(connection, (message) => replies.handle(message), logger);
	const heartbeat = new Heartbeat(
		{ connection, payloadBytes, metrics, logger },
		{
			runtime: id,
			version: RUNTIME_VERSION,
			startedAt,
			inFlight: () => admission.inFlight,
			threads: () => admission.threads,
			breakers: () => [...admission.breakers, ...probes.givenUp],
			probes: () => probes.results,
			tenants: () => tables.applied(),
		},
	);
	const ceiling = new Set(settings.HOOKBUS_PERMISSIONS.split(",") as Permission[]);
	const replays = new ReplayIntake({
		connection,
		bench: new ReplayBench({
			functions: hostFunctions.functions,
			masterKeys,
			ceiling,
			userConfigsMs: settings.HOOKBUS_USER_CONFIGS_MS,
			cacheDirectory: settings.HOOKBUS_CACHE_DIR,
			modules: moduleSource,
			observer,
			runtime: id,
			payloadBytes,
			clock: monotonicMs,
			logger,
		}),
		isBusy: () => admission.inFlight > threads,
		clock: monotonicMs,
		logger,
	});
	let chainIds = 0;
	let stopping = false;
	const follower = new RouteFollower({
		routes: bus.routes,
		tableParts: bus.tableParts,
		tables,
		modules,
		masterKeys,
		executor: admission,
		ceiling,
		userConfigsMs: settings.HOOKBUS_USER_CONFIGS_MS,
		nextChainId: () => {
			chainIds += 1;
			return chainIds;
		},
		logger,
		onBegin: (tenant, plugin) => hostFunctions.forget({ tenant, plugin }),
		onApplied: async () => {
			if (!stopping) await subscriptions.set(() => tables.subjects());
			recorder.retain(tables.recordings());
			heartbeat.send();
			probes.look();
		},
	});
	const durable = new DurableIntake({
		js,
		tables,
		executor: admission,
		executions,
		marks: new DoneMarks(bus.done),
		metrics,
		recorder,
		clock: monotonicMs,
		logger,
		backoffMs: settings.HOOKBUS_DURABLE_BACKOFF_MS.split(",").map(Number),
		concurrency: settings.HOOKBUS_DURABLE_CONCURRENCY,
	});
	await follower.start();
	durable.start();
	replays.start();
	fleet.follow(connection);
	costs.start();
	heartbeat.start();
	probes.start();
	void afterReconnects(connection, async () => {
		// A server that lost its store comes back without streams and buckets.
		await retry(() => ensureBus(connection, busOptions), logger);
		await follower.resync();
		heartbeat.send();
	});
	notReady = [];
	logger.info({ runtime: id, threads, http: port }, "runtime is running");
	const stop = createOrderedStop(
		[
			{
				name: "announce",
				timeoutMs: 1_000,
				run: () => {
					stopping = true;
					notReady = ["draining"];
					follower.stop();
					heartbeat.setState("draining");
				},
			},
			{ name: "stop intake", timeoutMs: 5_000, run: () => Promise.all([subscriptions.drain(), replays.stop()]) },
			{ name: "finish durable events", timeoutMs: settings.HOOKBUS_DRAIN_MS, run: () => durable.stop() },
			{ name: "finish events", timeoutMs: settings.HOOKBUS_DRAIN_MS, run: () => idle(() => admission.inFlight) },
			{ name: "shut plugins down", timeoutMs: 5_000, run: () => Promise.all([probes.stop(), tables.close()]) },
			{ name: "store executions", timeoutMs: 6_000, run: () => Promise.all([executions.stop(), costs.stop(), recorder.stop()]) },
			{
				name: "say goodbye",
				timeoutMs: 1_000,
				run: () => {
					heartbeat.stop();
					fleet.stop();
					hostFunctions.stop();
				},
			},
			{ name: "close NATS", timeoutMs: 5_000, run: () => connection.drain() },
			{ name: "end threads", timeoutMs: 5_000, run: () => Promise.all([admission.stop(), linking.stop()]) },
			{ name: "close health pages", timeoutMs: 1_000, run: () => health.close() },
		],
		logger,
	);
	return { id, port, stop };
}

async function afterReconnects(connection: NatsConnection, run: () => Promise<void>): Promise<void> {
	for await (const status of connection.status()) {
		if (status.type === "reconnect") await run();
	}
}

async function retry<T>(run: () => Promise<T>, logger: Logger): Promise<T> {
	for (;;) {
		try {
			return await run();
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "JetStream is not ready; trying again");
			await new Promise((resolve) => setTimeout(resolve, 500));
		}
	}
}

async function idle(inFlight: () => number): Promise<void> {
	while (inFlight() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
