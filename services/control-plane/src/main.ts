// The control plane as a process.
import { describeError, onTerminationSignals } from "@hookbus/foundation";
import pino from "pino";
import { startControlPlane } from "./compose.js";
import { readControlPlaneSettings } from "./settings.js";

async function main(): Promise<void> {
	const settings = readControlPlaneSettings(process.env);
	const logger = pino({ name: "hookbus-control-plane", level: settings.HOOKBUS_LOG_LEVEL });
	let stop = async () => {};
	const onFatal = (thrown: unknown) => {
		logger.fatal({ error: describeError(thrown) }, "the control plane cannot go on");
		process.exitCode = 1;
		void stop()
			.catch(() => undefined)
			.finally(() => process.exit(1));
	};
	const controlPlane = await startControlPlane({
		settings,
		logger,
		print: (line) => process.stdout.write(`${line}\n`),
		onFatal,
	});
	stop = () => controlPlane.stop();
	onTerminationSignals(process, stop, logger);
}

main().catch((thrown: unknown) => {
	process.stderr.write(`hookbus-control-plane cannot start: ${describeError(thrown)}\n`);
	process.exit(1);
});
