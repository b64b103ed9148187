// Every way in which the bus can fail to answer, and the verdict that the caller gets for it.
import { setTimeout as delay } from "node:timers/promises";
import type { ChatMessageInput, FailureCode, HookVerdict } from "@hookbus/client";
import { beforeAll, expect, test, vi } from "vitest";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { connectTestClient, newTenant } from "./connect-test-client.js";
import { chat, response, toolOutcome, toolRequest } from "./inputs.js";
import { putPolicy } from "./put-policy.js";
import { frozen, type Script, startScriptedRuntime } from "./scripted-runtime.js";
import { until } from "./until.js";

// Real servers on a busy machine: the limit is for what hangs, not for what is slow.
vi.setConfig({ testTimeout: 120_000 });

let nats: StartedNats;
beforeAll(async () => {
	nats = await startNats({ config: "max_payload: 524288" });
	await putPolicy(nats.url, "somebody-else", {});
});

function expectPolicy(verdict: HookVerdict<unknown>, action: "continue" | "blocked", failure: FailureCode): void {
	expect(verdict).toMatchObject({ source: "policy", action, failure, trail: [], annotations: {} });
	expect(verdict.reason).toEqual(action === "blocked" ? { code: "bus_unavailable" } : undefined);
}

const closed = { assistants: { support: "closed" } } as const;

test("where nothing is installed and nobody listens, the event goes on at once with its data", async () => {
	const { client } = await connectTestClient(nats.url, newTenant());
	const inputs = [
		client.chatMessage(chat()),
		client.toolCall(toolRequest()),
		client.toolResult(toolOutcome()),
		client.beforeResponse(response()),
	];
	for (const verdict of await Promise.all(inputs)) {
		expectPolicy(verdict, "continue", "no_responders");
		expect(verdict).toMatchObject({ attempts: 1 });
		expect(verdict.data).toBeDefined();
	}
	expect(client.metrics()).toMatchObject({ requests: 4, retries: 0, resends: 0, policyVerdicts: { no_responders: 4 } });
});

test.each([
	["closed", "blocked"],
	["open", "continue"],
] as const)(
	"where a chain is installed (%s) and nobody listens, it is tried until the deadline and then the event is %s",
	async (rule, action) => {
		const tenant = newTenant();
		await putPolicy(nats.url, tenant, { on_chat_message: { all: rule, assistants: {} } });
		const { client } = await connectTestClient(nats.url, tenant);
		// Up to five events: a machine that stands still for two seconds leaves time for one attempt only.
		let attempts = 0;
		let retries = 0;
		for (let event = 0; event < 5 && attempts <= 2; event += 1) {
			const verdict = await client.chatMessage(chat("Hello", { deadlineMs: 2_000 }));
			expectPolicy(verdict, action, "no_responders");
			expect(verdict.durationMs).toBeGreaterThanOrEqual(2_000);
			attempts = verdict.attempts;
			retries += attempts - 1;
		}
		expect(attempts).toBeGreaterThan(2);
		expect(client.metrics().retries).toBe(retries);
	},
);

test("a runtime that subscribes while the event is tried again answers it", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: closed });
	const { client } = await connectTestClient(nats.url, tenant);
	const pending = client.chatMessage(chat("Hello", { deadlineMs: 20_000 }));
	await until("the event was tried twice", () => client.metrics().retries >= 2);
	const runtime = await startScriptedRuntime(nats.url, tenant);
	expect(await pending).toMatchObject({ source: "bus", action: "continue" });
	expect(runtime.calls).toHaveLength(1);
	expect(runtime.calls[0]?.event.deadlineMs).toBeLessThan(20_000);
});

const badReplies: Readonly<Record<string, Script>> = {
	"no JSON": (call) => call.raw("not json {"),
	"no UTF-8": (call) => call.raw(new Uint8Array([0xff, 0xfe, 0x00, 0x80])),
	"an empty message": (call) => call.raw(""),
	"another shape": (call) => call.raw(JSON.stringify({ action: "continue" })),
	"a verdict on another event": (call) => call.verdict({ id: "other" }),
	"a verdict on another hook": (call) => call.verdict({ hook: "on_tool_call" }),
	"modified without data": (call) => call.verdict({ action: "modified" }),
	"data that is not valid for the hook": (call) => call.verdict({ action: "modified", data: { messages: [] } }),
	"a deep nest of arrays": (call) => call.raw("[".repeat(200_000)),
};
for (const [name, script] of Object.entries(badReplies)) {
	test(`a reply that is ${name} blocks where the scope is closed, and the connection goes on`, async () => {
		const tenant = newTenant();
		await putPolicy(nats.url, tenant, { on_chat_message: closed });
		let first = true;
		await startScriptedRuntime(nats.url, tenant, (call) => {
			if (first) void script(call);
			else call.verdict();
			first = false;
		});
		const { client } = await connectTestClient(nats.url, tenant);
		expectPolicy(await client.chatMessage(chat()), "blocked", "bad_reply");
		expect(await client.chatMessage(chat())).toMatchObject({ source: "bus", action: "continue" });
		expect(client.metrics()).toMatchObject({ connects: 1, policyVerdicts: { bad_reply: 1 } });
	});
}

test("a problem is handed to the caller and is not tried again", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: closed });
	const runtime = await startScriptedRuntime(nats.url, tenant, (call) => call.problem(400, "invalid_event"));
	const { client } = await connectTestClient(nats.url, tenant);
	const verdict = await client.chatMessage(chat());
	expectPolicy(verdict, "blocked", "refused");
	expect(verdict).toMatchObject({ problem: { status: 400, code: "invalid_event" }, detail: "refused with invalid_event" });
	expect(runtime.calls).toHaveLength(1);
});

test("a problem with status 503 is tried again until a runtime is ready", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: closed });
	let refusals = 0;
	await startScriptedRuntime(nats.url, tenant, (call) => (++refusals <= 3 ? call.problem(503, "draining") : call.verdict()));
	const { client } = await connectTestClient(nats.url, tenant);
	expect(await client.chatMessage(chat("Hello", { deadlineMs: 20_000 }))).toMatchObject({ source: "bus", attempts: 4 });
});

test("an event that nobody answers gets its verdict at its deadline, and the late reply is counted and harms nobody", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: closed });
	const runtime = await startScriptedRuntime(nats.url, tenant, frozen);
	const { client } = await connectTestClient(nats.url, tenant);
	const startedAt = performance.now();
	const verdict = await client.chatMessage(chat("Hello", { deadlineMs: 300 }));
	expectPolicy(verdict, "blocked", "timeout");
	expect(performance.now() - startedAt).toBeGreaterThanOrEqual(300);
	expect(client.metrics().lateReplies).toBe(0);
	for (const call of runtime.calls) call.verdict();
	await runtime.connection.flush();
	await until("the late replies are counted", () => client.metrics().lateReplies === runtime.calls.length);
	runtime.calls[0]?.frame();
	await runtime.connection.flush();
	await delay(50);
	expect(client.metrics().lateReplies).toBe(runtime.calls.length);
});

test("an event over the limit is named too large before anything is sent", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: closed });
	const runtime = await startScriptedRuntime(nats.url, tenant);
	const { client } = await connectTestClient(nats.url, tenant);
	const verdict = await client.chatMessage(chat("ü".repeat(140_000)));
	expectPolicy(verdict, "blocked", "event_too_large");
	expect(verdict).toMatchObject({ attempts: 0, detail: expect.stringContaining("262144") });
	expectPolicy(await client.beforeResponse(response("x".repeat(300_000))), "continue", "event_too_large");
	expect(runtime.calls).toHaveLength(0);
	expect(await client.chatMessage(chat("x".repeat(200_000)))).toMatchObject({ source: "bus" });
});

test("an event over the server's max_payload is named too large", async () => {
	const tenant = newTenant();
	await startScriptedRuntime(nats.url, tenant);
	const { client } = await connectTestClient(nats.url, tenant, { maxEventBytes: 1_000_000 });
	expectPolicy(await client.chatMessage(chat("x".repeat(600_000))), "continue", "event_too_large");
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus" });
});

const circular: Record<string, unknown> = {};
circular["self"] = circular;
const invalidInputs: Readonly<Record<string, [input: unknown, detail: string]>> = {
	"no input": [undefined, "/assistant"],
	"a text as input": ["hello", "/assistant"],
	"no messages": [{ assistant: "support", data: { messages: [] } }, "/data/messages"],
	"an assistant with a dot": [chat("Hello", { assistant: "a.b" }), "/assistant"],
	"an assistant that is a wildcard": [chat("Hello", { assistant: "*" }), "/assistant"],
	"an id with a space": [chat("Hello", { id: "a b" }), "/id"],
	"an id that is a number": [chat("Hello", { id: 7 as unknown as string }), "/id"],
	"a deadline of 0": [chat("Hello", { deadlineMs: 0 }), "deadlineMs is 0"],
	"a deadline that is no number": [chat("Hello", { deadlineMs: Number.NaN }), "deadlineMs is NaN"],
	"a negative deadline": [chat("Hello", { deadlineMs: -1 }), "deadlineMs is -1"],
	"an unknown origin": [chat("Hello", { origin: "moon" as "user" }), "/origin"],
	"a broken traceparent": [chat("Hello", { traceparent: "00-1-2-3" }), "/traceparent"],
	"data that refers to itself": [{ assistant: "support", data: { ...chat().data, parameters: circular } }, "JSON"],
	"data with a BigInt": [{ assistant: "support", data: { ...chat().data, parameters: { seed: 1n } } }, "JSON"],
};
for (const [name, [input, detail]] of Object.entries(invalidInputs)) {
	test(`an input with ${name} is an invalid event, and nothing is sent or thrown`, async () => {
		const tenant = newTenant();
		await putPolicy(nats.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
		const runtime = await startScriptedRuntime(nats.url, tenant);
		const { client } = await connectTestClient(nats.url, tenant);
		const verdict = await client.chatMessage(input as ChatMessageInput);
		expectPolicy(verdict, "blocked", "invalid_event");
		expect(verdict).toMatchObject({ attempts: 0, detail: expect.stringContaining(detail) });
		expect(runtime.calls).toHaveLength(0);
	});
}

test("an input whose property throws ends as a verdict of the policy", async () => {
	const tenant = newTenant();
	const { client } = await connectTestClient(nats.url, tenant, {
		policy: { on_chat_message: { all: "closed", assistants: {} } },
	});
	const input = {
		assistant: "support",
		get data(): never {
			throw new Error("the getter is broken");
		},
	};
	const verdict = await client.chatMessage(input).catch(() => undefined);
	expect(verdict).toMatchObject({ source: "policy", action: "blocked", failure: "internal", detail: "the getter is broken" });
});

test("a tool result without a result is an invalid event", async () => {
	const { client } = await connectTestClient(nats.url, newTenant());
	const verdict = await client.toolResult(toolRequest() as ReturnType<typeof toolOutcome>);
	expectPolicy(verdict, "continue", "invalid_event");
	expect(verdict).toMatchObject({ detail: expect.stringContaining("/data/result") });
});

test("over the limit of pending events the policy decides at once", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: closed });
	await startScriptedRuntime(nats.url, tenant, frozen);
	const { client } = await connectTestClient(nats.url, tenant, { maxPendingRequests: 3 });
	const waiting = [1, 2, 3].map(() => client.chatMessage(chat("Hello", { deadlineMs: 500 })));
	const verdict = await client.chatMessage(chat());
	expectPolicy(verdict, "blocked", "overloaded");
	expect(verdict.attempts).toBe(0);
	for (const one of await Promise.all(waiting)) expectPolicy(one, "blocked", "timeout");
});
