// Says every two seconds that this runtime lives and which route tables it runs, and at once after a change. Core NATS: a
// lost heartbeat is replaced by the next one.

import { HEARTBEAT_INTERVAL_MS, heartbeatSubject, type RuntimeStatus } from "@hookbus/schemas";
import type { NatsConnection } from "nats";

export interface HeartbeatSources {
	readonly runtime: string;
	readonly version: string;
	readonly startedAt: string;
	readonly inFlight: () => number;
	readonly threads: () => number;
	readonly tenants: () => RuntimeStatus["tenants"];
}

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
		const { runtime, version, startedAt, inFlight, threads, tenants } = this.#sources;
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
		};
		this.#connection.publish(heartbeatSubject(runtime), Buffer.from(JSON.stringify(status)));
	}

	stop(): void {
		clearInterval(this.#timer);
		this.setState("stopped");
	}
}
