// The control plane as a process of its own, as in production, for tests that kill it or look at it from outside.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ApiClient } from "./api-client.js";
import { closeAfter } from "./close-after.js";
import { seedPglite } from "./pglite-template.js";
import { TEST_MASTER_KEY } from "./route-tables.js";
import { type StartedProcess, startProcess } from "./start-process.js";
import { tempDir } from "./temp-dir.js";
import { waitFor } from "./wait-for.js";

const ENTRY = resolve(import.meta.dirname, "../../services/control-plane/dist/main.js");

export interface SpawnOptions {
	/** Default: a fresh one. A PGlite database is put into it when it has none, unless `makesDatabase`. */
	readonly dataDir?: string;
	/** true: it makes its PGlite database itself, as on the first start of a new installation. */
	readonly makesDatabase?: boolean;
	/** More settings, by the name of their variable. */
	readonly env?: Readonly<Record<string, string>>;
	/** true: it is expected to end by itself, so nobody waits until it listens. */
	readonly expectExit?: boolean;
}

export interface SpawnedControlPlane {
	readonly process: StartedProcess;
	readonly url: string;
	readonly dataDir: string;
	readonly key: string;
	readonly admin: ApiClient;
}

/** Starts it without NATS unless `env` names one; resolves when it listens. */
export async function spawnControlPlane(options: SpawnOptions = {}): Promise<SpawnedControlPlane> {
	const dataDir = options.dataDir ?? tempDir("spawned");
	const keyFile = join(dataDir, "admin-key");
	const needsDatabase = options.env?.["HOOKBUS_DATABASE_URL"] === undefined && options.expectExit !== true;
	if (needsDatabase && options.makesDatabase !== true) await seedPglite(dataDir);
	const child = await startProcess(process.execPath, [ENTRY], {
		name: "control plane",
		env: {
			PATH: process.env["PATH"] ?? "",
			HOOKBUS_NATS_URL: "nats://127.0.0.1:9",
			HOOKBUS_DATA_DIR: dataDir,
			HOOKBUS_MASTER_KEY: TEST_MASTER_KEY,
			HOOKBUS_HTTP_PORT: "0",
			HOOKBUS_ADMIN_KEY_FILE: keyFile,
			HOOKBUS_RATE_LIMIT_PER_KEY: "0",
			HOOKBUS_RATE_LIMIT_PER_ADDRESS: "0",
			...options.env,
		},
	});
	closeAfter(() => child.kill9());
	if (options.expectExit === true) return { process: child, url: "", dataDir, key: "", admin: new ApiClient("", undefined) };
	const url = await waitFor(
		"the control plane listens",
		() => {
			if (!child.alive) throw new Error(child.output());
			return /"url":"(http:[^"]+)"/.exec(child.output())?.[1];
		},
		{ timeoutMs: 300_000 },
	);
	const key = existsSync(keyFile) ? readFileSync(keyFile, "utf8").trim() : "";
	return { process: child, url, dataDir, key, admin: new ApiClient(url, key) };
}
