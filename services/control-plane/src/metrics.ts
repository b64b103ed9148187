// Prometheus metrics of the control plane, all in one place and in a registry of their own: two control planes in one
// process (tests) must not count into each other.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface ControlPlaneMetrics {
	readonly registry: Registry;
	readonly httpDuration: Histogram<"method" | "route" | "status">;
	readonly installs: Counter<"outcome">;
	readonly pluginsDisabled: Counter;
	readonly outboxPending: Gauge;
	readonly tablesPublished: Counter<"outcome">;
	readonly executionsStored: Counter;
	readonly patchesOmitted: Counter;
	readonly executionBatchesRefused: Counter<"reason">;
	readonly executionsDeleted: Counter;
	readonly liveFeeds: Gauge;
	readonly liveDropped: Counter;
	readonly natsReady: Gauge;
	readonly runtimesLive: Gauge;
}

export interface MetricSources {
	/** Read when the metrics are. */
	readonly natsReady: () => boolean;
	readonly runtimesLive: () => number;
}

export function createMetrics(sources: MetricSources): ControlPlaneMetrics {
	const registry = new Registry();
	collectDefaultMetrics({ register: registry });
	const registers = [registry];
	return {
		registry,
		httpDuration: new Histogram({
			name: "hookbus_control_plane_http_request_duration_seconds",
			help: "Time from a request's arrival to its answer, in seconds",
			labelNames: ["method", "route", "status"],
			buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
			registers,
		}),
		installs: new Counter({
			name: "hookbus_control_plane_installs_total",
			help: "Packages that were uploaded; outcome: stored, unchanged, or the code of the refusal",
			labelNames: ["outcome"],
			registers,
		}),
		pluginsDisabled: new Counter({
			name: "hookbus_control_plane_plugins_disabled_total",
			help: "Plugins that were disabled because a runtime had given them up",
			registers,
		}),
		outboxPending: new Gauge({
			name: "hookbus_control_plane_outbox_pending_tenants",
			help: "Tenants whose newest route table has not reached the bus yet",
			registers,
		}),
		tablesPublished: new Counter({
			name: "hookbus_control_plane_route_tables_published_total",
			help: "Attempts to publish a route table; outcome: published, outdated, conflict, failed",
			labelNames: ["outcome"],
			registers,
		}),
		executionsStored: new Counter({
			name: "hookbus_control_plane_executions_stored_total",
			help: "Executions that were written to the database, repeated deliveries included",
			registers,
		}),
		patchesOmitted: new Counter({
			name: "hookbus_control_plane_execution_patches_omitted_total",
			help: "Executions whose patch was to be kept and was too large, repeated deliveries included",
			registers,
		}),
		executionBatchesRefused: new Counter({
			name: "hookbus_control_plane_execution_batches_refused_total",
			help: "Batches of executions that were given up; reason: invalid (not a batch), tenant (names another one), data (not storable)",
			labelNames: ["reason"],
			registers,
		}),
		executionsDeleted: new Counter({
			name: "hookbus_control_plane_executions_deleted_total",
			help: "Executions that were deleted because their retention was over",
			registers,
		}),
		liveFeeds: new Gauge({
			name: "hookbus_control_plane_live_feeds",
			help: "Live feeds of executions that are open",
			registers,
		}),
		liveDropped: new Counter({
			name: "hookbus_control_plane_live_executions_dropped_total",
			help: "Executions that live feeds passed over because their readers were too far behind",
			registers,
		}),
		natsReady: new Gauge({
			name: "hookbus_control_plane_nats_ready",
			help: "1 when NATS can be used, else 0",
			registers,
			collect() {
				this.set(sources.natsReady() ? 1 : 0);
			},
		}),
		runtimesLive: new Gauge({
			name: "hookbus_control_plane_runtimes_live",
			help: "Runtimes that were heard within the heartbeat's expiry",
			registers,
			collect() {
				this.set(sources.runtimesLive());
			},
		}),
	};
}
