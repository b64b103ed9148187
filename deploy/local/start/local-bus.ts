// A whole bus on this machine: NATS, control plane and runtime as child processes, started and stopped in order.
//
// start: 1 NATS  2 control plane and runtime together, each waits for what it needs
// stop:  1 the runtime drains  2 the control plane stores what the runtime reported  3 NATS
import type { Progress } from "../progress.js";
import { ensureNatsServer } from "../tools/nats-server.js";
import { choosePort } from "./choose-port.js";
import { type Home, noteRunningBus, type RunningBus, readRunningBus } from "./home.js";
import { controlPlaneService, natsService, runtimeService } from "./services.js";
import type { StartSettings } from "./settings.js";
import { SupervisedService } from "./supervised.js";

export interface LocalBus {
	readonly running: RunningBus;
	/** Stops everything in order. Idempotent. */
	stop(): Promise<void>;
	/** Kills everything at once. */
	kill(): void;
}

/** The tenant that a fresh control plane makes. */
const TENANT = "default";

/**
 * Starts the bus on a data directory and resolves when all of it is ready.
 *
 * @param starting gets the stop function before anything is started, so that a signal can use it at any time
 * @throws Error when something runs on the directory already, a port is taken, or a service does not get ready
 */
export async function startLocalBus(
	settings: StartSettings,
	home: Home,
	progress: Progress,
	starting: (bus: Pick<LocalBus, "stop" | "kill">) => void,
): Promise<LocalBus> {
	const other = readRunningBus(home.dir);
	if (other !== undefined) {
		throw new Error(`Hookbus runs already on ${home.dir} (process ${other.pid}, ${other.apiUrl}); stop it, or set HOOKBUS_HOME`);
	}
	const services: SupervisedService[] = [];
	let removeNote = (): void => undefined;
	let stopped: Promise<void> | undefined;
	const stop = (): Promise<void> => {
		stopped ??= (async () => {
			// The last started is the first to go.
			for (const service of [...services].reverse()) await service.stop();
			removeNote();
		})();
		return stopped;
	};
	const kill = (): void => {
		for (const service of services) service.kill();
		removeNote();
	};
	starting({ stop, kill });

	const taken = new Set<number>();
	const supervise = (spec: ConstructorParameters<typeof SupervisedService>[0]): SupervisedService => {
		if (stopped !== undefined) throw new Error("stopped while starting");
		const service = new SupervisedService(spec, { logDir: home.logDir, note: progress.note });
		services.push(service);
		return service;
	};
	try {
		let { natsUrl } = settings;
		if (natsUrl === undefined) {
			const program = await ensureNatsServer(progress);
			const port = await choosePort("nats", settings.ports.nats, taken, progress.note);
			await progress.step("nats-server", () => supervise(natsService(program, port, home)).start());
			natsUrl = `nats://127.0.0.1:${port}`;
		}
		const apiPort = await choosePort("controlPlane", settings.ports.controlPlane, taken, progress.note);
		const runtimePort = await choosePort("runtime", settings.ports.runtime, taken, progress.note);
		const common = { home, natsUrl };
		const controlPlane = supervise(controlPlaneService({ ...common, port: apiPort, env: settings.environments.controlPlane }));
		const runtime = supervise(runtimeService({ ...common, port: runtimePort, env: settings.environments.runtime }));
		await progress.step("control plane and runtime", async () => {
			await Promise.all([controlPlane.start(), runtime.start()]);
		});
		const running: RunningBus = {
			pid: process.pid,
			natsUrl,
			apiUrl: `http://127.0.0.1:${apiPort}`,
			runtimeUrl: `http://127.0.0.1:${runtimePort}`,
			tenant: TENANT,
		};
		removeNote = noteRunningBus(home.dir, running);
		return { running, stop, kill };
	} catch (thrown) {
		await stop();
		throw thrown;
	}
}
