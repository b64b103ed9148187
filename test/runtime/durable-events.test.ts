// Durable events: at least once to every plugin, once in the records, dead letters with the reason.
import { setTimeout as delay } from "node:timers/promises";
import { setEngineFlags } from "@hookbus/runtime";
import {
	DEAD_LETTER_SUBJECTS,
	type DeadLetter,
	EVENT_STREAM,
	EXECUTION_SUBJECTS,
	type Execution,
	type ExecutionBatch,
	eventSubject,
	type HookEvent,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { connectTo } from "../support/connect.js";
import { afterEvent } from "../support/events.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

const hook = "on_after_response" as const;

describe("durable events", () => {
	let connection: NatsConnection;
	let routes: TestRoutes;
	const executions: Execution[] = [];
	const letters: DeadLetter[] = [];

	beforeAll(async () => {
		const nats = await startNats();
		connection = await connectTo(nats.url);
		connection.subscribe(EXECUTION_SUBJECTS, {
			callback: (_failure, message) => executions.push(...message.json<ExecutionBatch>().executions),
		});
		connection.subscribe(DEAD_LETTER_SUBJECTS, { callback: (_failure, message) => letters.push(message.json()) });
		routes = new TestRoutes(connection);
		await startRuntimeHere({ natsUrl: nats.url, settings: { HOOKBUS_DURABLE_BACKOFF_MS: "20,40,60,80" } });
	});

	const publish = (event: HookEvent, msgID?: string) =>
		connection.jetstream().publish(eventSubject(event), JSON.stringify(event), msgID === undefined ? {} : { msgID });
	const of = (event: HookEvent) => executions.filter((execution) => execution.eventId === event.id);
	const pending = async () => (await (await connection.jetstreamManager()).streams.info(EVENT_STREAM)).state.messages;

	async function bind(...plugins: [string, Uint8Array][]): Promise<void> {
		await routes.apply(plugins.map(([name, module]) => ({ name, module, bindings: [{ hook, effect: "observe" as const }] })));
	}

	test("an event reaches every plugin, is recorded and leaves the stream", async () => {
		const module = await moduleReturning({ [hook]: { action: "continue" } });
		await bind(["one", module], ["two", module]);
		const event = afterEvent();
		await publish(event);
		await waitFor("both plugins are recorded", () => of(event).length === 2);
		expect(of(event).map((execution) => [execution.plugin, execution.outcome, execution.attempt])).toEqual([
			["one", "ok", 1],
			["two", "ok", 1],
		]);
		await waitFor("the stream is empty", async () => (await pending()) === 0);
	});

	test("the same event again is dropped, by the stream and by the marks", async () => {
		await bind(["once", await moduleReturning({ [hook]: { action: "continue" } })]);
		const event = afterEvent();
		await publish(event, `acme.${event.id}`);
		expect((await publish(event, `acme.${event.id}`)).duplicate).toBe(true);
		await waitFor("the plugin is recorded", () => of(event).length === 1);
		// Without the message id the stream takes it again, as it does after its window.
		await publish(event);
		await waitFor("the stream is empty", async () => (await pending()) === 0);
		expect(of(event)).toHaveLength(1);
	});

	test("an event without any binding is acknowledged and kept by nobody", async () => {
		await routes.apply([
			{
				name: "other",
				module: await moduleReturning({ on_chat_message: { action: "continue" } }),
				bindings: [{ hook: "on_chat_message", effect: "gate" }],
			},
		]);
		await publish(afterEvent());
		await waitFor("the stream is empty", async () => (await pending()) === 0);
	});

	test("FT-19 a poison event among good ones becomes a dead letter after 5 attempts, with reason, digest and body, and can be replayed", async () => {
		const good = await moduleReturning({ [hook]: { action: "continue" } });
		await bind(["good", good], ["poisoned", await fixtureModule("trap")]);
		const event = afterEvent();
		await publish(event);
		const letter = await waitFor("a dead letter", () => letters.find((candidate) => candidate.eventId === event.id), {
			timeoutMs: 240_000,
		});
		expect(letter).toMatchObject({
			reason: "attempts_exhausted",
			attempts: 5,
			tenant: "acme",
			plugins: [{ plugin: "poisoned", outcome: "trap" }],
		});
		expect(JSON.parse(Buffer.from(letter.body, "base64").toString())).toEqual(event);
		expect(letter.digest).toMatch(/^[0-9a-f]{64}$/);
		expect(of(event).filter((execution) => execution.plugin === "good")).toHaveLength(1);
		expect(
			of(event)
				.filter((execution) => execution.plugin === "poisoned")
				.map((execution) => execution.attempt),
		).toEqual([1, 2, 3, 4, 5]);
		await waitFor("the stream is empty", async () => (await pending()) === 0);
		// Replay: the same body on the same subject, after the plugin was mended.
		await bind(["poisoned", good]);
		const replayed = { ...event, id: `${event.id}-replay` };
		await connection.jetstream().publish(letter.subject, JSON.stringify(replayed));
		await waitFor("the replay is recorded", () => of(replayed).some((execution) => execution.outcome === "ok"));
	});

	test("FT-19 good events are not held up by a poison one", async () => {
		await bind(["good", await moduleReturning({ [hook]: { action: "continue" } })]);
		const events = Array.from({ length: 100 }, () => afterEvent());
		const poison = { ...afterEvent(), data: { outcome: "nonsense" } } as unknown as HookEvent;
		await publish(poison);
		await Promise.all(events.map((event) => publish(event)));
		await waitFor("all good events are recorded", () => events.every((event) => of(event).length === 1), { timeoutMs: 240_000 });
		await waitFor("the poison event is a dead letter", () =>
			letters.some((letter) => letter.eventId === poison.id && letter.reason === "invalid_event"),
		);
	}, 300_000);

	test("BB-01 a body that is no event becomes a dead letter", async () => {
		const before = letters.length;
		await connection.jetstream().publish(eventSubject(afterEvent()), "not json");
		const letter = await waitFor("a dead letter", () => letters[before]);
		expect(letter).toMatchObject({ reason: "invalid_event", attempts: 1 });
	});

	// The last one: what it leaves in the stream comes again in half a minute.
	test("an event that a plugin was not run for, because of its rate, waits for its turn and is never given up", async () => {
		const module = await moduleReturning({ [hook]: { action: "continue" } });
		await routes.apply([{ name: "limited", module, limits: { ratePerMinute: 1 }, bindings: [{ hook, effect: "observe" }] }]);
		const before = letters.length;
		const events = [afterEvent(), afterEvent()];
		for (const event of events) await publish(event);
		const outcomes = () => events.flatMap((event) => of(event)).map(({ outcome }) => outcome);
		await waitFor("both were looked at", () => outcomes().length === 2);
		expect(outcomes().sort()).toEqual(["ok", "rate_limited"]);
		// Longer than all attempts of an event that fails.
		await delay(1_000);
		expect(letters.length).toBe(before);
		expect(await pending()).toBe(1);
	});
});
