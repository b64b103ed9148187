// The runtime as a process.

import { describeError, onTerminationSignals, readSettings } from "@hookbus/foundation";
import pino from "pino";
import { setEngineFlags } from "./engine-flags.js";
import { startRuntime } from "./runtime.js";
import { RuntimeSettings } from "./settings.js";

setEngineFlags();

/** Milliseconds in which events are handed over before the process is killed. */
const HAND_OVER_MS = 1_000;

async function main(): Promise<void> {
	const settings = readSettings(RuntimeSettings, process.env);
	const logger = pino({ name: "hookbus-runtime", level: settings.HOOKBUS_LOG_LEVEL });
	let doomed = false;
	/** Waits for the start: threads may have to be ended before it is done, and there is no order to stop in until then. */
	const stop = async () => (await starting).stop();
	const lastResort = (reason: string) => {
		if (doomed) return;
		doomed = true;
		logger.fatal({ reason }, "handing over and ending the process");
		void stop().catch(() => undefined);
		// An exit would wait for the thread that cannot be ended.
		setTimeout(() => process.kill(process.pid, "SIGKILL"), HAND_OVER_MS);
	};
	const recycle = (reason: string) => {
		logger.warn({ reason }, "stopping in order, to be started anew");
		void stop().then(
			() => process.exit(0),
			() => process.exit(1),
		);
	};
	const starting = startRuntime({ settings, logger, lastResort, recycle });
	await starting;
	onTerminationSignals(process, stop, logger);
}

main().catch((thrown) => {
	process.stderr.write(`hookbus-runtime cannot start: ${describeError(thrown)}\n`);
	process.exitCode = 1;
	setTimeout(() => process.exit(1), 100).unref();
});
