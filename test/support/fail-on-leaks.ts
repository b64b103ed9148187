// Fails a test file that leaves something running: a process, a server, a connection. Leaks do not fail the test
// that made them; they fail a later one, on another machine.
import { setTimeout as delay } from "node:timers/promises";
import { runningProcesses } from "./start-process.js";

const WATCHED = ["TCPServerWrap", "TCPSocketWrap", "ProcessWrap"] as const;

/** Milliseconds that connections get to finish closing. */
const GRACE_MS = 3_000;

export type OpenResources = Readonly<Record<string, number>>;

/** How many resources of each watched kind are open in this process. */
export function openResources(): OpenResources {
	const open: Record<string, number> = {};
	for (const kind of process.getActiveResourcesInfo()) {
		if ((WATCHED as readonly string[]).includes(kind)) open[kind] = (open[kind] ?? 0) + 1;
	}
	return open;
}

/**
 * Waits until nothing is open that was not open before.
 *
 * @throws Error that names what is left
 */
export async function failOnLeaks(before: OpenResources): Promise<void> {
	const deadline = performance.now() + GRACE_MS;
	for (;;) {
		const left = leaks(before);
		if (left.length === 0) return;
		if (performance.now() >= deadline) throw new Error(`still open after the last test of the file: ${left.join(", ")}`);
		await delay(20);
	}
}

function leaks(before: OpenResources): string[] {
	const processes = runningProcesses().map((child) => `process ${child.name} (pid ${child.pid})`);
	const resources = Object.entries(openResources())
		.filter(([kind, count]) => count > (before[kind] ?? 0))
		.map(([kind, count]) => `${count - (before[kind] ?? 0)} × ${kind}`);
	return [...processes, ...resources];
}
