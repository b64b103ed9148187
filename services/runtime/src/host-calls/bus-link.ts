// Whether the bus is connected now. The NATS client takes what is published while it is not, waits, and may send it after the
// reconnect: a write that the plugin was told had failed would then undo what others wrote in between.
import type { NatsConnection } from "nats";
import { failed } from "./host-call-errors.js";

export class BusLink {
	readonly #connection: NatsConnection;
	readonly #onLost: () => void;
	#connected = true;

	/** @param onLost called when the connection is lost, each time */
	constructor(connection: NatsConnection, onLost: () => void = () => undefined) {
		this.#connection = connection;
		this.#onLost = onLost;
		void this.#watch();
	}

	/** @throws HostCallError `host_error` when there is no connection */
	requireConnected(): void {
		if (this.#connected && !this.#connection.isClosed() && !this.#connection.isDraining()) return;
		throw failed("the bus is not connected");
	}

	/** Ends with the connection. */
	async #watch(): Promise<void> {
		for await (const { type } of this.#connection.status()) {
			if (type === "disconnect") {
				this.#connected = false;
				this.#onLost();
			} else if (type === "reconnect") {
				this.#connected = true;
			}
		}
	}
}
