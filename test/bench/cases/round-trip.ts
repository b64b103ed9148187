// roundtrip_p50_vs_bare and throughput_vs_bare: what the whole bus adds to a NATS request.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { eventSubject, isVerdict } from "@hookbus/schemas";
import { chatEvent } from "../../support/events.js";
import { TEST_MASTER_KEY, TestRoutes } from "../../support/route-tables.js";
import type { BenchBus } from "../bench-bus.js";
import { median, throughput, timeInTurns } from "../measure.js";

const root = resolve(import.meta.dirname, "../../..");
const REQUESTS_IN_FLIGHT = 64;

export interface RoundTripNumbers {
	readonly roundtrip_p50_vs_bare: number;
	readonly throughput_vs_bare: number;
	readonly detail: {
		readonly oursUs: number;
		readonly bareUs: number;
		readonly oursPerSecond: number;
		readonly barePerSecond: number;
	};
}

export async function benchRoundTrip(bus: BenchBus): Promise<RoundTripNumbers> {
	await bus.startNode(
		["--import", "tsx", resolve(root, "test/bench/bare-responder.ts")],
		{ NATS_URL: bus.url },
		"bare responder is running",
	);
	await bus.startNode(
		[resolve(root, "services/runtime/dist/main.js")],
		{
			HOOKBUS_NATS_URL: bus.url,
			HOOKBUS_MASTER_KEY: TEST_MASTER_KEY,
			HOOKBUS_CACHE_DIR: bus.directory("modules"),
			HOOKBUS_HTTP_PORT: "0",
		},
		"runtime is running",
	);
	const module = readFileSync(resolve(root, "plugins-wasm/hello-world/build/plugin.wasm"));
	const binding = { hook: "on_chat_message", effect: "transform", paths: ["/messages"], timeoutMs: 1_000 } as const;
	await new TestRoutes(bus.connection).apply(
		["bench-a", "bench-b", "bench-c"].map((name) => ({ name, module, bindings: [binding] })),
	);
	const event = eventOfBytes(1_024);
	const subject = eventSubject({ tenant: "acme", hook: "on_chat_message", assistant: "support" });
	const ours = () => bus.connection.request(subject, event, { timeout: 5_000 });
	const bare = () => bus.connection.request("bench.bare", event, { timeout: 5_000 });
	const verdict: unknown = (await ours()).json();
	if (!isVerdict(verdict) || verdict.trail.length !== 3 || verdict.trail.some((entry) => entry.outcome !== "ok")) {
		throw new Error(`the three plugins do not run: ${JSON.stringify(verdict)}`);
	}
	const single = await timeInTurns(ours, bare, 10, 100);
	const rates = { ours: [] as number[], bare: [] as number[] };
	for (let round = 0; round < 4; round += 1) {
		const oursRate = await throughput(ours, REQUESTS_IN_FLIGHT, 1_000);
		const bareRate = await throughput(bare, REQUESTS_IN_FLIGHT, 1_000);
		if (round > 0) {
			rates.ours.push(oursRate);
			rates.bare.push(bareRate);
		}
	}
	return {
		roundtrip_p50_vs_bare: single.ours / single.other,
		throughput_vs_bare: median(rates.ours) / median(rates.bare),
		detail: { oursUs: single.ours, bareUs: single.other, oursPerSecond: median(rates.ours), barePerSecond: median(rates.bare) },
	};
}

/** A chat event whose JSON has this many bytes. */
export function eventOfBytes(bytes: number): string {
	const empty = JSON.stringify(chatEvent(""));
	return JSON.stringify(
		chatEvent("a plain sentence of a plain conversation. ".repeat(bytes / 40).slice(0, bytes - empty.length)),
	);
}
