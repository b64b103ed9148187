// The client's copy of the failure policy: where it comes from, what it survives, and what it decides.
import { rmSync } from "node:fs";
import type { ClientOptions } from "@hookbus/client";
import { beforeAll, expect, test, vi } from "vitest";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { connectTestClient, newTenant, type TestClient } from "./connect-test-client.js";
import { chat, response, toolRequest } from "./inputs.js";
import { deletePolicy, destroyPolicies, putPolicy, putRawPolicy } from "./put-policy.js";
import { until } from "./until.js";

// Real servers on a busy machine: the limit is for what hangs, not for what is slow.
vi.setConfig({ testTimeout: 120_000 });

let nats: StartedNats;
beforeAll(async () => {
	nats = await startNats();
});

/** What a client does with an event that nobody answers. */
async function decision({ client }: TestClient, assistant = "support"): Promise<string> {
	return (await client.chatMessage(chat("Hello", { assistant, deadlineMs: 50 }))).action;
}

test("a client has the policy of its tenant when connectHookbus resolves, and follows its changes and its deletion", async () => {
	const tenant = newTenant();
	const first = await putPolicy(nats.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
	const test = await connectTestClient(nats.url, tenant);
	expect(test.client.policy()).toMatchObject({ state: "known", policy: { revision: first, tenant } });
	expect(await decision(test)).toBe("blocked");
	const second = await putPolicy(nats.url, tenant, { on_chat_message: { all: "open", assistants: {} } });
	await until("the change is there", () => {
		const view = test.client.policy();
		return view.state === "known" && view.policy.revision === second;
	});
	expect(await decision(test)).toBe("continue");
	await deletePolicy(nats.url, tenant);
	await until("the deletion is there", () => test.client.policy().state === "empty");
	expect(await decision(test)).toBe("continue");
	expect(test.statuses.filter(({ type }) => type === "policy")).toMatchObject([
		{ state: "known", revision: first },
		{ state: "known", revision: second },
		{ state: "empty", revision: undefined },
	]);
});

test("an assistant's own rule wins over the rule for all, and other hooks have their own", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, {
		on_chat_message: { all: "closed", assistants: { lenient: "open" } },
		on_tool_call: { assistants: { support: "closed" } },
	});
	const test = await connectTestClient(nats.url, tenant);
	expect(await decision(test)).toBe("blocked");
	expect(await decision(test, "lenient")).toBe("continue");
	expect((await test.client.toolCall(toolRequest({ deadlineMs: 50 }))).action).toBe("blocked");
	expect((await test.client.toolCall(toolRequest({ deadlineMs: 50, assistant: "other" }))).action).toBe("continue");
	expect((await test.client.beforeResponse(response("2", { deadlineMs: 50 }))).action).toBe("continue");
});

test.each(["constructor", "__proto__", "toString"])("an assistant called %s gets the rule for all", async (assistant) => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
	const test = await connectTestClient(nats.url, tenant);
	expect(await decision(test, assistant)).toBe("blocked");
});

test.each([
	["no JSON", "{"],
	["no policy", JSON.stringify({ spec: "1" })],
	["a policy of another tenant", JSON.stringify({ spec: "1", tenant: "other", revision: 9, hooks: {} })],
])("an entry that is %s is reported, and the last valid policy goes on", async (_what, value) => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
	const test = await connectTestClient(nats.url, tenant);
	await putRawPolicy(nats.url, tenant, value);
	await until("it is reported", () =>
		test.statuses.some((status) => status.type === "policy_failed" && status.error.code === "policy_invalid"),
	);
	expect(test.client.policy()).toMatchObject({ state: "known", policy: { tenant } });
	expect(await decision(test)).toBe("blocked");
});

test("a tenant without a policy has nothing installed: events go on", async () => {
	await putPolicy(nats.url, "somebody-else", { on_chat_message: { all: "closed", assistants: {} } });
	const test = await connectTestClient(nats.url, newTenant());
	expect(test.client.policy()).toEqual({ state: "empty" });
	expect(await decision(test)).toBe("continue");
});

test("on a server where JetStream is off the policy is unknown: events are blocked, or go on when the service says so", async () => {
	const plain = await startNats({ jetstream: false });
	const careful = await connectTestClient(plain.url, newTenant());
	expect(careful.client.policy()).toEqual({ state: "unknown" });
	for (const verdict of await Promise.all([
		careful.client.chatMessage(chat("Hello", { deadlineMs: 50 })),
		careful.client.toolCall(toolRequest({ deadlineMs: 50 })),
		careful.client.beforeResponse(response("2", { deadlineMs: 50 })),
	])) {
		expect(verdict).toMatchObject({ action: "blocked", source: "policy", reason: { code: "bus_unavailable" } });
	}
	expect(careful.statuses.filter(({ type }) => type === "policy_failed")).toMatchObject([
		{ error: { code: "policy_unreadable" } },
	]);
	const relaxed = await connectTestClient(plain.url, newTenant(), { unknownPolicy: "open" });
	expect(await relaxed.client.chatMessage(chat())).toMatchObject({
		action: "continue",
		source: "policy",
		failure: "no_responders",
		attempts: 1,
	});
});

const closedForAll: ClientOptions["policy"] = { on_chat_message: { all: "closed", assistants: { lenient: "open" } } };

test("a rule in the service's own code wins over the bus's rule, in both directions", async () => {
	const tenant = newTenant();
	await putPolicy(nats.url, tenant, { on_chat_message: { assistants: { lenient: "closed", strict: "closed" } } });
	const test = await connectTestClient(nats.url, tenant, { policy: closedForAll });
	expect(await decision(test, "anybody")).toBe("blocked");
	expect(await decision(test, "lenient")).toBe("continue");
	const without = await connectTestClient(nats.url, tenant);
	expect(await decision(without, "anybody")).toBe("continue");
	expect(await decision(without, "lenient")).toBe("blocked");
});

test("the policy survives a NATS restart and follows what was changed after it", async () => {
	const own = await startNats();
	const tenant = newTenant();
	await putPolicy(own.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
	const test = await connectTestClient(own.url, tenant);
	await own.kill9();
	await until("the connection is lost", () => !test.client.connected);
	expect(await decision(test)).toBe("blocked");
	await own.restart();
	await until("the connection is back", () => test.client.connected);
	const revision = await putPolicy(own.url, tenant, { on_chat_message: { all: "open", assistants: {} } });
	await until("the change is there", () => {
		const view = test.client.policy();
		return view.state === "known" && view.policy.revision === revision;
	});
	expect(await decision(test)).toBe("continue");
});

test("a gate that was closed stays closed when the bus has lost its policies, until it has new ones", async () => {
	const own = await startNats();
	const tenant = newTenant();
	await putPolicy(own.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
	const test = await connectTestClient(own.url, tenant);
	await own.kill9();
	rmSync(own.storeDir, { recursive: true });
	await own.restart();
	await until("the connection is back", () => test.client.connected);
	await destroyPolicies(own.url);
	expect(await decision(test)).toBe("blocked");
	const revision = await putPolicy(own.url, tenant, { on_chat_message: { all: "open", assistants: {} } });
	await until("the new policy is there", () => {
		const view = test.client.policy();
		return view.state === "known" && view.policy.revision === revision;
	});
	expect(await decision(test)).toBe("continue");
});

test("a bucket that is made after the client has connected is found", async () => {
	const own = await startNats();
	const tenant = newTenant();
	const test = await connectTestClient(own.url, tenant);
	expect(test.client.policy()).toEqual({ state: "empty" });
	await putPolicy(own.url, tenant, { on_chat_message: { all: "closed", assistants: {} } });
	await until("the policy is there", () => test.client.policy().state === "known");
	expect(await decision(test)).toBe("blocked");
});
