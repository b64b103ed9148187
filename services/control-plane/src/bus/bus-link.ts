// The service's link to NATS. REST works without it, so it is made in the background and its absence is a state, not an
// error. States:
//
//   connecting    no server has answered yet                        → connected
//   connected     a server answers; streams and buckets are being made → ready, disconnected
//   ready         the bus can be used                               → disconnected, stopped
//   disconnected  the client is reconnecting by itself              → connected
//   stopped       final
//
// Whoever needs the bus takes `bus` where it stands (undefined unless ready) and listens to `onReady`, which is called each
// time the state becomes ready: then everything may have been lost on the server, down to its streams.
import { type Bus, type BusOptions, connectNats, describeError, ensureBus, type NatsOptions } from "@hookbus/foundation";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import { pause } from "../pause.js";

export type LinkState = "connecting" | "connected" | "ready" | "disconnected" | "stopped";

const RETRY_MS = 500;

export interface ReadyBus {
	readonly connection: NatsConnection;
	readonly bus: Bus;
}

export class BusLink {
	readonly #nats: Omit<NatsOptions, "signal">;
	readonly #options: BusOptions;
	readonly #logger: Logger;
	readonly #stopping = new AbortController();
	readonly #listeners: ((ready: ReadyBus) => void)[] = [];
	#state: LinkState = "connecting";
	#connection: NatsConnection | undefined;
	#bus: Bus | undefined;
	#running: Promise<void> | undefined;
	#readySince = 0;

	constructor(nats: Omit<NatsOptions, "signal">, options: BusOptions, logger: Logger) {
		this.#nats = nats;
		this.#options = options;
		this.#logger = logger;
	}

	get state(): LinkState {
		return this.#state;
	}

	/** Milliseconds for which the link has been ready without a break; 0 when it is not. */
	get readyForMs(): number {
		return this.#state === "ready" ? performance.now() - this.#readySince : 0;
	}

	/** The bus, when it can be used now. */
	get ready(): ReadyBus | undefined {
		const connection = this.#connection;
		const bus = this.#bus;
		return this.#state === "ready" && connection !== undefined && bus !== undefined ? { connection, bus } : undefined;
	}

	/** Must be called before `start`. Listeners must not throw. */
	onReady(listener: (ready: ReadyBus) => void): void {
		this.#listeners.push(listener);
	}

	/** @param onFatal called when a server was refused for good (`nats_too_old`) */
	start(onFatal: (thrown: unknown) => void): void {
		this.#running = this.#run().catch((thrown) => {
			if (!this.#stopping.signal.aborted) onFatal(thrown);
		});
	}

	/** Flushes and closes the connection. Idempotent. */
	async stop(): Promise<void> {
		const up = this.#state === "ready" || this.#state === "connected";
		this.#setState("stopped");
		this.#stopping.abort();
		const connection = this.#connection;
		if (connection !== undefined && !connection.isClosed()) {
			// A drain waits for the server, which is not there while the link is down.
			await (up ? connection.drain() : connection.close()).catch(() => connection.close());
		}
		await this.#running;
	}

	async #run(): Promise<void> {
		const connection = await connectNats({ ...this.#nats, signal: this.#stopping.signal }, this.#logger);
		if (this.#stopping.signal.aborted) {
			await connection.close();
			return;
		}
		this.#connection = connection;
		// Not awaited: the client's statuses do not end with the connection.
		void this.#follow(connection);
		await this.#prepare(connection);
	}

	async #follow(connection: NatsConnection): Promise<void> {
		for await (const { type } of connection.status()) {
			if (type === "disconnect") this.#setState("disconnected");
			if (type === "reconnect") void this.#prepare(connection);
		}
	}

	/** Makes streams and buckets where they are missing, again and again until it works or the connection is gone. */
	async #prepare(connection: NatsConnection): Promise<void> {
		this.#setState("connected");
		while (this.#state === "connected") {
			try {
				const bus = await ensureBus(connection, this.#options);
				if (this.#state !== "connected") return;
				this.#bus = bus;
				this.#readySince = performance.now();
				this.#setState("ready");
				for (const listener of this.#listeners) listener({ connection, bus });
				return;
			} catch (thrown) {
				this.#logger.warn({ error: describeError(thrown) }, "streams and buckets cannot be made yet; trying on");
				await pause(RETRY_MS, this.#stopping.signal);
			}
		}
	}

	#setState(state: LinkState): void {
		if (this.#state === state || this.#state === "stopped") return;
		this.#logger.debug({ from: this.#state, to: state }, "link to the bus");
		this.#state = state;
	}
}
