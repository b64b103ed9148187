// Mutated modules and mutated events on one runtime, from fixed seeds and so many of each. Whatever they are: everything is
// answered, the process lives, and a well-behaved plugin beside them answers as before. What once broke something stands in
// test/attack or test/runtime under a name of its own.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { DEAD_LETTER_STREAM, EVENT_STREAM, eventSubject, HOOK_NAMES, HOOKS, isVerdict } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { afterEvent, chatEvent, responseEvent, toolEvent } from "../support/events.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { type TestPlugin, TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import type { StartedProcess } from "../support/start-process.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { moveBytes, randomFrom, replaceBytes, replaceValue } from "./mutate.js";

const HOOK = "on_chat_message";
const SEED = 20_261;
const VALID_MODULES = 300;
const BROKEN_MODULES = 100;
const EVENTS = 6_000;

describe("a runtime", () => {
	let connection: NatsConnection;
	let routes: TestRoutes;
	let runtime: StartedProcess;
	let canary: TestPlugin;

	beforeAll(async () => {
		const nats = await startNats();
		connection = await connectTo(nats.url);
		runtime = await spawnRuntime({ natsUrl: nats.url });
		routes = new TestRoutes(connection);
		canary = {
			name: "canary",
			module: await moduleReturning(Object.fromEntries(HOOK_NAMES.map((hook) => [hook, { action: "continue" }]))),
			bindings: HOOK_NAMES.map((hook) => ({
				hook,
				effect: HOOKS[hook].effects.includes("gate") ? "gate" : "observe",
				assistant: "canary",
			})),
		};
		await routes.apply([canary]);
	});

	async function expectAlive(): Promise<void> {
		const verdict = await ask(connection, chatEvent("alive?", { assistant: "canary" }));
		expect(verdict.trail, runtime.output().slice(-1_000)).toMatchObject([{ plugin: "canary", outcome: "ok" }]);
		expect(runtime.alive).toBe(true);
	}

	test("answers the events of mutated modules", async () => {
		const random = randomFrom(SEED);
		const originals = [
			readFileSync(resolve(import.meta.dirname, "../../plugins-wasm/hello-world/build/plugin.wasm")),
			await fixtureModule("count-calls"),
			await fixtureModule("report-growth"),
		];
		const outcomes: Record<string, number> = {};
		let valid = 0;
		let broken = 0;
		while (valid < VALID_MODULES || broken < BROKEN_MODULES) {
			const original = originals[Math.floor(random() * originals.length)] as Uint8Array;
			const module = random() < 0.9 ? replaceBytes(original, random, 3) : moveBytes(original, random);
			// Most changes break a module; those that the engine still takes are the interesting ones.
			if (WebAssembly.validate(new Uint8Array(module))) valid += 1;
			else if (broken < BROKEN_MODULES) broken += 1;
			else continue;
			const mutant: TestPlugin = {
				name: "mutant",
				module,
				limits: { memoryPages: 64 },
				bindings: [{ hook: HOOK, effect: "transform", paths: ["/messages"], timeoutMs: 60 }],
			};
			await routes.apply([mutant, canary]);
			for (let event = 0; event < 2; event += 1) {
				const verdict = await ask(connection, chatEvent("for the mutant"), 10_000);
				expect(isVerdict(verdict), JSON.stringify(verdict)).toBe(true);
				const outcome = verdict.trail[0]?.outcome ?? "none";
				outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
			}
			await expectAlive();
		}
		// The run must have gone beyond the first check.
		expect(Object.keys(outcomes).length, JSON.stringify(outcomes)).toBeGreaterThan(2);
		expect(outcomes.ok, JSON.stringify(outcomes)).toBeGreaterThan(10);
	}, 300_000);

	test("answers mutated events", async () => {
		await routes.apply([canary]);
		const random = randomFrom(SEED);
		const originals = [
			chatEvent("a text", { assistant: "canary" }),
			toolEvent("calculate", { expression: "1 + 1" }, { assistant: "canary" }),
			responseEvent("an answer", { assistant: "canary" }),
		];
		const seen = { verdicts: 0, problems: 0 };
		for (let sent = 0; sent < EVENTS; sent += 1) {
			const original = originals[sent % originals.length] as (typeof originals)[number];
			const bytes = Buffer.from(JSON.stringify(original));
			const mutations = [
				() => replaceBytes(bytes, random, 4),
				() => moveBytes(bytes, random),
				() => Buffer.from(JSON.stringify(replaceValue(original, random))),
			];
			const body = (mutations[Math.floor(random() * mutations.length)] as () => Uint8Array)();
			const reply = await connection.request(eventSubject(original), body, { timeout: 10_000 });
			const answer = reply.json<Record<string, unknown>>();
			if (isVerdict(answer)) seen.verdicts += 1;
			else {
				expect(answer, body.toString()).toMatchObject({ code: expect.stringMatching(/^event_/), status: expect.any(Number) });
				seen.problems += 1;
			}
		}
		expect(seen.verdicts).toBeGreaterThan(100);
		expect(seen.problems).toBeGreaterThan(100);
		await expectAlive();
	}, 120_000);

	test("takes mutated durable events off the stream", async () => {
		const random = randomFrom(SEED);
		const original = afterEvent({ assistant: "canary" });
		const js = connection.jetstream();
		for (let sent = 0; sent < 200; sent += 1) {
			const body = Buffer.from(JSON.stringify(replaceValue({ ...original, id: `fuzz-${sent}` }, random)));
			await js.publish(eventSubject(original), random() < 0.5 ? body : replaceBytes(body, random, 3));
		}
		const { streams } = await connection.jetstreamManager();
		const held = async (stream: string) => (await streams.info(stream)).state.messages;
		await waitFor("every event is done with", async () => (await held(EVENT_STREAM)) === 0);
		expect(await held(DEAD_LETTER_STREAM)).toBeGreaterThan(20);
		await expectAlive();
	});
});
