// A runtime that is only heartbeats: it says what a test wants, so that waiting for the fleet can be tested without plugins.
import { type BreakerStatus, heartbeatSubject, ROUTE_BUCKET, type RouteTable, type RuntimeStatus } from "@hookbus/schemas";
import type { KV, NatsConnection } from "nats";
import { closeAfter } from "../support/close-after.js";

type Faults = RuntimeStatus["tenants"][string]["faults"];

export class ScriptedRuntime {
	readonly id: string;
	readonly #connection: NatsConnection;
	readonly #timer: NodeJS.Timeout;
	#state: RuntimeStatus["state"] = "running";
	#revision = 0;
	#faults: Faults = [];
	#inFlight = 0;
	#breakers: readonly BreakerStatus[] = [];

	/** Speaks every 500 ms, and whenever something is changed. */
	constructor(connection: NatsConnection, id: string) {
		this.id = id;
		this.#connection = connection;
		this.#timer = setInterval(() => this.speak(), 500);
		closeAfter(() => this.die());
		this.speak();
	}

	/** Reports this revision from now on. */
	reports(revision: number, faults: Faults = []): void {
		this.#revision = revision;
		this.#faults = faults;
		this.speak();
	}

	/** Has so many events in hand from now on. */
	holds(events: number): void {
		this.#inFlight = events;
		this.speak();
	}

	/** Reports these breakers from now on. */
	breaks(...breakers: readonly BreakerStatus[]): void {
		this.#breakers = breakers;
		this.speak();
	}

	becomes(state: RuntimeStatus["state"]): void {
		this.#state = state;
		this.speak();
	}

	/** Falls silent. */
	die(): void {
		clearInterval(this.#timer);
	}

	/** Applies every table of the tenant as soon as it is on the bus, with these faults. */
	async follows(bucket: KV, faults: Faults = []): Promise<void> {
		const watch = await bucket.watch({ key: "default" });
		closeAfter(() => watch.stop());
		void (async () => {
			for await (const entry of watch) this.reports((entry.json() as RouteTable).revision, faults);
		})();
	}

	speak(): void {
		if (this.#connection.isClosed() || this.#connection.isDraining()) return;
		const status: RuntimeStatus = {
			spec: "1",
			runtime: this.id,
			state: this.#state,
			version: "0.0.0",
			startedAt: new Date(0).toISOString(),
			time: new Date().toISOString(),
			inFlight: this.#inFlight,
			threads: 1,
			...(this.#breakers.length === 0 ? {} : { breakers: [...this.#breakers] }),
			tenants: this.#revision === 0 ? {} : { default: { revision: this.#revision, faults: this.#faults } },
		};
		this.#connection.publish(heartbeatSubject(this.id), JSON.stringify(status));
	}
}

/** The bucket of route tables, over a test's own connection. */
export function routeBucket(connection: NatsConnection): Promise<KV> {
	return connection.jetstream().views.kv(ROUTE_BUCKET);
}
