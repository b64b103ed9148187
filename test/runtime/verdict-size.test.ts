// Results that would make a verdict or a record larger than the bus takes: they fail by themselves, under the name of their plugin, in
// work that their size bounds, and neither the process nor what others did is harmed.
import { applyMergePatch, scopePatch, setEngineFlags } from "@hookbus/runtime";
import { EXECUTION_SUBJECTS, type ExecutionBatch } from "@hookbus/schemas";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { applyResult } from "../../services/runtime/src/chain/apply-result.js";
import { ExecutionReporter } from "../../services/runtime/src/reporting/execution-reporter.js";
import { quickly } from "../fuzz/expect-harmless.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { PATIENT, startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

const hook = "on_chat_message" as const;
/** 260 KB that are 1.1 MB once they are written again. */
const GROWING = `[${Array.from({ length: 52_000 }, () => "1e20").join()}]`;
const transform = { hook, effect: "transform" as const, paths: ["/parameters"] };

describe("a runtime", () => {
	test("HP-12 outlives results that grow when they are written again, and keeps what the other plugins did", async () => {
		const nats = await startNats();
		const connection = await connectTo(nats.url);
		await startRuntimeHere({ natsUrl: nats.url, settings: PATIENT });
		const routes = new TestRoutes(connection);
		const patch = { action: "modify", patch: { parameters: { temperature: 1 } }, annotations: { kept: true } };
		await routes.apply(
			[
				{ name: "annotates", module: await moduleReturning({ [hook]: `{"action":"continue","annotations":{"a":${GROWING}}}` }) },
				{ name: "good", module: await moduleReturning({ [hook]: patch }) },
				{
					name: "patches",
					module: await moduleReturning({ [hook]: `{"action":"modify","patch":{"parameters":{"a":${GROWING}}}}` }),
				},
			].map((plugin) => ({ ...plugin, bindings: [transform] })),
		);
		const verdict = await ask(connection, chatEvent("hello"), 5_000);
		expect(verdict.trail.map(({ plugin, outcome }) => [plugin, outcome])).toEqual([
			["annotates", "output_too_large"],
			["good", "ok"],
			["patches", "output_too_large"],
		]);
		expect(verdict.trail[0]?.error).toBe("its annotations have 1144007 bytes as JSON; the limit is 65536");
		expect(verdict).toMatchObject({
			action: "modified",
			annotations: { good: { kept: true } },
			data: { parameters: { temperature: 1 } },
		});
	});

	test("HP-12 answers within the payload limit of its NATS server, whatever many plugins annotate together", async () => {
		const nats = await startNats({ config: "max_payload: 131072" });
		const connection = await connectTo(nats.url);
		await startRuntimeHere({ natsUrl: nats.url, settings: PATIENT });
		const annotates = await moduleReturning({ [hook]: { action: "continue", annotations: { a: "x".repeat(50_000) } } });
		await new TestRoutes(connection).apply(
			["one", "two", "three"].map((name) => ({
				name,
				module: annotates,
				bindings: [{ hook, effect: "gate" as const, onError: "open" as const }],
			})),
		);
		const verdict = await ask(connection, chatEvent("hello"), 5_000);
		expect(verdict.trail.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "output_too_large"]);
	});
});

describe("a patch", () => {
	test("HP-12 of many refused leaves below a long name is named in part and counted, in a moment", async () => {
		const leaves = Object.fromEntries(Array.from({ length: 18_000 }, (_, index) => [index.toString(36), 0]));
		const patch = { ["k".repeat(60_000)]: leaves };
		const { allowed, refused } = await quickly(() => scopePatch(patch, ["/messages"], {}));
		expect([allowed, refused.length, refused.at(-1)]).toEqual([{}, 65, "and 17936 more"]);
		expect(Buffer.byteLength(refused.join())).toBeLessThan(20_000);
		const { paths } = await quickly(() => applyMergePatch({}, patch));
		expect([paths.length, paths.at(-1)]).toEqual([65, "and 17937 more"]);
		expect(Math.max(...paths.map(({ length }) => length))).toBeLessThanOrEqual(256);
	});

	test("in shadow mode takes room in the trail only", () => {
		const result = {
			action: "modify" as const,
			patch: { parameters: { temperature: 1 } },
			annotations: { a: "x".repeat(1_000) },
		};
		const { size, shadowSize } = applyResult(chatEvent("x"), result, "transform", ["/parameters"], "plugin");
		expect(size.rest - shadowSize.rest).toBe(1_008);
		expect(shadowSize.data).toBe(0);
	});
});

describe("execution records", () => {
	test("that no message can hold are dropped and counted, and those behind them arrive", async () => {
		const nats = await startNats({ config: "max_payload: 65536" });
		const connection = await connectTo(nats.url);
		await new TestRoutes(connection).store(new Uint8Array(1));
		const arrived: unknown[] = [];
		connection.subscribe(EXECUTION_SUBJECTS, {
			callback: (_failure, message) => arrived.push(...message.json<ExecutionBatch>().executions),
		});
		let dropped = 0;
		const reporterOf = (payloadBytes: number) =>
			new ExecutionReporter({
				js: connection.jetstream(),
				payloadBytes,
				metrics: {
					executionsDropped: (count) => {
						dropped += count;
					},
				},
				logger: pino({ level: "silent" }),
			});
		const record = (id: string, chars: number) => JSON.stringify({ id, fill: "€".repeat(chars) });
		const reporter = reporterOf(65_536);
		reporter.add("acme", [record("fits", 15_000), record("too-large", 22_000), record("fits-too", 15_000)].join());
		reporter.add("other", record("other", 1));
		await reporter.store("acme", record("durable-too-large", 30_000), "1");
		await waitFor("what fits has arrived", () => arrived.length === 3);
		expect(dropped).toBe(2);
		// The server takes less than it did when the reporter began.
		const mistaken = reporterOf(1_048_576);
		mistaken.add("acme", record("too-large", 30_000));
		mistaken.add("other", record("behind", 1));
		await waitFor("what is behind has arrived", () => arrived.length === 4);
		expect(dropped).toBe(3);
		await Promise.all([reporter.stop(), mistaken.stop()]);
	});
});
