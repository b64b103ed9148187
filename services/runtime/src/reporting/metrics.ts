// Prometheus metrics of a runtime. Labels are hooks, plugins, outcomes: never conversations, users or text.

import type { BreakerStatus, HookName, Outcome, StoreKind } from "@hookbus/schemas";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { StepCount, ThreadChain } from "../threads/thread-messages.js";

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export class RuntimeMetrics {
	readonly registry = new Registry();
	readonly #events = new Histogram({
		name: "hookbus_event_duration_seconds",
		help: "Time from an event's arrival to its verdict",
		labelNames: ["hook"],
		buckets: SECONDS,
		registers: [this.registry],
	});
	readonly #invocations = new Counter({
		name: "hookbus_invocations_total",
		help: "Invocations by plugin, hook, outcome and action",
		labelNames: ["tenant", "plugin", "hook", "outcome", "action"],
		registers: [this.registry],
	});
	readonly #invocationSeconds = new Histogram({
		name: "hookbus_invocation_duration_seconds",
		help: "Time of one invocation",
		labelNames: ["tenant", "plugin", "hook"],
		buckets: SECONDS,
		registers: [this.registry],
	});
	readonly #skipped = new Counter({
		name: "hookbus_invocations_skipped_total",
		help: "Invocations that erred and were skipped by an open failure policy",
		labelNames: ["tenant", "plugin", "hook", "outcome"],
		registers: [this.registry],
	});
	readonly #refused = new Counter({
		name: "hookbus_events_refused_total",
		help: "Events without a verdict, by reason",
		labelNames: ["reason"],
		registers: [this.registry],
	});
	readonly #late = new Counter({
		name: "hookbus_late_verdicts_total",
		help: "Verdicts that were not sent because the event's deadline had passed",
		registers: [this.registry],
	});
	readonly #kills = new Counter({
		name: "hookbus_invocations_killed_total",
		help: "Invocations whose thread was ended",
		labelNames: ["plugin", "outcome"],
		registers: [this.registry],
	});
	readonly #threadEnds = new Histogram({
		name: "hookbus_thread_end_seconds",
		help: "Time from the decision to end a thread until it was gone",
		buckets: SECONDS,
		registers: [this.registry],
	});
	readonly #moved = new Counter({
		name: "hookbus_events_moved_total",
		help: "Events that waited behind a slow invocation and were moved to another thread",
		registers: [this.registry],
	});
	readonly #stalls = new Counter({
		name: "hookbus_stall_seconds_total",
		help: "Time during which the process stood still",
		registers: [this.registry],
	});
	readonly #durable = new Counter({
		name: "hookbus_durable_events_total",
		help: "Durable events by what became of them: done, duplicate, unbound, retried, postponed, dead",
		labelNames: ["result"],
		registers: [this.registry],
	});
	readonly #publishFailures = new Counter({
		name: "hookbus_publish_failures_total",
		help: "Messages that could not be sent, by what they were: frame, verdict, problem, heartbeat",
		labelNames: ["what"],
		registers: [this.registry],
	});
	readonly #observersShed = new Counter({
		name: "hookbus_observers_shed_total",
		help: "Events whose observers were not run for lack of room",
		registers: [this.registry],
	});
	readonly #executionsDropped = new Counter({
		name: "hookbus_executions_dropped_total",
		help: "Execution records that were lost because the bus could not take them",
		registers: [this.registry],
	});
	readonly #recorded = new Counter({
		name: "hookbus_recorded_events_total",
		help: "Copies of events for recordings, by what became of them: recorded, dropped",
		labelNames: ["result"],
		registers: [this.registry],
	});
	readonly #hostCalls = new Histogram({
		name: "hookbus_host_call_duration_seconds",
		help: "Time of what plugins ask of the host, by call and outcome",
		labelNames: ["tenant", "plugin", "call", "outcome"],
		buckets: SECONDS,
		registers: [this.registry],
	});
	/** Children by chain and step: looking labels up for every invocation would cost more than the invocation's hop. */
	readonly #ofStep = new WeakMap<ThreadChain, Map<string, { count: Counter.Internal; seconds: Histogram.Internal<string> }>>();
	readonly #ofHook = new Map<HookName, Histogram.Internal<"hook">>();

	/** Gauges that are read when somebody looks. */
	watch(gauges: {
		readonly inFlight: () => number;
		readonly threads: () => number;
		readonly revisions: () => Record<string, number>;
		readonly breakers: () => readonly BreakerStatus[];
		readonly storeEvictions: () => Readonly<Record<StoreKind, number>>;
	}): void {
		const gauge = (name: string, help: string, read: () => number) =>
			new Gauge({
				name,
				help,
				registers: [this.registry],
				collect() {
					this.set(read());
				},
			});
		gauge("hookbus_events_in_flight", "Events that wait or run", gauges.inFlight);
		gauge("hookbus_threads", "Worker threads that serve events", gauges.threads);
		new Gauge({
			name: "hookbus_breaker_openings",
			help: "Plugins that kept failing and are not run: how often in a row they were tried and failed again",
			labelNames: ["tenant", "plugin", "version", "state"],
			registers: [this.registry],
			collect() {
				this.reset();
				for (const { tenant, plugin, version, state, openings } of gauges.breakers()) {
					this.set({ tenant, plugin, version, state }, openings);
				}
			},
		});
		new Counter({
			name: "hookbus_plugin_store_evictions_total",
			help: "Times that what a plugin keeps gave way to what others keep, and has to be read anew; when it grows all the time, there are too many plugins for one runtime",
			labelNames: ["store"],
			registers: [this.registry],
			collect() {
				this.reset();
				for (const [store, evictions] of Object.entries(gauges.storeEvictions())) this.inc({ store }, evictions);
			},
		});
		new Gauge({
			name: "hookbus_route_table_revision",
			help: "Revision of the route table in service",
			labelNames: ["tenant"],
			registers: [this.registry],
			collect() {
				for (const [tenant, revision] of Object.entries(gauges.revisions())) this.set({ tenant }, revision);
			},
		});
	}

	eventDone(hook: HookName, ms: number): void {
		let histogram = this.#ofHook.get(hook);
		if (histogram === undefined) {
			histogram = this.#events.labels({ hook });
			this.#ofHook.set(hook, histogram);
		}
		histogram.observe(ms / 1_000);
	}

	stepsDone(chain: ThreadChain, steps: readonly StepCount[]): void {
		for (const step of steps) {
			if (step.outcome === "deferred") continue;
			const children = this.#children(chain, step);
			children.count.inc();
			children.seconds.observe(step.durationMs / 1_000);
			if (step.outcome !== "ok" && step.action !== "block") {
				const { name } = chain.steps[step.step] ?? { name: "unknown" };
				this.#skipped.inc({ tenant: chain.tenant, plugin: name, hook: chain.hook, outcome: step.outcome });
			}
		}
	}

	refused(reason: string): void {
		this.#refused.inc({ reason });
	}

	late(): void {
		this.#late.inc();
	}

	killed(plugin: string, outcome: Outcome): void {
		this.#kills.inc({ plugin, outcome });
	}

	threadEnded(ms: number): void {
		this.#threadEnds.observe(ms / 1_000);
	}

	moved(): void {
		this.#moved.inc();
	}

	stalled(ms: number): void {
		this.#stalls.inc(ms / 1_000);
	}

	durable(result: "done" | "duplicate" | "unbound" | "retried" | "postponed" | "dead"): void {
		this.#durable.inc({ result });
	}

	publishFailed(what: "frame" | "verdict" | "problem" | "heartbeat"): void {
		this.#publishFailures.inc({ what });
	}

	recorded(result: "recorded" | "dropped"): void {
		this.#recorded.inc({ result });
	}

	observersShed(): void {
		this.#observersShed.inc();
	}

	/** @param call name of the host function */
	hostCall(tenant: string, plugin: string, call: string, outcome: string, ms: number): void {
		this.#hostCalls.observe({ tenant, plugin, call, outcome }, ms / 1_000);
	}

	executionsDropped(count: number): void {
		this.#executionsDropped.inc(count);
	}

	#children(chain: ThreadChain, step: StepCount) {
		let steps = this.#ofStep.get(chain);
		if (steps === undefined) {
			steps = new Map();
			this.#ofStep.set(chain, steps);
		}
		const key = `${step.step} ${step.outcome} ${step.action ?? ""}`;
		let children = steps.get(key);
		if (children === undefined) {
			const plugin = chain.steps[step.step]?.name ?? "unknown";
			const labels = { tenant: chain.tenant, plugin, hook: chain.hook };
			children = {
				count: this.#invocations.labels({ ...labels, outcome: step.outcome, action: step.action ?? "none" }),
				seconds: this.#invocationSeconds.labels(labels),
			};
			steps.set(key, children);
		}
		return children;
	}
}
