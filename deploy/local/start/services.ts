// The three services of a local bus: how each is started, with which settings, and when it is ready.
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { pluginModule } from "../build.js";
import { inRepository, REPOSITORY } from "../repository.js";
import type { Home } from "./home.js";
import type { ServiceSpec } from "./supervised.js";

export function natsService(program: string, port: number, home: Home): ServiceSpec {
	const configFile = join(home.natsDir, "nats.conf");
	writeFileSync(
		configFile,
		[`listen: "127.0.0.1:${port}"`, `jetstream { store_dir: ${JSON.stringify(join(home.natsDir, "store"))} }`, ""].join("\n"),
	);
	return {
		name: "nats-server",
		command: program,
		args: ["-c", configFile],
		env: process.env,
		cwd: home.natsDir,
		ready: () => greets(port),
		readyTimeoutMs: 60_000,
		stopGraceMs: 15_000,
	};
}

export interface NodeService {
	readonly home: Home;
	readonly natsUrl: string;
	readonly port: number;
	/** Settings that the person set. */
	readonly env: NodeJS.ProcessEnv;
}

export function controlPlaneService({ home, natsUrl, port, env }: NodeService): ServiceSpec {
	return {
		name: "control plane",
		...nodeService("services/control-plane/dist/main.js", port),
		env: {
			...withApiCallModule(withMasterKey(env, home)),
			HOOKBUS_NATS_URL: natsUrl,
			HOOKBUS_DATA_DIR: home.controlPlaneDir,
			HOOKBUS_ADMIN_KEY_FILE: home.adminKeyFile,
			HOOKBUS_HTTP_PORT: String(port),
		},
		stopGraceMs: 60_000,
	};
}

export function runtimeService({ home, natsUrl, port, env }: NodeService): ServiceSpec {
	return {
		name: "runtime",
		...nodeService("services/runtime/dist/main.js", port),
		env: {
			...withMasterKey(env, home),
			HOOKBUS_NATS_URL: natsUrl,
			HOOKBUS_CACHE_DIR: home.modulesDir,
			HOOKBUS_HTTP_PORT: String(port),
		},
		stopGraceMs: 30_000,
	};
}

function nodeService(script: string, port: number): Omit<ServiceSpec, "name" | "env" | "stopGraceMs"> {
	return {
		command: process.execPath,
		args: [inRepository(script)],
		cwd: REPOSITORY,
		ready: async () => {
			const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) });
			await response.arrayBuffer();
			return response.ok;
		},
		readyTimeoutMs: 240_000,
	};
}

/** The person's key, else the one in the data directory; as a file, because others can see an environment. */
function withMasterKey(env: NodeJS.ProcessEnv, home: Home): NodeJS.ProcessEnv {
	const given = env["HOOKBUS_MASTER_KEY"] ?? env["HOOKBUS_MASTER_KEY_FILE"];
	return given === undefined ? { ...env, HOOKBUS_MASTER_KEY_FILE: home.masterKeyFile } : env;
}

/** The person's module for manifests that declare their requests, else the one that was built here. */
function withApiCallModule(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	const given = env["HOOKBUS_API_CALL_MODULE"] ?? env["HOOKBUS_API_CALL_MODULE_FILE"];
	return given === undefined ? { ...env, HOOKBUS_API_CALL_MODULE: pluginModule("api-call") } : env;
}

function greets(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ port, host: "127.0.0.1" });
		socket.setTimeout(2_000, () => socket.destroy());
		socket.once("data", (bytes) => {
			socket.destroy();
			resolve(bytes.toString("latin1").startsWith("INFO "));
		});
		socket.once("error", () => resolve(false));
		socket.once("close", () => resolve(false));
	});
}
