// A real control plane in the test's process: own data directory, any free port, closed with the test.
import { randomBytes } from "node:crypto";
import { Writable } from "node:stream";
import { type ControlPlane, readControlPlaneSettings, startControlPlane } from "@hookbus/control-plane";
import pino from "pino";
import { ApiClient } from "./api-client.js";
import { closeAfter } from "./close-after.js";
import { seedPglite } from "./pglite-template.js";
import { TEST_MASTER_KEY } from "./route-tables.js";
import { tempDir } from "./temp-dir.js";

export interface ControlPlaneOptions {
	readonly natsUrl: string;
	/** PostgreSQL URL; absent: PGlite in the data directory. */
	readonly databaseUrl?: string | undefined;
	/** Default: a fresh one. */
	readonly dataDir?: string;
	readonly masterKey?: string;
	/** How often bus and database are compared; default: as in production. */
	readonly relayTiming?: { readonly reconcileMs?: number; readonly moduleGraceMs?: number; readonly tableGraceMs?: number };
	/** Milliseconds of silence before a live feed's heartbeat; default: as in production. */
	readonly liveHeartbeatMs?: number;
	/** Milliseconds of silence after which a runtime counts as gone; default: as in production. Short only where no real runtime runs. */
	readonly heartbeatExpiryMs?: number;
	/** Milliseconds between two looks at recordings; default: as in production. */
	readonly recordingLookMs?: number;
	/** More settings, as environment variables. */
	readonly env?: Readonly<Record<string, string>>;
}

export interface StartedControlPlane {
	readonly plane: ControlPlane;
	readonly url: string;
	readonly dataDir: string;
	/** Calls with the first admin key; only where this start made one. */
	readonly admin: ApiClient;
	/** Everything that was logged (level debug), one JSON object for each line. */
	logs(): string;
	/** What the service could not go on with. */
	readonly fatal: unknown[];
	stop(): Promise<void>;
}

/** Starts a control plane and resolves when it listens; NATS may not be ready yet, ask {@link ApiClient.ready}. */
export async function startTestControlPlane(options: ControlPlaneOptions): Promise<StartedControlPlane> {
	const dataDir = options.dataDir ?? tempDir("control-plane");
	if (options.databaseUrl === undefined) await seedPglite(dataDir);
	const lines: string[] = [];
	const sink = new Writable({
		write(chunk: Buffer, _encoding, done) {
			lines.push(chunk.toString("utf8"));
			done();
		},
	});
	const fatal: unknown[] = [];
	const settings = readControlPlaneSettings({
		HOOKBUS_NATS_URL: options.natsUrl,
		HOOKBUS_DATA_DIR: dataDir,
		HOOKBUS_MASTER_KEY: options.masterKey ?? TEST_MASTER_KEY,
		HOOKBUS_HTTP_PORT: "0",
		HOOKBUS_DATABASE_TIMEOUT_MS: "60000",
		// Tests send thousands of requests from one address; those about limits set their own.
		HOOKBUS_RATE_LIMIT_PER_KEY: "0",
		HOOKBUS_RATE_LIMIT_PER_ADDRESS: "0",
		...(options.databaseUrl === undefined ? {} : { HOOKBUS_DATABASE_URL: options.databaseUrl }),
		...options.env,
	});
	const plane = await startControlPlane({
		settings,
		logger: pino({ level: "debug" }, sink),
		print: () => undefined,
		onFatal: (thrown) => fatal.push(thrown),
		liveHeartbeatMs: options.liveHeartbeatMs,
		heartbeatExpiryMs: options.heartbeatExpiryMs,
		recordingLookMs: options.recordingLookMs,
		...(options.relayTiming === undefined ? {} : { relayTiming: options.relayTiming }),
	});
	closeAfter(() => plane.stop());
	return {
		plane,
		url: plane.url,
		dataDir,
		admin: new ApiClient(plane.url, plane.firstKey),
		logs: () => lines.join(""),
		fatal,
		stop: () => plane.stop(),
	};
}

/** 32 fresh bytes, base64. */
export function randomMasterKey(): string {
	return randomBytes(32).toString("base64");
}
