// The connection to NATS, kept up for ever. The NATS client's own reconnecting is switched off: while it reconnects it
// buffers publishes without a limit and drops them at the next dial, and after an authorization error or a frozen server it
// may stop for good. Here a lost connection is one state, and nothing is published outside of `up`.
import { tenantInboxPrefix } from "@hookbus/schemas";
import { type ConnectionOptions, connect, credsAuthenticator, type NatsConnection, nkeyAuthenticator, type Status } from "nats";
import { ClientError, type FailureCode } from "./client-errors.js";
import type { ClientSettings } from "./client-options.js";
import type { ReportStatus } from "./client-status.js";
import { connectionError, publishFailure } from "./nats-failures.js";
import type { RoundTrip } from "./round-trip.js";

/** Milliseconds that one dial may take. */
const DIAL_TIMEOUT_MS = 5_000;
/** Milliseconds between two pings of the NATS client; two unanswered ones end the connection. */
const PING_INTERVAL_MS = 5_000;
/** Pause before dialling again: doubles from the first to the last value; half of it is random, so that clients spread. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
/** A confirmation is asked for after this many bytes, or this many milliseconds, of traffic. */
const CONFIRM_BYTES = 1024 * 1024;
const CONFIRM_INTERVAL_MS = 1_000;

export interface LinkHandlers {
	/** A new connection is up. Subscriptions of an earlier one are gone. */
	onUp(connection: NatsConnection): void;
	onDown(): void;
	/** The server refused a publish on this subject. */
	onPublishDenied(subject: string): void;
}

/**
 * States:
 *
 * | state | entered | left |
 * |---|---|---|
 * | idle | at the start | `start()` → dialling |
 * | dialling | from idle, pausing | connected → up; failed → pausing |
 * | pausing | after a failed dial or a lost connection | time is up → dialling |
 * | up | after a dial | connection lost, or no answer to two pings → pausing |
 * | closed | `close()`, from any state | never |
 */
export class BusLink {
	readonly #settings: ClientSettings;
	readonly #roundTrip: RoundTrip;
	readonly #report: ReportStatus;
	readonly #now: () => number;
	readonly #handlers: LinkHandlers;
	/** Set in state up only. */
	#connection: NatsConnection | undefined;
	#closed = false;
	#dialling = false;
	#run: Promise<void> | undefined;
	/** Ends the pause that is on. */
	#endPause: (() => void) | undefined;
	/** Servers that the cluster told about, besides those in the settings. */
	readonly #gossiped = new Set<string>();
	#lastDialError = "";
	#connects = 0;
	/** Bytes handed to this connection, and how many of them the server has confirmed by a pong. */
	#sentBytes = 0;
	#confirmedBytes = 0;
	#confirming = false;
	#confirmMark = 0;
	#confirmAt = 0;

	constructor(settings: ClientSettings, roundTrip: RoundTrip, report: ReportStatus, now: () => number, handlers: LinkHandlers) {
		this.#settings = settings;
		this.#roundTrip = roundTrip;
		this.#report = report;
		this.#now = now;
		this.#handlers = handlers;
	}

	/** The connection, while it is up. */
	get connection(): NatsConnection | undefined {
		return this.#connection;
	}

	/** Connections made so far. */
	get connects(): number {
		return this.#connects;
	}

	start(): void {
		this.#run ??= this.#keepUp();
	}

	/** Publishes, or says why not. Never buffers beyond maxUnconfirmedBytes, never throws. */
	publish(subject: string, body: Uint8Array, reply: string): { failure: FailureCode; detail: string } | undefined {
		const connection = this.#connection;
		if (connection === undefined) return { failure: "disconnected", detail: "there is no connection to NATS" };
		const unconfirmed = this.#sentBytes - this.#confirmedBytes + body.length;
		if (unconfirmed > this.#settings.maxUnconfirmedBytes) {
			this.#confirm(connection);
			return { failure: "overloaded", detail: `${unconfirmed} bytes are on their way and not confirmed by the server` };
		}
		try {
			connection.publish(subject, body, { reply });
		} catch (cause) {
			return publishFailure(cause);
		}
		this.#sentBytes += body.length;
		if (this.#sentBytes - this.#confirmMark > CONFIRM_BYTES || this.#now() - this.#confirmAt > CONFIRM_INTERVAL_MS)
			this.#confirm(connection);
		return undefined;
	}

	/** Ends the connection and the dialling. Idempotent; does not throw. */
	async close(): Promise<void> {
		this.#closed = true;
		this.#endPause?.();
		await this.#connection?.close();
		// A dial that is on cannot be stopped; it ends by itself within its timeout and is then closed.
		if (!this.#dialling) await this.#run;
	}

	async #keepUp(): Promise<void> {
		let pauseMs = FIRST_PAUSE_MS;
		while (!this.#closed) {
			const connection = await this.#dial();
			if (connection === undefined) {
				await this.#pause(pauseMs);
				pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
				continue;
			}
			if (this.#closed) return await connection.close();
			pauseMs = FIRST_PAUSE_MS;
			const why = await this.#use(connection);
			if (this.#closed) return;
			this.#report({
				type: "disconnected",
				error: connectionError(why ?? new Error("the server closed it"), "the connection to NATS was lost"),
			});
			await this.#pause(FIRST_PAUSE_MS);
		}
	}

	async #dial(): Promise<NatsConnection | undefined> {
		this.#dialling = true;
		try {
			return await connect(this.#connectionOptions());
		} catch (cause) {
			const error = connectionError(cause, `no connection to NATS at ${this.#settings.servers.join(", ")}`);
			// The same error again and again says nothing new.
			if (error.message !== this.#lastDialError && !this.#closed) this.#report({ type: "connect_failed", error });
			this.#lastDialError = error.message;
			return undefined;
		} finally {
			this.#dialling = false;
		}
	}

	/** Resolves with the reason when the connection has ended. */
	async #use(connection: NatsConnection): Promise<unknown> {
		this.#lastDialError = "";
		this.#connects++;
		this.#sentBytes = 0;
		this.#confirmedBytes = 0;
		this.#confirmMark = 0;
		this.#confirming = false;
		this.#connection = connection;
		void this.#follow(connection);
		this.#confirm(connection);
		this.#report({ type: "connected", server: connection.getServer() });
		try {
			this.#handlers.onUp(connection);
		} catch (cause) {
			// It can end between the handshake and the first subscription; then the next one is used.
			await connection.close();
			this.#connection = undefined;
			this.#handlers.onDown();
			return cause;
		}
		const why = await connection.closed();
		this.#connection = undefined;
		this.#handlers.onDown();
		return why;
	}

	async #follow(connection: NatsConnection): Promise<void> {
		for await (const status of connection.status()) this.#onStatus(connection, status);
	}

	#onStatus(connection: NatsConnection, status: Status): void {
		if (status.type === "staleConnection") {
			// The client would first flush to a server that no longer reads, which can take for ever.
			void connection.close();
		} else if (status.type === "update" && typeof status.data === "object") {
			for (const server of status.data.added) this.#gossiped.add(server);
			for (const server of status.data.deleted) this.#gossiped.delete(server);
		} else if (status.type === "error" && status.permissionContext !== undefined) {
			const { operation, subject } = status.permissionContext;
			const error = new ClientError("permission_denied", `NATS does not allow ${operation} on ${subject}`);
			this.#report({ type: "permission_denied", operation, subject, error });
			if (operation === "publish") this.#handlers.onPublishDenied(subject);
		}
	}

	/** Asks the server to answer; its answer confirms all bytes before it, and is a measure of the way. */
	#confirm(connection: NatsConnection): void {
		if (this.#confirming) return;
		this.#confirming = true;
		const mark = this.#sentBytes;
		const askedAt = this.#now();
		this.#confirmMark = mark;
		this.#confirmAt = askedAt;
		connection.flush().then(
			() => {
				if (this.#connection !== connection) return;
				this.#confirming = false;
				this.#confirmedBytes = mark;
				this.#roundTrip.observePing(this.#now() - askedAt);
			},
			// The connection ended; the counters start anew with the next one.
			() => undefined,
		);
	}

	async #pause(ms: number): Promise<void> {
		if (this.#closed) return;
		await new Promise<void>((resolve) => {
			const timer = setTimeout(resolve, ms / 2 + (Math.random() * ms) / 2);
			this.#endPause = () => {
				clearTimeout(timer);
				resolve();
			};
		});
		this.#endPause = undefined;
	}

	#connectionOptions(): ConnectionOptions {
		const settings = this.#settings;
		return {
			servers: [...settings.servers, ...this.#gossiped],
			name: settings.name,
			inboxPrefix: tenantInboxPrefix(settings.tenant),
			reconnect: false,
			timeout: DIAL_TIMEOUT_MS,
			pingInterval: PING_INTERVAL_MS,
			noAsyncTraces: true,
			...(settings.tls === undefined ? {} : { tls: settings.tls }),
			...authentication(settings),
		};
	}
}

function authentication({ credentials }: ClientSettings): ConnectionOptions {
	if (credentials === undefined) return {};
	if ("creds" in credentials) return { authenticator: credsAuthenticator(new TextEncoder().encode(credentials.creds)) };
	if ("nkeySeed" in credentials) return { authenticator: nkeyAuthenticator(new TextEncoder().encode(credentials.nkeySeed)) };
	return { ...credentials };
}
