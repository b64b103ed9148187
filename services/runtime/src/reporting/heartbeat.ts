// Says every two seconds that this runtime lives and which route tables it runs, and at once after a change. Core NATS: a
// lost heartbeat is replaced by the next one.

import { type BreakerStatus, HEARTBEAT_INTERVAL_MS, heartbeatSubject, type RuntimeStatus } from "@hookbus/schemas";
import type { NatsConnection } from "nats";

export interface HeartbeatSources {
	readonly runtime: string;
	readonly version: string;
	readonly startedAt: string;
	readonly inFlight: () => number;
	readonly threads: () => number;
	readonly tenants: () => RuntimeStatus["tenants"];
	/** Plugins that are not run because they kept failing. */
	readonly breakers: () => readonly BreakerStatus[];
}

/** Most plugins that one heartbeat names; the schema allows no more. */
const MAX_BREAKERS = 1_000;

export class Heartbeat {
	readonly #connection: NatsConnection;
	readonly #sources: HeartbeatSources;
	#state: RuntimeStatus["state"] = "starting";
	#timer: NodeJS.Timeout | undefined;

	constructor(connection: NatsConnection, sources: HeartbeatSources) {
		this.#connection = connection;
		this.#sources = sources;
	}

	get state(): RuntimeStatus["state"] {
		return this.#state;
	}

	start(): void {
		this.#timer = setInterval(() => this.send(), HEARTBEAT_INTERVAL_MS);
		this.setState("running");
	}

	setState(state: RuntimeStatus["state"]): void {
		this.#state = state;
		this.send();
	}

	/** Sends the status now. Does nothing while the connection is closed. */
	send(): void {
		if (this.#connection.isClosed() || this.#connection.isDraining()) return;
		const { runtime, version, startedAt, inFlight, threads, tenants, breakers } = this.#sources;
		const open = breakers().slice(0, MAX_BREAKERS);
		const status: RuntimeStatus = {
			spec: "1",
			runtime,
			state: this.#state,
			version,
			startedAt,
			time: new Date().toISOString(),
			inFlight: inFlight(),
			threads: threads(),
			tenants: tenants(),
			...(open.length === 0 ? {} : { breakers: open }),
		};
		this.#connection.publish(heartbeatSubject(runtime), Buffer.from(JSON.stringify(status)));
	}

	stop(): void {
		clearInterval(this.#timer);
		this.setState("stopped");
	}
}
