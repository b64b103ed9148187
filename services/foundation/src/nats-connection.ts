// One way to connect to NATS for both services: never give up, spread reconnects, know the server's age. The client's own
// default gives up for ever after ten reconnects and buffers publishes without end, which would lose a runtime silently.
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionOptions, connect, type NatsConnection } from "nats";
import type { Logger } from "pino";
import { defineErrors, describeError } from "./define-errors.js";
import { hostOf, natsServers, usesTls } from "./deployment-profile.js";
import { admitsAnybody } from "./nats-admission.js";
import type { NatsAuthentication } from "./nats-credentials.js";
import { tlsFailure } from "./nats-tls-failure.js";

const errors = defineErrors({
	nats_too_old: { title: "The NATS server is too old", status: 500, retryable: false },
	nats_open: { title: "The NATS server admits anybody", status: 500, retryable: false },
	nats_tls_failed: { title: "No trusted TLS connection to NATS", status: 500, retryable: false },
});

/** Milliseconds between two attempts to reach a first server, plus up to as many at random. */
const RETRY_MS = 250;
/** A warning for every so many attempts, not to fill the log while a server is down. */
const WARN_EVERY = 40;

export interface NatsOptions {
	/** Comma-separated server URLs, `nats://host:port`; one with `tls://` demands TLS of all. */
	readonly url: string;
	/** Certificates (PEM) of the servers' authorities; default: the public ones. */
	readonly ca?: string | undefined;
	/** true: a server that admits connections without credentials is refused; default: warn. */
	readonly requireCredentials?: boolean;
	/** Shown in the server's connection list. */
	readonly name: string;
	readonly inboxPrefix?: string;
	/** See natsAuthentication; default: none. */
	readonly authentication?: NatsAuthentication;
	/** true: refuse servers older than the last security fixes; false: warn. */
	readonly requireSafeVersion: boolean;
	/** Ends the wait for the first server; a service that stops before one ever answered needs it. */
	readonly signal?: AbortSignal;
}

/** Lowest server versions that hold the security fixes named in the NATS advisories of 2026. */
const SAFE_VERSIONS: readonly (readonly [number, number, number])[] = [
	[2, 11, 16],
	[2, 12, 7],
	[2, 14, 0],
];

/** True when a server version holds the last security fixes. */
export function isSafeNatsVersion(version: string): boolean {
	const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
	if (major !== 2) return major > 2;
	if (minor > 14) return true;
	return SAFE_VERSIONS.some(([, safeMinor, safePatch]) => minor === safeMinor && patch >= safePatch);
}

/**
 * Connects and keeps the connection for ever. Resolves when the first server answers; until then it tries on.
 *
 * @throws CodedError `nats_too_old` when the server lacks security fixes, with `requireSafeVersion`; `nats_open` with
 * `requireCredentials`; `nats_tls_failed` when TLS is demanded and not to be had, or the server's certificate is not to be trusted; the
 * signal's reason when it was aborted before a server answered
 */
export async function connectNats(options: NatsOptions, logger: Logger): Promise<NatsConnection> {
	const servers = natsServers(options.url);
	// Given at all, it is demanded: a server, or somebody on the way, that offers none is not talked to.
	const tls =
		servers.some(usesTls) || options.ca !== undefined ? { tls: options.ca === undefined ? {} : { ca: options.ca } } : {};
	const place = { servers, ...tls };
	const settings: ConnectionOptions = {
		...place,
		name: options.name,
		maxReconnectAttempts: -1,
		reconnectTimeWait: 250,
		reconnectJitter: 250,
		pingInterval: 10_000,
		maxPingOut: 2,
		...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
		...options.authentication,
	};
	const connection = await firstConnection(settings, options, logger);
	const { requireCredentials = false } = options;
	if (await admitsAnybody(connection, place, requireCredentials)) {
		const message =
			"the NATS server admits connections without credentials: it has no authorization, or no_auth_user in its configuration; " +
			"anybody who reaches it reads and writes there. npm run nats:config makes a configuration with users";
		if (requireCredentials) {
			await connection.close();
			throw errors.nats_open(message);
		}
		logger.warn(message);
	}
	const version = connection.info?.version ?? "0.0.0";
	if (!isSafeNatsVersion(version)) {
		const message = `NATS server ${version} lacks security fixes of 2026; use 2.11.16, 2.12.7, 2.14.0 or newer`;
		if (options.requireSafeVersion) {
			await connection.close();
			throw errors.nats_too_old(message);
		}
		logger.warn({ version }, message);
	}
	void logStatus(connection, logger);
	return connection;
}

/** Tries until a server answers. The client could do so by itself, but could then not be told to stop. */
async function firstConnection(settings: ConnectionOptions, options: NatsOptions, logger: Logger): Promise<NatsConnection> {
	for (let attempt = 0; ; attempt += 1) {
		options.signal?.throwIfAborted();
		try {
			return await connect(settings);
		} catch (thrown) {
			const why = tlsFailure(thrown);
			if (why !== undefined) {
				const hosts = natsServers(options.url).map(hostOf).join(", ");
				throw errors.nats_tls_failed(`no trusted TLS connection to NATS at ${hosts}: ${why}`, { cause: thrown });
			}
			if (attempt % WARN_EVERY === 0) logger.warn({ error: describeError(thrown) }, "NATS cannot be reached yet; trying on");
			await delay(RETRY_MS + Math.random() * RETRY_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
		}
	}
}

async function logStatus(connection: NatsConnection, logger: Logger): Promise<void> {
	for await (const status of connection.status()) {
		if (status.type === "disconnect" || status.type === "reconnect" || status.type === "ldm") {
			logger.warn({ nats: status.type, server: String(status.data) }, `NATS ${status.type}`);
		} else if (status.type === "error") {
			logger.error({ nats: status.type, error: String(status.data) }, "NATS error");
		}
	}
}
