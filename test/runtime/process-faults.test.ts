// Runtimes and NATS servers that die, freeze and come back while events flow through the client.
import { connectHookbus, type HookbusClient } from "@hookbus/client";
import { EVENT_STREAM, EXECUTION_SUBJECTS, type Execution, type ExecutionBatch, eventSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeEach, describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { afterEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { needsRealTime } from "../support/real-time.js";
import { TestRoutes } from "../support/route-tables.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { startTraffic } from "../support/traffic.js";
import { waitFor } from "../support/wait-for.js";

/** Long: only tests about time may depend on how fast the machine is. */
const DEADLINE_MS = 20_000;

describe("a fleet under load", () => {
	let nats: StartedNats;
	let connection: NatsConnection;
	let routes: TestRoutes;

	beforeEach(async () => {
		nats = await startNats();
		connection = await connectTo(nats.url);
		routes = new TestRoutes(connection, "acme", 2_000);
	});

	async function bindAll(runtimes: number): Promise<void> {
		const module = await moduleReturning({ on_chat_message: { action: "continue" }, on_after_response: { action: "continue" } });
		await routes.apply(
			[
				{
					name: "plain",
					module,
					bindings: [
						{ hook: "on_chat_message", effect: "gate" },
						{ hook: "on_after_response", effect: "observe" },
					],
				},
			],
			runtimes,
		);
	}

	async function client(): Promise<HookbusClient> {
		const hookbus = await connectHookbus({ servers: nats.url, tenant: "acme", waitOnFirstConnect: true });
		closeAfter(() => hookbus.close());
		return hookbus;
	}

	const chat = (hookbus: HookbusClient, deadlineMs = DEADLINE_MS) =>
		hookbus.chatMessage({
			assistant: "support",
			deadlineMs,
			data: { messages: [{ role: "user", parts: [{ type: "text", text: "hi" }] }] },
		});

	/** As many events a second as `rate` where the machine can; every one of them resolves. */
	const load = (hookbus: HookbusClient, rate: number, deadlineMs = DEADLINE_MS) =>
		startTraffic(() => chat(hookbus, deadlineMs), { callers: rate / 25, everyMs: 40 });

	const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

	test("FT-01 kill -9 of one of two runtimes under load: every event is answered by the other, or reported by the policy", async (context) => {
		needsRealTime(context);
		const victims = [await spawnRuntime({ natsUrl: nats.url, id: "victim-0" })];
		await spawnRuntime({ natsUrl: nats.url, id: "survivor" });
		await bindAll(2);
		const hookbus = await client();
		const traffic = load(hookbus, 100);
		for (let round = 0; round < 2; round += 1) {
			await pause(500);
			await victims[round]?.kill9();
			await pause(500);
			victims.push(await spawnRuntime({ natsUrl: nats.url, id: `victim-${round + 1}` }));
		}
		const answers = await traffic.stop();
		expect(answers.length).toBeGreaterThan(50);
		for (const answer of answers) {
			expect(answer.durationMs).toBeLessThan(DEADLINE_MS + 1_000);
			if (answer.source === "policy") expect(answer).toMatchObject({ action: "blocked", reason: { code: "bus_unavailable" } });
		}
		const byPolicy = answers.filter((answer) => answer.source === "policy").length;
		expect(byPolicy).toBeLessThanOrEqual(Math.ceil(answers.length * 0.01));
	}, 600_000);

	test("FT-02 kill -9 of runtimes under durable load: every event is processed at least once and recorded once", async () => {
		const executions: Execution[] = [];
		connection.subscribe(EXECUTION_SUBJECTS, {
			callback: (_failure, message) => executions.push(...message.json<ExecutionBatch>().executions),
		});
		let runtime = await spawnRuntime({ natsUrl: nats.url, id: "durable-0", settings: { HOOKBUS_ACK_WAIT_MS: "2000" } });
		await bindAll(1);
		const js = connection.jetstream();
		const sent: string[] = [];
		const send = async () => {
			const event = afterEvent();
			await js.publish(eventSubject(event), JSON.stringify(event), { msgID: `acme.${event.id}` });
			sent.push(event.id);
		};
		for (let round = 1; round <= 3; round += 1) {
			await Promise.all(Array.from({ length: 100 }, send));
			await pause(50 * round);
			await runtime.kill9();
			await Promise.all(Array.from({ length: 20 }, send));
			runtime = await spawnRuntime({ natsUrl: nats.url, id: `durable-${round}`, settings: { HOOKBUS_ACK_WAIT_MS: "2000" } });
		}
		const manager = await connection.jetstreamManager();
		await waitFor("the stream is empty", async () => (await manager.streams.info(EVENT_STREAM)).state.messages === 0, {
			timeoutMs: 120_000,
			intervalMs: 200,
		});
		const processed = new Map<string, Set<string>>();
		for (const execution of executions) {
			const keys = processed.get(execution.eventId) ?? new Set();
			// What the database makes one row of.
			keys.add(`${execution.tenant}/${execution.eventId}/${execution.hook}/${execution.plugin}`);
			processed.set(execution.eventId, keys);
		}
		expect(sent).toHaveLength(360);
		expect(sent.filter((id) => !processed.has(id))).toEqual([]);
		for (const keys of processed.values()) expect(keys.size).toBe(1);
	}, 600_000);

	test("FT-04 a runtime under SIGSTOP costs at most 1 % of the verdicts, and never answers late after SIGCONT", async (context) => {
		needsRealTime(context);
		const frozen = await spawnRuntime({ natsUrl: nats.url, id: "frozen" });
		await spawnRuntime({ natsUrl: nats.url, id: "running-1" });
		await spawnRuntime({ natsUrl: nats.url, id: "running-2" });
		await bindAll(3);
		const hookbus = await client();
		await chat(hookbus);
		frozen.pause();
		await pause(2_000);
		const deadlineMs = 2_000;
		const traffic = load(hookbus, 50, deadlineMs);
		await pause(8_000);
		const answers = await traffic.stop();
		// What waits at the frozen runtime is over its deadline; before that its answer would be as good as any.
		await pause(deadlineMs);
		const late = hookbus.metrics().lateReplies;
		frozen.resume();
		await pause(2_000);
		expect(hookbus.metrics().lateReplies).toBe(late);
		expect(answers.length).toBeGreaterThan(50);
		const byPolicy = answers.filter((answer) => answer.source === "policy").length;
		expect(byPolicy / answers.length).toBeLessThanOrEqual(0.01);
		// It works again: the fleet answers, and the thawed runtime takes part.
		expect((await chat(hookbus)).source).toBe("bus");
	}, 600_000);

	test("FT-06 kill -9 and restarts of NATS: everything reconnects by itself, and no acknowledged durable event is lost", async () => {
		const executions = new Set<string>();
		await spawnRuntime({ natsUrl: nats.url, id: "steady", settings: { HOOKBUS_ACK_WAIT_MS: "2000" } });
		await bindAll(1);
		const hookbus = await client();
		const acknowledged: string[] = [];
		for (let round = 0; round < 3; round += 1) {
			expect((await chat(hookbus)).source).toBe("bus");
			const stored = Array.from({ length: 50 }, () =>
				hookbus.afterResponse({ assistant: "support", data: { outcome: "ok" } }).then((result) => {
					if (result.stored) acknowledged.push(result.id);
				}),
			);
			await pause(20);
			await nats.kill9();
			const meanwhile = await chat(hookbus, 300);
			expect(meanwhile).toMatchObject({ source: "policy", action: "blocked", reason: { code: "bus_unavailable" } });
			await nats.restart();
			await Promise.all(stored);
			await waitFor("a verdict from the bus again", async () => (await chat(hookbus, 5_000)).source === "bus", {
				timeoutMs: 60_000,
			});
		}
		const manager = await connection.jetstreamManager();
		await waitFor("the stream is empty", async () => (await manager.streams.info(EVENT_STREAM)).state.messages === 0, {
			timeoutMs: 120_000,
			intervalMs: 200,
		});
		const js = connection.jetstream();
		const consumer = await js.consumers.get("HOOKBUS_EXECUTIONS", "control-plane");
		await waitFor(
			"every acknowledged event has its execution",
			async () => {
				const batch = await consumer.fetch({ max_messages: 500, expires: 1_000 });
				for await (const message of batch) {
					for (const execution of message.json<ExecutionBatch>().executions) executions.add(execution.eventId);
					message.ack();
				}
				return acknowledged.every((id) => executions.has(id));
			},
			{ timeoutMs: 120_000 },
		);
		expect(acknowledged.length).toBeGreaterThan(50);
	}, 600_000);

	test("SIGTERM under load: the runtime drains, loses nothing and ends with code 0", async (context) => {
		needsRealTime(context);
		const leaving = await spawnRuntime({ natsUrl: nats.url, id: "leaving" });
		await spawnRuntime({ natsUrl: nats.url, id: "staying" });
		await bindAll(2);
		const hookbus = await client();
		const traffic = load(hookbus, 200);
		await pause(1_000);
		const exit = await leaving.stop(60_000);
		await pause(500);
		const answers = await traffic.stop();
		expect(exit).toEqual({ code: 0, signal: null });
		expect(answers.filter((answer) => answer.source === "policy")).toEqual([]);
	}, 600_000);

	test("a runtime that starts before NATS waits for it", async () => {
		await nats.stop();
		const starting = spawnRuntime({ natsUrl: nats.url, id: "early" });
		await pause(1_500);
		await nats.restart();
		await starting;
		await bindAll(1);
		const hookbus = await client();
		expect((await chat(hookbus)).source).toBe("bus");
	}, 600_000);
});
