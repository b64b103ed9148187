// Signs of life: when an event is sent again, when it is not, and what that does against frozen, killed and slow runtimes.
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, test, vi } from "vitest";
import { needsRealTime } from "../support/real-time.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { connectTestClient, newTenant } from "./connect-test-client.js";
import { chat } from "./inputs.js";
import { putPolicy } from "./put-policy.js";
import { frozen, startScriptedRuntime, worksFor } from "./scripted-runtime.js";
import { until } from "./until.js";

// Real servers on a busy machine: the limit is for what hangs, not for what is slow.
vi.setConfig({ testTimeout: 120_000 });

let nats: StartedNats;
beforeAll(async () => {
	nats = await startNats();
});

async function closedTenant(): Promise<string> {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
	return tenant;
}

test("an event that nobody works on is sent again, the same except for the time that is left, at growing intervals", async () => {
	const tenant = await closedTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, frozen);
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 60 });
	const verdict = await client.chatMessage(chat("Hello", { deadlineMs: 5_000 }));
	expect(verdict).toMatchObject({ source: "policy", failure: "timeout", attempts: runtime.calls.length });
	expect(runtime.calls.length).toBeGreaterThanOrEqual(3);
	// Every 60 ms would be 80 times.
	expect(runtime.calls.length).toBeLessThanOrEqual(15);
	expect(client.metrics().resends).toBe(runtime.calls.length - 1);
	const first = runtime.calls[0];
	let before = first;
	for (const call of runtime.calls.slice(1)) {
		expect({ ...call.event, deadlineMs: 0 }).toEqual({ ...first?.event, deadlineMs: 0 });
		expect(call.event.deadlineMs).toBeLessThanOrEqual((before?.event.deadlineMs ?? 0) - 60);
		expect(call.reply).not.toBe(before?.reply);
		before = call;
	}
});

test("an event that a runtime works on is not sent again", async () => {
	const tenant = await closedTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, worksFor(10_000));
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 6_000 });
	expect(await client.chatMessage(chat("Hello", { deadlineMs: 30_000 }))).toMatchObject({ source: "bus", attempts: 1 });
	expect(runtime.calls).toHaveLength(1);
	expect(client.metrics().frames).toBeGreaterThan(0);
});

test("when a runtime falls silent in the middle of its work, the event is sent again", async () => {
	const tenant = await closedTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, async (call) => {
		if (call !== runtime.calls[0]) return call.verdict();
		for (let frame = 0; frame < 10; frame++) {
			call.frame();
			await delay(40);
		}
	});
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 300 });
	const verdict = await client.chatMessage(chat());
	expect(verdict).toMatchObject({ source: "bus", attempts: 2 });
	expect(verdict.durationMs).toBeGreaterThan(600);
});

test("the first verdict wins, and one that comes later is counted", async () => {
	const tenant = await closedTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, (call) => {
		if (runtime.calls.length > 1) call.verdict({ revision: 2 });
	});
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 60 });
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus", revision: 2 });
	expect(client.metrics().lateReplies).toBe(0);
	runtime.calls[0]?.verdict({ revision: 1 });
	await until("the late verdict is counted", () => client.metrics().lateReplies > 0);
	expect(client.metrics().busVerdicts).toBe(1);
});

test("a verdict on the first send counts even when the event was sent again meanwhile", async () => {
	const tenant = await closedTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, () => {
		if (runtime.calls.length > 1) runtime.calls[0]?.verdict({ revision: 1 });
	});
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 60 });
	const verdict = await client.chatMessage(chat());
	expect(verdict).toMatchObject({ source: "bus", revision: 1 });
	expect(verdict.attempts).toBeGreaterThanOrEqual(2);
});

test("with 1 of 3 runtimes frozen at most 1 % of events with a deadline of 1 second fall to the policy", async (context) => {
	needsRealTime(context);
	const tenant = await closedTenant();
	const stopped = await startScriptedRuntime(nats.url, tenant, frozen);
	await startScriptedRuntime(nats.url, tenant);
	await startScriptedRuntime(nats.url, tenant, worksFor(70));
	const { client } = await connectTestClient(nats.url, tenant, { defaultDeadlineMs: 1_000, silenceMs: 60 });
	const events = 300;
	const lost: number[] = [];
	let next = 0;
	const caller = async (): Promise<void> => {
		while (next++ < events) {
			const verdict = await client.chatMessage(chat());
			if (verdict.source === "policy") lost.push(verdict.attempts);
		}
	};
	await Promise.all(Array.from({ length: 8 }, caller));
	expect(stopped.calls.length).toBeGreaterThan(events / 10);
	expect(client.metrics().resends).toBeGreaterThan(events / 10);
	// An event that met the frozen runtime each time was sent 7 or 8 times. One that was sent less often was lost to a
	// machine that stood still for a second, which says nothing about the client; without resending a third would be lost.
	expect(lost.filter((attempts) => attempts >= 6).length).toBeLessThanOrEqual(events / 100);
	expect(lost.length).toBeLessThan(events / 8);
});

test("an event whose runtime was killed is answered by another one", async () => {
	const tenant = await closedTenant();
	const victims = await startScriptedRuntime(nats.url, tenant, () => victims.kill());
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 60 });
	const pending = client.chatMessage(chat());
	await until("the runtime has the event", () => victims.calls.length === 1);
	const survivor = await startScriptedRuntime(nats.url, tenant);
	expect(await pending).toMatchObject({ source: "bus", id: victims.calls[0]?.event.id });
	expect(survivor.calls.map(({ event }) => event.id)).toContain(victims.calls[0]?.event.id);
});

test("when the client's own process stalls, replies that came meanwhile are read before anything is sent again", async () => {
	const tenant = await closedTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, (call) => {
		call.verdict();
		setImmediate(() => {
			const until = performance.now() + 1_500;
			while (performance.now() < until);
		});
	});
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 700 });
	const verdict = await client.chatMessage(chat("Hello", { deadlineMs: 1_200 }));
	expect(verdict).toMatchObject({ source: "bus", attempts: 1 });
	expect(verdict.durationMs).toBeGreaterThan(1_200);
	expect(runtime.calls).toHaveLength(1);
});

test("runtimes that are late but alive make the client patient instead of being sent everything many times", async () => {
	const tenant = await closedTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, (call) => {
		setTimeout(() => call.verdict(), 180);
	});
	const { client } = await connectTestClient(nats.url, tenant, { silenceMs: 60 });
	for (let round = 0; round < 8; round++) await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(() => client.chatMessage(chat())));
	expect(client.metrics().roundTripMs).toBeGreaterThan(40);
	const before = runtime.calls.length;
	for (let round = 0; round < 5; round++) await client.chatMessage(chat());
	// With a fixed tolerance of 60 ms each event is sent 3 times.
	expect(runtime.calls.length - before).toBeLessThanOrEqual(10);
});
