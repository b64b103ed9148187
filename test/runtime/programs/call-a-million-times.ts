// Calls one plugin a million times and prints what was seen, as JSON: calls that did not see fresh state, and the resident
// memory along the way. A program of its own, because the memory of a test process tells of all its tests.
import { LoadedPlugin, setEngineFlags } from "@hookbus/runtime";
import { fixtureModule } from "../../support/module-returning.js";
import { pluginImage } from "../../support/plugin-image.js";

const CALLS = 1_000_000;
/** Calls after which memory has settled: code is compiled, heaps have their size. */
const SETTLED = 200_000;
const SAMPLES = 40;

setEngineFlags();
const plugin = new LoadedPlugin(await pluginImage(await fixtureModule("count-calls")));
const input = Buffer.from(JSON.stringify({ text: "x".repeat(1_000) }));
const megabytes: number[] = [];
let wrong = 0;
for (let call = 1; call <= CALLS; call += 1) {
	const { result, failure } = await plugin.invoke("on_chat_message", input);
	if (failure !== undefined || result?.annotations?.calls !== "1") wrong += 1;
	if (call >= SETTLED && (call - SETTLED) % ((CALLS - SETTLED) / SAMPLES) === 0) {
		// So that what is measured is what is kept, not what is not yet collected.
		globalThis.gc?.();
		megabytes.push(Math.round(process.memoryUsage.rss() / 104_857.6) / 10);
	}
}
process.stdout.write(`${JSON.stringify({ calls: CALLS, wrong, megabytes })}\n`);
