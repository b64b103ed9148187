// call_1k_vs_plain, call_4k_pdk_vs_plain, call_vs_run_in_worker: what isolation adds to one call of a plugin. The plugin is
// hello-world, built with the unmodified Extism PDK for AssemblyScript.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import createPlugin from "@extism/extism";
import { LoadedPlugin } from "@hookbus/runtime";
import { pluginImage } from "../../support/plugin-image.js";
import { type Pair, timeInTurns } from "../measure.js";
import { eventOfBytes } from "./round-trip.js";

const wasm = resolve(import.meta.dirname, "../../../plugins-wasm/hello-world/build/plugin.wasm");
const EXPORT = "on_chat_message";

export interface CallNumbers {
	readonly call_1k_vs_plain: number;
	readonly call_4k_pdk_vs_plain: number;
	readonly call_vs_run_in_worker: number;
	readonly detail: {
		readonly ours1kUs: number;
		readonly plain1kUs: number;
		readonly ours4kUs: number;
		readonly plain4kUs: number;
		readonly workerUs: number;
	};
}

export async function benchPluginCall(): Promise<CallNumbers> {
	const bytes = readFileSync(wasm);
	const loaded = new LoadedPlugin(await pluginImage(bytes));
	const ours = (input: string) => async () => {
		const { failure } = await loaded.invoke(EXPORT, input);
		if (failure !== undefined) throw new Error(failure.message);
	};
	const plain = await createPlugin({ wasm: [{ data: bytes }] }, { config: { config: "{}" } });
	const compare = (input: string): Promise<Pair> => timeInTurns(ours(input), () => plain.call(EXPORT, input), 20, 100);
	const small = await compare(eventOfBytes(1_024));
	const large = await compare(eventOfBytes(4_096));
	const workerUs = await timeRunInWorker(bytes, ours(eventOfBytes(1_024)));
	return {
		call_1k_vs_plain: small.ours / small.other,
		call_4k_pdk_vs_plain: large.ours / large.other,
		call_vs_run_in_worker: workerUs.other / workerUs.ours,
		detail: {
			ours1kUs: small.ours,
			plain1kUs: small.other,
			ours4kUs: large.ours,
			plain4kUs: large.other,
			workerUs: workerUs.other,
		},
	};
}

async function timeRunInWorker(bytes: Uint8Array, ours: () => Promise<void>): Promise<Pair> {
	const plugin = await createPlugin(
		{ wasm: [{ data: bytes }] },
		{ config: { config: "{}" }, runInWorker: true, timeoutMs: 5_000 },
	);
	const input = eventOfBytes(1_024);
	const pair = await timeInTurns(ours, () => plugin.call(EXPORT, input), 5, 40);
	await plugin.close();
	return pair;
}
