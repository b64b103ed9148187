// How many runtimes share the load, counted by their heartbeats: what a plugin may take of the whole fleet, such as its rate, is
// divided by it. Events are shared evenly, so an equal part for each is what the fleet as a whole sees.
import { HEARTBEAT_EXPIRY_MS, HEARTBEAT_SUBJECTS, isRuntimeStatus } from "@hookbus/schemas";
import type { NatsConnection, Subscription } from "nats";

export class FleetSize {
	readonly #clock: () => number;
	readonly #heardAt = new Map<string, number>();
	#subscription: Subscription | undefined;

	/** @param clock monotonic milliseconds */
	constructor(clock: () => number) {
		this.#clock = clock;
	}

	follow(connection: NatsConnection): void {
		this.#subscription = connection.subscribe(HEARTBEAT_SUBJECTS, {
			callback: (failure, message) => {
				if (failure === null) this.#hear(message.data);
			},
		});
	}

	stop(): void {
		this.#subscription?.unsubscribe();
	}

	/** At least 1: this one. */
	get size(): number {
		const oldest = this.#clock() - HEARTBEAT_EXPIRY_MS;
		for (const [runtime, heardAt] of this.#heardAt) if (heardAt < oldest) this.#heardAt.delete(runtime);
		return Math.max(1, this.#heardAt.size);
	}

	#hear(data: Uint8Array): void {
		let status: unknown;
		try {
			status = JSON.parse(Buffer.from(data).toString("utf8"));
		} catch {
			// Whoever publishes nonsense there is no runtime.
			return;
		}
		if (!isRuntimeStatus(status)) return;
		if (status.state === "running") this.#heardAt.set(status.runtime, this.#clock());
		else this.#heardAt.delete(status.runtime);
	}
}
