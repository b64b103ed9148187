// afterResponse: stored at least once, once where the stream still knows the id, and never dropped in silence.
import type { AfterResponseInput } from "@hookbus/client";
import { EVENT_STREAM, isEvent } from "@hookbus/schemas";
import { expect, test, vi } from "vitest";
import { startNats } from "../support/start-nats.js";
import { connectTestClient, newTenant } from "./connect-test-client.js";
import { changeEventStream, createEventStream, storedCount, storedEvents } from "./event-stream.js";
import { sent } from "./inputs.js";
import { until } from "./until.js";

// Real servers on a busy machine: the limit is for what hangs, not for what is slow.
vi.setConfig({ testTimeout: 120_000 });

function reply(text: string): AfterResponseInput["data"] {
	return { outcome: "ok", response: { message: { role: "assistant", parts: [{ type: "text", text }] } } };
}

test("an event is stored under its tenant's message id, complete and valid", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const tenant = newTenant();
	const { client } = await connectTestClient(nats.url, tenant);
	const result = await client.afterResponse(sent({ conversation: "c-1", turn: 2 }));
	expect(result).toEqual({ id: result.id, stored: true, duplicate: false, attempts: 1 });
	const [event, ...more] = await storedEvents(nats.url);
	expect(more).toEqual([]);
	expect(event).toMatchObject({
		subject: `hooks.v1.${tenant}.on_after_response.support`,
		messageId: `${tenant}.${result.id}`,
		body: { spec: "1", hook: "on_after_response", tenant, conversation: "c-1", turn: 2, data: sent().data },
	});
	expect(event?.body).not.toHaveProperty("deadlineMs");
	expect(isEvent("on_after_response", event?.body)).toBe(true);
	expect(client.metrics().durable).toMatchObject({
		events: 1,
		stored: 1,
		duplicates: 0,
		retries: 0,
		pendingEvents: 0,
		pendingBytes: 0,
	});
});

test("the same id again is told to be a duplicate and is stored once; the same id of another tenant is not", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { client } = await connectTestClient(nats.url, newTenant());
	const { client: other } = await connectTestClient(nats.url, newTenant());
	expect(await client.afterResponse(sent({ id: "turn-7" }))).toMatchObject({ stored: true, duplicate: false });
	expect(await client.afterResponse(sent({ id: "turn-7" }))).toMatchObject({ stored: true, duplicate: true });
	expect(await other.afterResponse(sent({ id: "turn-7" }))).toMatchObject({ stored: true, duplicate: false });
	expect(await storedCount(nats.url)).toBe(2);
	expect(client.metrics().durable).toMatchObject({ stored: 2, duplicates: 1 });
});

test("what is sent while NATS is down is stored when it is back, once each", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { client } = await connectTestClient(nats.url, newTenant());
	await nats.kill9();
	await until("the connection is lost", () => !client.connected);
	const results = Array.from({ length: 50 }, (_, index) => client.afterResponse(sent({ id: `e-${index}` })));
	await until("they wait", () => client.metrics().durable.pendingEvents === 50);
	await nats.restart();
	for (const result of await Promise.all(results)) expect(result).toMatchObject({ stored: true });
	expect((await storedEvents(nats.url)).map(({ body }) => body.id).sort()).toEqual(
		results.map((_, index) => `e-${index}`).sort(),
	);
	expect(client.metrics().durable).toMatchObject({ pendingEvents: 0, pendingBytes: 0 });
});

test("when NATS is killed again and again under load, every event that is told to be stored is there once", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { client } = await connectTestClient(nats.url, newTenant());
	const results: Promise<{ id: string; stored: boolean }>[] = [];
	let running = true;
	const load = (async () => {
		for (let index = 0; running; index++) {
			results.push(client.afterResponse(sent({ id: `e-${index}` })));
			await new Promise((resolve) => setTimeout(resolve, 4));
		}
	})();
	for (let round = 0; round < 3; round++) {
		const before = client.metrics().durable.stored;
		await until("events are stored", () => client.metrics().durable.stored > before + 30);
		await nats.kill9();
		await nats.restart();
	}
	running = false;
	await load;
	const told = (await Promise.all(results)).filter(({ stored }) => stored).map(({ id }) => id);
	expect(told).toHaveLength(results.length);
	const there = (await storedEvents(nats.url)).map(({ body }) => body.id);
	expect(new Set(there).size).toBe(there.length);
	expect(there.sort()).toEqual(told.sort());
});

test("FT-07 while NATS is down the buffer is bounded, what is over it is refused at once and counted, and the rest is stored afterwards", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { client, statuses } = await connectTestClient(nats.url, newTenant(), { durableBufferBytes: 20_000 });
	await nats.kill9();
	await until("the connection is lost", () => !client.connected);
	const large = sent({ data: reply("x".repeat(4_000)) });
	const waiting = [1, 2, 3, 4].map(() => client.afterResponse(large));
	const refused = await client.afterResponse(large);
	expect(refused).toMatchObject({ stored: false, failure: "buffer_full", attempts: 0, detail: expect.stringContaining("20000") });
	expect(client.metrics().durable).toMatchObject({ pendingEvents: 4, dropped: { buffer_full: 1 } });
	expect(client.metrics().durable.pendingBytes).toBeLessThanOrEqual(20_000);
	expect(statuses.filter(({ type }) => type === "event_dropped")).toMatchObject([{ failure: "buffer_full", id: refused.id }]);
	await nats.restart();
	for (const result of await Promise.all(waiting)) expect(result.stored).toBe(true);
	expect(await storedCount(nats.url)).toBe(4);
	expect(await client.afterResponse(large)).toMatchObject({ stored: true });
});

test("where no stream exists yet, or it is full, the event is tried again until it fits", async () => {
	const nats = await startNats();
	const { client } = await connectTestClient(nats.url, newTenant());
	const early = client.afterResponse(sent());
	await until("it was tried twice", () => client.metrics().durable.retries > 0);
	await createEventStream(nats.url, { max_msgs: 1 });
	expect(await early).toMatchObject({ stored: true, duplicate: false });
	const retries = client.metrics().durable.retries;
	const late = client.afterResponse(sent());
	await until("the full stream has refused it twice", () => client.metrics().durable.retries > retries);
	await changeEventStream(nats.url, { max_msgs: 2 });
	expect(await late).toMatchObject({ stored: true });
	expect(await storedCount(nats.url)).toBe(2);
});

test("an event that another stream would take is refused for good", async () => {
	const nats = await startNats();
	const { client } = await connectTestClient(nats.url, newTenant());
	await createEventStream(nats.url, { name: "SOMETHING_ELSE" });
	expect(await client.afterResponse(sent())).toMatchObject({
		stored: false,
		failure: "refused",
		attempts: 1,
		detail: expect.stringContaining("stream"),
	});
	expect(client.metrics().durable.dropped.refused).toBe(1);
	expect(EVENT_STREAM).not.toBe("SOMETHING_ELSE");
});

test("an event that is larger than the stream takes is refused for good", async () => {
	const nats = await startNats();
	await createEventStream(nats.url, { max_msg_size: 200 });
	const { client } = await connectTestClient(nats.url, newTenant());
	expect(await client.afterResponse(sent({ conversation: "c".repeat(120) }))).toMatchObject({
		stored: false,
		failure: "event_too_large",
		attempts: 1,
	});
});

test("an invalid or too large event is told to be so before anything is sent", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { client } = await connectTestClient(nats.url, newTenant(), { maxEventBytes: 1_000 });
	expect(await client.afterResponse(sent({ data: { outcome: "great" as "ok" } }))).toMatchObject({
		stored: false,
		failure: "invalid_event",
		attempts: 0,
	});
	expect(await client.afterResponse(undefined as never)).toMatchObject({ stored: false, failure: "invalid_event", attempts: 0 });
	expect(await client.afterResponse(sent({ data: reply("x".repeat(2_000)) }))).toMatchObject({
		stored: false,
		failure: "event_too_large",
		attempts: 0,
	});
	expect(client.metrics().durable.dropped).toMatchObject({ invalid_event: 2, event_too_large: 1 });
	expect(await storedCount(nats.url)).toBe(0);
});

test("an event that the stream does not confirm is given up after durableMaxWaitMs, with the last reason", async () => {
	const nats = await startNats();
	const { client } = await connectTestClient(nats.url, newTenant(), { durableMaxWaitMs: 600 });
	const result = await client.afterResponse(sent());
	expect(result).toMatchObject({ stored: false, failure: "timeout", detail: expect.stringContaining("no_responders") });
	expect(result.attempts).toBeGreaterThanOrEqual(2);
	expect(client.metrics().durable).toMatchObject({ pendingEvents: 0, dropped: { timeout: 1 } });
});

test("close() stores what is pending before it ends the connection", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { client } = await connectTestClient(nats.url, newTenant(), { closeTimeoutMs: 20_000 });
	const results = Array.from({ length: 200 }, () => client.afterResponse(sent()));
	expect(await client.close()).toEqual({ unanswered: 0, dropped: 0 });
	for (const result of await Promise.all(results)) expect(result.stored).toBe(true);
	expect(await storedCount(nats.url)).toBe(200);
	expect(await client.afterResponse(sent())).toMatchObject({ stored: false, failure: "closed", attempts: 0 });
});

test("close() waits for a NATS server that comes back, and reports what it had to drop when it does not", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { client: patient } = await connectTestClient(nats.url, newTenant(), { closeTimeoutMs: 25_000 });
	const { client: hasty } = await connectTestClient(nats.url, newTenant(), { closeTimeoutMs: 200 });
	await nats.kill9();
	await until("the connections are lost", () => !patient.connected && !hasty.connected);
	const kept = patient.afterResponse(sent());
	const lost = hasty.afterResponse(sent());
	const closing = patient.close();
	expect(await hasty.close()).toEqual({ unanswered: 0, dropped: 1 });
	expect(await lost).toMatchObject({ stored: false, failure: "closed" });
	await nats.restart();
	expect(await closing).toEqual({ unanswered: 0, dropped: 0 });
	expect(await kept).toMatchObject({ stored: true });
	expect(await storedCount(nats.url)).toBe(1);
});
