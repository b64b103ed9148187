// The data directory: what survives a restart, and the note of the bus that runs on it. Two at once on one directory would
// destroy the embedded database, so the note is also a lock.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where a running bus can be reached; other commands read it. */
export interface RunningBus {
	/** Process id of `npm start`. */
	readonly pid: number;
	readonly natsUrl: string;
	readonly apiUrl: string;
	readonly runtimeUrl: string;
	readonly tenant: string;
}

export interface Home {
	readonly dir: string;
	readonly adminKeyFile: string;
	readonly masterKeyFile: string;
	readonly natsDir: string;
	readonly controlPlaneDir: string;
	readonly modulesDir: string;
	readonly logDir: string;
	/** Exists when the sample plugins were installed once; an admin who removed one does not get it back. */
	readonly samplesMark: string;
}

/** Makes the directory and the master key where they are missing. */
export function openHome(dir: string): Home {
	const home: Home = {
		dir,
		adminKeyFile: join(dir, "admin.key"),
		masterKeyFile: join(dir, "master.key"),
		natsDir: join(dir, "nats"),
		controlPlaneDir: join(dir, "control-plane"),
		modulesDir: join(dir, "modules"),
		logDir: join(dir, "log"),
		samplesMark: join(dir, "samples-installed"),
	};
	for (const path of [dir, home.natsDir, home.controlPlaneDir, home.modulesDir, home.logDir]) {
		mkdirSync(path, { recursive: true, mode: 0o700 });
	}
	if (!existsSync(home.masterKeyFile)) {
		writeFileSync(home.masterKeyFile, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
	}
	return home;
}

/** The admin key; undefined when there is none in the directory. */
export function readAdminKey(home: Home): string | undefined {
	return existsSync(home.adminKeyFile) ? readFileSync(home.adminKeyFile, "utf8").trim() : undefined;
}

/** The bus that runs on this directory; undefined when none does. */
export function readRunningBus(dir: string): RunningBus | undefined {
	const file = noteFile(dir);
	if (!existsSync(file)) return undefined;
	try {
		const bus = JSON.parse(readFileSync(file, "utf8")) as RunningBus;
		process.kill(bus.pid, 0);
		return bus.natsUrl === undefined ? undefined : bus;
	} catch {
		// It ended without taking its note away, or while it wrote it.
		return undefined;
	}
}

/** Notes the running bus; the returned function takes the note away. */
export function noteRunningBus(dir: string, bus: RunningBus): () => void {
	writeFileSync(noteFile(dir), `${JSON.stringify(bus, null, 2)}\n`);
	return () => rmSync(noteFile(dir), { force: true });
}

function noteFile(dir: string): string {
	return join(dir, "running.json");
}
