// Runs the cases and prints their numbers: a table for people, one JSON object with --json.
import { parseArgs } from "node:util";
import { setEngineFlags } from "@hookbus/runtime";
import { findExecutable } from "../support/find-executable.js";
import { startBenchBus } from "./bench-bus.js";
import { benchPluginCall } from "./cases/plugin-call.js";
import { benchRoundTrip } from "./cases/round-trip.js";
import { benchUnusedHook } from "./cases/unused-hook.js";
import { benchScale } from "./scale/run-scale.js";

const GOALS: Readonly<Record<string, string>> = {
	roundtrip_p50_vs_bare: "≤ 1.5",
	throughput_vs_bare: "≥ 0.7",
	unused_hook_vs_no_responders: "≤ 1.1",
	call_1k_vs_plain: "≤ 1.25",
	call_4k_pdk_vs_plain: "≤ 0.4",
	call_vs_run_in_worker: "≥ 20",
};
/** Of the case `scale`, which takes minutes and is run only when it is asked for. */
const SCALE_GOALS: Readonly<Record<string, string>> = {
	scale_answer_p95_ms: "≤ 100",
	scale_change_p50_ms: "≤ 1000",
	scale_change_pause_ms: "≤ 100",
	scale_take_ms: "≤ 2000",
	scale_take_pause_ms: "≤ 50",
	scale_event_vs_small: "≤ 1.1",
};

const { values, positionals } = parseArgs({ options: { json: { type: "boolean", default: false } }, allowPositionals: true });
const unknown = positionals.filter((name) => name !== "scale" && !Object.hasOwn(GOALS, name));
if (unknown.length > 0) {
	process.stderr.write(`no number is called ${unknown.join(", ")}; there are ${Object.keys(GOALS).join(", ")}, and scale\n`);
	process.exit(2);
}
const wanted = (...names: string[]) => positionals.length === 0 || names.some((name) => positionals.includes(name));
const say = (text: string) => {
	if (!values.json) process.stderr.write(`${text}\n`);
};

setEngineFlags();
const numbers: Record<string, number> = {};
const details: Record<string, unknown> = {};
const keep = (result: object) => {
	for (const [name, value] of Object.entries(result)) {
		if (typeof value === "number") numbers[name] = Math.round(value * 1_000) / 1_000;
		else Object.assign(details, value);
	}
};

if (wanted("call_1k_vs_plain", "call_4k_pdk_vs_plain", "call_vs_run_in_worker")) {
	say("one plugin call …");
	keep(await benchPluginCall());
}
const bus = await startBenchBus(findExecutable("nats-server"));
if (wanted("unused_hook_vs_no_responders")) {
	say("an unused hook …");
	keep(await benchUnusedHook(bus));
}
if (wanted("roundtrip_p50_vs_bare", "throughput_vs_bare")) {
	say("the round trip …");
	keep(await benchRoundTrip(bus));
}
if (positionals.includes("scale")) keep(await benchScale(bus, say));
await bus.stop();

if (values.json) {
	process.stdout.write(`${JSON.stringify({ ...numbers, ...("runtime" in details ? details : {}) })}\n`);
} else {
	for (const [name, value] of Object.entries(numbers))
		process.stdout.write(`${name.padEnd(30)} ${String(value).padStart(8)}   goal ${GOALS[name] ?? SCALE_GOALS[name]}\n`);
	process.stdout.write(`\nmedians: ${JSON.stringify(details)}\n`);
}
process.exit(0);
