// Runs in the main process: before the first test file and after the last one.
import type { TestProject } from "vitest/node";
import "../support/create-database.js";
import { startDatabaseBroker } from "../support/database-broker.js";

/**
 * The time at which the run is cut short, in milliseconds since 1970, stands in HOOKBUS_TEST_UNTIL: tests that run then are
 * finished, and no other is begun. Absent: it runs to its end.
 */
function cutShort({ vitest }: TestProject): NodeJS.Timeout | undefined {
	const until = process.env["HOOKBUS_TEST_UNTIL"];
	if (until === undefined) return undefined;
	return setTimeout(() => void vitest.cancelCurrentRun("keyboard-input"), Math.max(0, Number(until) - Date.now()));
}

export default async function oncePerRun(project: TestProject): Promise<() => Promise<void>> {
	const broker = await startDatabaseBroker();
	project.provide("databaseBroker", broker.url);
	const cut = cutShort(project);
	return async () => {
		clearTimeout(cut);
		await broker.close();
	};
}
