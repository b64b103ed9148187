// Ctrl-C and SIGTERM: the first stops everything in order, the second kills it.
import type { LocalBus } from "./local-bus.js";

export interface StopSignals {
	/** Resolves when the first signal has come. */
	readonly first: Promise<NodeJS.Signals>;
	/** What the signals stop from now on. */
	watch(bus: Pick<LocalBus, "stop" | "kill">): void;
	/** True when a signal has come. */
	readonly come: boolean;
}

export function listenForStop(target: NodeJS.Process, note: (text: string) => void): StopSignals {
	let watched: Pick<LocalBus, "stop" | "kill"> | undefined;
	let count = 0;
	let resolveFirst: (signal: NodeJS.Signals) => void = () => undefined;
	const first = new Promise<NodeJS.Signals>((resolve) => {
		resolveFirst = resolve;
	});
	const handle = (signal: NodeJS.Signals): void => {
		count++;
		if (count > 1) {
			watched?.kill();
			target.exit(130);
		}
		note("stopping; once more kills everything at once");
		resolveFirst(signal);
		if (watched === undefined) target.exit(130);
		void watched.stop();
	};
	target.on("SIGINT", handle);
	target.on("SIGTERM", handle);
	return {
		first,
		watch(bus) {
			watched = bus;
		},
		get come() {
			return count > 0;
		},
	};
}
