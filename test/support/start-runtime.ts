// Starts the runtime as its own process, as in production, or in the test's process where a test must look inside.
import { resolve } from "node:path";
import { readSettings } from "@hookbus/foundation";
import { type Runtime, RuntimeSettings, startRuntime as start } from "@hookbus/runtime";
import pino from "pino";
import { closeAfter } from "./close-after.js";
import { TEST_MASTER_KEY } from "./route-tables.js";
import { type StartedProcess, startProcess } from "./start-process.js";
import { makeTempDir, removeDir } from "./temp-dir.js";
import { waitFor } from "./wait-for.js";

export interface RuntimeOptions {
	readonly natsUrl: string;
	readonly id?: string;
	/** More settings, by the name of their variable. */
	readonly settings?: Readonly<Record<string, string>>;
}

/** For tests that look at one failure after the other: the plugin is run again, however often it failed. */
export const PATIENT = { HOOKBUS_BREAKER_FAILURES: "1000" } as const;

function environment(options: RuntimeOptions, cache: string): Record<string, string> {
	return {
		HOOKBUS_NATS_URL: options.natsUrl,
		HOOKBUS_MASTER_KEY: TEST_MASTER_KEY,
		HOOKBUS_CACHE_DIR: cache,
		HOOKBUS_HTTP_PORT: "0",
		HOOKBUS_LOG_LEVEL: "info",
		...(options.id === undefined ? {} : { HOOKBUS_RUNTIME_ID: options.id }),
		...options.settings,
	};
}

/** A runtime in this process; stopped after the test. */
export async function startRuntimeHere(options: RuntimeOptions): Promise<Runtime> {
	const cache = makeTempDir("modules");
	const runtime = await start({
		settings: readSettings(
			RuntimeSettings,
			environment({ ...options, settings: { HOOKBUS_LOG_LEVEL: "warn", ...options.settings } }, cache),
		),
		logger: pino({ level: process.env.TEST_LOG_LEVEL ?? "silent" }),
		lastResort: (reason) => {
			throw new Error(reason);
		},
		recycle: (reason) => {
			throw new Error(reason);
		},
	});
	closeAfter(async () => {
		await runtime.stop();
		removeDir(cache);
	});
	return runtime;
}

/** A runtime as a process of its own; resolves when it says that it runs. Killed after the test. */
export async function spawnRuntime(options: RuntimeOptions): Promise<StartedProcess> {
	const cache = makeTempDir("modules");
	const entry = resolve(import.meta.dirname, "../../services/runtime/dist/main.js");
	const runtime = await startProcess(process.execPath, [entry], {
		name: `runtime ${options.id ?? ""}`,
		env: { PATH: process.env.PATH ?? "", ...environment(options, cache) },
	});
	closeAfter(async () => {
		await runtime.kill9();
		removeDir(cache);
	});
	await waitFor(
		`the runtime says that it runs: ${runtime.output()}`,
		() => !runtime.alive || runtime.output().includes("runtime is running"),
		{ timeoutMs: 90_000 },
	);
	if (!runtime.alive) throw new Error(`the runtime ended:\n${runtime.output()}`);
	return runtime;
}
