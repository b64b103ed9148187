// What the control plane hears from the runtimes: who lives, and which revision each runs. Kept in memory only: a heartbeat
// comes every two seconds, so a restarted control plane knows the fleet again before it could have read an old row.
import { describeError } from "@hookbus/foundation";
import {
	type ActivationFault,
	type FleetMember,
	HEARTBEAT_EXPIRY_MS,
	HEARTBEAT_SUBJECTS,
	isRuntimeStatus,
	type PluginProbe,
	type RuntimeStatus,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import type { BusLink } from "../bus/bus-link.js";

/** Milliseconds after which a silent runtime is forgotten altogether. */
const FORGET_MS = 10 * 60_000;
/** Most runtimes that are remembered; a flood of made-up names must not eat the memory. */
const MAX_RUNTIMES = 10_000;

interface Heard {
	readonly status: RuntimeStatus;
	/** performance.now() */
	readonly at: number;
}

export interface RuntimeAt {
	readonly id: string;
	readonly revision: number;
	readonly faults: readonly ActivationFault[];
	/** Faults that it has and does not name. */
	readonly faultsLeftOut?: number;
	/** Events that it has in hand. */
	readonly inFlight: number;
	/** What plugins of the tenant said of themselves there. */
	readonly probes: readonly PluginProbe[];
}

/** How the fleet stands to one revision of one tenant. */
export interface FleetStand {
	/** False while the link is down or too fresh to know who lives. */
	readonly known: boolean;
	/** Live runtimes that have applied the revision or a later one. */
	readonly applied: readonly RuntimeAt[];
	/** Live runtimes that have not. */
	readonly behind: readonly RuntimeAt[];
}

export class RuntimeFleet {
	readonly #link: BusLink;
	readonly #logger: Logger;
	/**
	 * Milliseconds of silence after which a runtime counts as gone, and also those after the link became ready until it is known who
	 * lives: who was not heard by then would count as gone anyway. Were the second shorter, a change could be acknowledged right after
	 * a restart although a runtime that is a little late has not got it.
	 */
	readonly #expiryMs: number;
	readonly #heard = new Map<string, Heard>();
	readonly #listeners = new Set<(status: RuntimeStatus) => void>();
	#subscribed: NatsConnection | undefined;

	constructor(link: BusLink, logger: Logger, expiryMs = HEARTBEAT_EXPIRY_MS) {
		this.#link = link;
		this.#logger = logger;
		this.#expiryMs = expiryMs;
		link.onReady(({ connection }) => this.#subscribe(connection));
	}

	/** Calls the listener after every heartbeat, which must not throw; returns a function that ends it. */
	onHeartbeat(listener: (status: RuntimeStatus) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** How the live runtimes stand to a revision of a tenant. */
	stand(tenant: string, revision: number): FleetStand {
		const runtimes = this.#live().map(({ status }) => runtimeAt(status, tenant));
		return {
			known: this.#link.readyForMs >= this.#expiryMs,
			applied: runtimes.filter((runtime) => runtime.revision >= revision),
			behind: runtimes.filter((runtime) => runtime.revision < revision),
		};
	}

	/** Milliseconds until `stand` can know who lives; `undefined` while the link is down. */
	get settlesInMs(): number | undefined {
		return this.#link.ready === undefined ? undefined : Math.max(0, this.#expiryMs - this.#link.readyForMs);
	}

	/** Number of live runtimes. */
	get size(): number {
		return this.#live().length;
	}

	/** Every runtime that was heard lately, by id. */
	members(tenant: string, desired: number): FleetMember[] {
		const now = performance.now();
		return [...this.#heard.values()]
			.sort((a, b) => (a.status.runtime < b.status.runtime ? -1 : 1))
			.map(({ status, at }) => {
				const { revision, faults, faultsLeftOut } = runtimeAt(status, tenant);
				return {
					id: status.runtime,
					state: status.state,
					live: this.#isLive(status, at, now),
					version: status.version,
					startedAt: status.startedAt,
					silentMs: Math.round(now - at),
					inFlight: status.inFlight,
					threads: status.threads,
					desired,
					running: revision,
					faults: [...faults],
					...(faultsLeftOut === undefined ? {} : { faultsLeftOut }),
					breakers: (status.breakers ?? []).filter((breaker) => breaker.tenant === tenant),
				};
			});
	}

	#live(): Heard[] {
		const now = performance.now();
		return [...this.#heard.values()].filter(({ status, at }) => this.#isLive(status, at, now));
	}

	/** A draining runtime takes no new events and a stopped one is gone, so no change waits for them. */
	#isLive(status: RuntimeStatus, at: number, now: number): boolean {
		return now - at <= this.#expiryMs && (status.state === "running" || status.state === "starting");
	}

	/** Once for each connection: the client renews subscriptions by itself after a reconnect. */
	#subscribe(connection: NatsConnection): void {
		if (this.#subscribed === connection) return;
		this.#subscribed = connection;
		connection.subscribe(HEARTBEAT_SUBJECTS, {
			callback: (error, message) => {
				if (error !== null) this.#logger.error({ error: describeError(error) }, "heartbeats cannot be heard");
				else this.#hear(message.subject, message.data);
			},
		});
	}

	#hear(subject: string, data: Uint8Array): void {
		const status = parseStatus(data);
		// A runtime may speak for itself only: its name stands in the subject, which NATS permissions can guard.
		if (status === undefined || subject.split(".")[3] !== status.runtime) {
			this.#logger.warn({ subject }, "a heartbeat is not valid; it is ignored");
			return;
		}
		const now = performance.now();
		for (const [id, { at }] of this.#heard) if (now - at > FORGET_MS) this.#heard.delete(id);
		if (this.#heard.size >= MAX_RUNTIMES && !this.#heard.has(status.runtime)) return;
		this.#heard.set(status.runtime, { status, at: now });
		for (const listener of this.#listeners) listener(status);
	}
}

function parseStatus(data: Uint8Array): RuntimeStatus | undefined {
	try {
		const value: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
		return isRuntimeStatus(value) ? value : undefined;
	} catch {
		// Not JSON: reported by the caller like any other invalid heartbeat.
		return undefined;
	}
}

function runtimeAt(status: RuntimeStatus, tenant: string): RuntimeAt {
	const applied = Object.hasOwn(status.tenants, tenant) ? status.tenants[tenant] : undefined;
	return {
		id: status.runtime,
		revision: applied?.revision ?? 0,
		faults: applied?.faults ?? [],
		...(applied?.faultsLeftOut === undefined ? {} : { faultsLeftOut: applied.faultsLeftOut }),
		inFlight: status.inFlight,
		probes: (status.probes ?? []).filter((probe) => probe.tenant === tenant),
	};
}
