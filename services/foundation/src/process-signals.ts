// The first SIGTERM or SIGINT drains, the second ends the process at once. Without the second, a service that hangs while
// draining could only be ended by SIGKILL, and without the first every deployment would lose what is in flight.
import type { Logger } from "pino";

/**
 * Connects the process's signals to `stop`. Exits with 0 after a clean stop, 1 after a failed one, 130 on the second signal.
 *
 * @returns a function that removes the handlers
 */
export function onTerminationSignals(target: NodeJS.Process, stop: () => Promise<void>, logger: Logger): () => void {
	let signals = 0;
	const handle = (signal: NodeJS.Signals) => {
		signals += 1;
		if (signals > 1) {
			logger.warn({ signal }, "second signal: ending at once");
			target.exit(130);
		}
		logger.info({ signal }, "draining");
		stop().then(
			() => target.exit(0),
			() => target.exit(1),
		);
	};
	target.on("SIGTERM", handle);
	target.on("SIGINT", handle);
	return () => {
		target.off("SIGTERM", handle);
		target.off("SIGINT", handle);
	};
}
