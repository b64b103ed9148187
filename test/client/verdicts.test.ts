// What a chat service gets when a runtime answers, and what a runtime gets from the client.
import { isEvent, parseReplySubject, type TrailEntry } from "@hookbus/schemas";
import { beforeAll, expect, test, vi } from "vitest";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { connectTestClient, newTenant } from "./connect-test-client.js";
import { chat, response, toolOutcome, toolRequest } from "./inputs.js";
import { startScriptedRuntime } from "./scripted-runtime.js";

// Real servers on a busy machine: the limit is for what hangs, not for what is slow.
vi.setConfig({ testTimeout: 120_000 });

let nats: StartedNats;
beforeAll(async () => {
	nats = await startNats();
});

test("a verdict that changes nothing comes back with the data that was passed in", async () => {
	const tenant = newTenant();
	await startScriptedRuntime(nats.url, tenant);
	const { client } = await connectTestClient(nats.url, tenant);
	const input = chat();
	const verdict = await client.chatMessage(input);
	expect(verdict).toMatchObject({
		action: "continue",
		source: "bus",
		hook: "on_chat_message",
		annotations: {},
		trail: [],
		revision: 7,
		attempts: 1,
	});
	expect(verdict.data).toBe(input.data);
	expect(verdict.failure).toBeUndefined();
});

test("a modified verdict brings the bus's data, trail and annotations", async () => {
	const tenant = newTenant();
	const entry: TrailEntry = {
		plugin: "pii-redactor",
		version: "1.0.0",
		effect: "transform",
		mode: "enforce",
		outcome: "ok",
		action: "modify",
		startMs: 0.1,
		durationMs: 0.4,
		paths: ["/messages/0/parts/0/text"],
	};
	const changed = chat("Hello [NAME]").data;
	await startScriptedRuntime(nats.url, tenant, (call) =>
		call.verdict({ action: "modified", data: changed, trail: [entry], annotations: { "pii-redactor": { count: 1 } } }),
	);
	const { client } = await connectTestClient(nats.url, tenant);
	const verdict = await client.chatMessage(chat("Hello Ada"));
	expect(verdict).toMatchObject({
		action: "modified",
		source: "bus",
		data: changed,
		trail: [entry],
		annotations: { "pii-redactor": { count: 1 } },
	});
});

test("a block comes with its reason and a claim with its result", async () => {
	const tenant = newTenant();
	await startScriptedRuntime(nats.url, tenant, (call) => {
		if (call.event.hook === "on_tool_call") call.verdict({ action: "claimed", result: { content: "2" } });
		else call.verdict({ action: "blocked", reason: { code: "prompt_injection", message: "No.", plugin: "prompt-guard" } });
	});
	const { client } = await connectTestClient(nats.url, tenant);
	expect(await client.chatMessage(chat())).toMatchObject({
		action: "blocked",
		source: "bus",
		reason: { code: "prompt_injection", message: "No.", plugin: "prompt-guard" },
	});
	expect(await client.toolCall(toolRequest())).toMatchObject({ action: "claimed", source: "bus", result: { content: "2" } });
});

test("each method sends a complete, valid event of its hook and phase on the assistant's subject", async () => {
	const tenant = newTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant);
	const { client } = await connectTestClient(nats.url, tenant);
	const envelope = {
		conversation: "c-1",
		turn: 3,
		user: { id: "u-1", roles: ["customer"] },
		origin: "user",
		model: "m-1",
		traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		tracestate: "vendor=1",
	} as const;
	await client.chatMessage(chat("é", { ...envelope, id: "my-id", deadlineMs: 800 }));
	await client.toolCall(toolRequest(envelope));
	await client.toolResult(toolOutcome(envelope));
	await client.beforeResponse(response("2", envelope));
	expect(runtime.calls.map(({ event }) => [event.hook, "phase" in event ? event.phase : undefined])).toEqual([
		["on_chat_message", undefined],
		["on_tool_call", "request"],
		["on_tool_call", "result"],
		["on_before_response", undefined],
	]);
	for (const { event, subject } of runtime.calls) {
		expect(isEvent(event.hook, event)).toBe(true);
		expect(subject).toBe(`hooks.v1.${tenant}.${event.hook}.support`);
		expect(event).toMatchObject({ ...envelope, spec: "1", tenant, assistant: "support" });
		expect(Math.abs(Date.parse(event.time) - Date.now())).toBeLessThan(30_000);
	}
	expect(runtime.calls[0]?.event).toMatchObject({ id: "my-id", deadlineMs: 800, data: chat("é").data });
	expect(runtime.calls[1]?.event.deadlineMs).toBe(20_000);
	expect(new Set(runtime.calls.map(({ event }) => event.id)).size).toBe(4);
});

test("an event without a deadline of its own gets the client's default, and that is 1 second", async () => {
	const tenant = newTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant);
	const { client } = await connectTestClient(nats.url, tenant, { defaultDeadlineMs: undefined });
	await client.chatMessage(chat());
	expect(runtime.calls[0]?.event.deadlineMs).toBe(1_000);
});

test("a deadline over 30 seconds is lowered to it", async () => {
	const tenant = newTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant);
	const { client } = await connectTestClient(nats.url, tenant);
	await client.chatMessage(chat("Hello", { deadlineMs: 1e12 }));
	expect(runtime.calls[0]?.event.deadlineMs).toBe(30_000);
});

test("replies go to an inbox of the tenant that announces progress frames, another one for each event", async () => {
	const tenant = newTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant);
	const { client } = await connectTestClient(nats.url, tenant);
	await client.chatMessage(chat());
	await client.chatMessage(chat());
	for (const { reply } of runtime.calls) expect(parseReplySubject(reply, tenant, true)).toEqual({ frames: true });
	expect(runtime.calls[0]?.reply).not.toBe(runtime.calls[1]?.reply);
});

test("many events at once each get their own verdict", async () => {
	const tenant = newTenant();
	await startScriptedRuntime(nats.url, tenant, (call) => {
		const text = `seen ${call.event.id}`;
		setTimeout(() => call.verdict({ action: "modified", data: chat(text).data }), Math.random() * 30);
	});
	const { client } = await connectTestClient(nats.url, tenant);
	const ids = Array.from({ length: 300 }, (_, index) => `event-${index}`);
	const verdicts = await Promise.all(ids.map((id) => client.chatMessage(chat("Hello", { id, deadlineMs: 20_000 }))));
	expect(verdicts.map(({ id, data }) => [id, data])).toEqual(ids.map((id) => [id, chat(`seen ${id}`).data]));
	expect(client.metrics()).toMatchObject({ requests: 300, busVerdicts: 300, pendingRequests: 0 });
});
