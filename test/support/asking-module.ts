// The module of test/plugins-wasm/asking-module, compiled once for each process: what a plugin of it answers to a list of calls.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Verdict } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { buildModule } from "../../plugins-wasm/build-plugin.js";
import { ask } from "./ask.js";
import { chatEvent } from "./events.js";
import { makeTempDir, removeDir } from "./temp-dir.js";

/** Name of a host function, and its arguments as text. */
export type Call = readonly [name: string, ...given: string[]];

export async function askingModule(): Promise<Uint8Array> {
	const directory = makeTempDir("asking-module");
	try {
		return readFileSync((await buildModule(resolve(import.meta.dirname, "../plugins-wasm/asking-module"), directory)).wasm);
	} finally {
		removeDir(directory);
	}
}

/** Sends an event to an assistant whose plugin makes these calls. */
export function askForCalls(
	connection: NatsConnection,
	calls: readonly Call[],
	{ assistant = "support", tenant = "acme" } = {},
): Promise<Verdict> {
	return ask(connection, chatEvent(JSON.stringify(calls), { assistant, tenant }));
}

/** What the host answered, call by call; fails when the plugin was not done. */
export function answersOf(verdict: Verdict): unknown[] {
	const [entry] = verdict.trail;
	if (entry?.outcome !== "ok") throw new Error(`the plugin was not done: ${entry?.outcome} ${entry?.error}`);
	return verdict.annotations?.[entry.plugin]?.["answers"] as unknown[];
}
