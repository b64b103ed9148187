// The connection: no bus at the start, lost and frozen servers, credentials and permissions, and the end.
import { readFileSync } from "node:fs";
import { ClientError, type ClientOptions, connectHookbus } from "@hookbus/client";
import { createUser } from "nkeys.js";
import { beforeAll, expect, test, vi } from "vitest";
import { freePort } from "../support/free-port.js";
import { type NatsOptions, type StartedNats, startNats } from "../support/start-nats.js";
import { connectTestClient, newTenant } from "./connect-test-client.js";
import { createEventStream } from "./event-stream.js";
import { chat, sent } from "./inputs.js";
import { putPolicy } from "./put-policy.js";
import { frozen, startScriptedRuntime } from "./scripted-runtime.js";
import { until } from "./until.js";

// Real servers on a busy machine: the limit is for what hangs, not for what is slow.
vi.setConfig({ testTimeout: 120_000 });

const closedForAll = { on_chat_message: { all: "closed", assistants: { lenient: "open" } } } as const;

let nats: StartedNats;
beforeAll(async () => {
	nats = await startNats();
});

test("a client whose bus is down connects within its time, follows its policy, and finds the bus when it starts", async () => {
	const port = await freePort();
	const startedAt = performance.now();
	const { client, statuses } = await connectTestClient(`nats://127.0.0.1:${port}`, "acme", {
		connectTimeoutMs: 1_000,
		unknownPolicy: "open",
	});
	expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
	expect(client.connected).toBe(false);
	expect(client.policy()).toEqual({ state: "unknown" });
	expect(await client.chatMessage(chat())).toMatchObject({
		action: "continue",
		source: "policy",
		failure: "disconnected",
		attempts: 0,
	});
	expect(statuses.filter(({ type }) => type === "connect_failed")).toMatchObject([{ error: { code: "connection_refused" } }]);
	const server = await startNats({ port });
	await startScriptedRuntime(server.url, "acme");
	await until("the client is connected", () => client.connected);
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus" });
	expect(statuses.map(({ type }) => type)).toContain("connected");
});

test("with an unknown policy and no bus an event waits for its deadline and is blocked", async () => {
	const { client } = await connectTestClient(`nats://127.0.0.1:${await freePort()}`, "acme", { connectTimeoutMs: 50 });
	const verdict = await client.chatMessage(chat("Hello", { deadlineMs: 200 }));
	expect(verdict).toMatchObject({ action: "blocked", failure: "disconnected", attempts: 0 });
	expect(verdict.durationMs).toBeGreaterThanOrEqual(200);
});

test("with waitOnFirstConnect connectHookbus rejects when the bus is down, and keeps nothing open", async () => {
	const servers = `127.0.0.1:${await freePort()}`;
	const failure = await connectHookbus({ servers, tenant: "acme", waitOnFirstConnect: true, connectTimeoutMs: 200 }).catch(
		(thrown: unknown) => thrown,
	);
	expect(failure).toBeInstanceOf(ClientError);
	expect(failure).toMatchObject({ code: "not_connected", message: expect.stringContaining(servers) });
});

const badOptions: Readonly<Record<string, [options: Record<string, unknown>, names: string]>> = {
	"no tenant": [{}, "tenant"],
	"a tenant with a dot": [{ tenant: "a.b" }, "tenant is a.b"],
	"a wildcard as tenant": [{ tenant: ">" }, "tenant is >"],
	"a misspelt option": [{ tenant: "acme", deadlineMs: 5 }, "deadlineMs"],
	"a deadline over 30 seconds": [{ tenant: "acme", defaultDeadlineMs: 40_000 }, "defaultDeadlineMs is 40000"],
	"a deadline that is no whole number": [{ tenant: "acme", defaultDeadlineMs: 1.5 }, "defaultDeadlineMs is 1.5"],
	"an unknown policy": [{ tenant: "acme", unknownPolicy: "maybe" }, "unknownPolicy is maybe"],
	"a policy of another shape": [{ tenant: "acme", policy: { on_chat_message: "closed" } }, "policy"],
	"no servers": [{ tenant: "acme", servers: [] }, "servers"],
	"two forms of credentials": [{ tenant: "acme", credentials: { token: "t0psecret", user: "u", pass: "p" } }, "credentials"],
};
for (const [name, [options, names]] of Object.entries(badOptions)) {
	test(`connectHookbus refuses ${name}`, async () => {
		const failure = await connectHookbus(options as unknown as ClientOptions).catch((thrown: unknown) => thrown);
		expect(failure).toMatchObject({ name: "ClientError", code: "invalid_options", message: expect.stringContaining(names) });
		expect((failure as Error).message).not.toContain("t0psecret");
	});
}

test("while NATS is down an open scope goes on at once and a closed one waits; after the restart its event is answered", async () => {
	const server = await startNats();
	const tenant = newTenant();
	await startScriptedRuntime(server.url, tenant);
	const { client, statuses } = await connectTestClient(server.url, tenant, { policy: closedForAll });
	await server.kill9();
	await until("the connection is lost", () => !client.connected);
	const closed = client.chatMessage(chat());
	const open = await client.chatMessage(chat("Hello", { assistant: "lenient" }));
	expect(open).toMatchObject({ action: "continue", failure: "disconnected", attempts: 0 });
	expect(open.durationMs).toBeLessThan(10_000);
	expect(await client.chatMessage(chat("Hello", { deadlineMs: 100 }))).toMatchObject({
		action: "blocked",
		failure: "disconnected",
	});
	await server.restart();
	expect(await closed).toMatchObject({ source: "bus", action: "continue" });
	expect(client.metrics().connects).toBe(2);
	expect(statuses.map(({ type }) => type).filter((type) => type === "connected" || type === "disconnected")).toEqual([
		"connected",
		"disconnected",
		"connected",
	]);
});

test("an event that was being worked on when NATS was killed is sent again after the restart, or goes on where its scope is open", async () => {
	const server = await startNats();
	const tenant = newTenant();
	const runtime = await startScriptedRuntime(server.url, tenant, (call) => {
		if (client.metrics().connects > 1) call.verdict();
		else call.frame();
	});
	const { client } = await connectTestClient(server.url, tenant, { policy: closedForAll, silenceMs: 20_000 });
	const closed = client.chatMessage(chat("Hello", { id: "closed" }));
	const open = client.chatMessage(chat("Hello", { id: "open", assistant: "lenient" }));
	await until("both are being worked on", () => client.metrics().frames === 2);
	await server.kill9();
	expect(await open).toMatchObject({ source: "policy", action: "continue", failure: "disconnected", attempts: 1 });
	await server.restart();
	const verdict = await closed;
	expect(verdict.source).toBe("bus");
	expect(verdict.attempts).toBeGreaterThanOrEqual(2);
	expect(runtime.calls.filter(({ event }) => event.id === "closed").length).toBeGreaterThanOrEqual(2);
	expect(runtime.calls.filter(({ event }) => event.id === "open")).toHaveLength(1);
});

test("a NATS server that is frozen costs no more than the deadline and a bounded amount of memory", async () => {
	const server = await startNats();
	const tenant = newTenant();
	await startScriptedRuntime(server.url, tenant);
	const { client } = await connectTestClient(server.url, tenant, { policy: closedForAll, maxUnconfirmedBytes: 100_000 });
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus" });
	server.pause();
	const verdicts = await Promise.all(
		Array.from({ length: 20 }, () => client.chatMessage(chat("x".repeat(20_000), { deadlineMs: 400 }))),
	);
	for (const verdict of verdicts) expect(verdict).toMatchObject({ action: "blocked", source: "policy" });
	const { timeout, overloaded } = client.metrics().policyVerdicts;
	expect(timeout).toBeGreaterThan(0);
	expect(overloaded).toBeGreaterThanOrEqual(15);
	server.resume();
	await until("the client works again", async () => (await client.chatMessage(chat())).source === "bus");
});

test("a connection to a server that stays frozen is given up, although the server still holds it, and made anew", async () => {
	const server = await startNats();
	const tenant = newTenant();
	await startScriptedRuntime(server.url, tenant);
	const { client, statuses } = await connectTestClient(server.url, tenant, { policy: closedForAll });
	server.pause();
	// More than the socket's buffers hold, so that the end of the connection cannot be written to it either.
	void client.chatMessage(chat("x".repeat(250_000), { deadlineMs: 10_000 }));
	for (let event = 0; event < 30; event++) void client.chatMessage(chat("x".repeat(250_000), { deadlineMs: 10_000 }));
	await until("the connection is given up", () => statuses.some(({ type }) => type === "disconnected"));
	expect(client.connected).toBe(false);
	server.resume();
	await until("the client is connected", () => client.connected);
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus" });
});

test("wrong credentials are reported once, and the client connects when the server accepts them", async () => {
	const options = { config: 'authorization { user: "chat", password: "old" }' };
	const server = await startNats(options);
	const { client, statuses } = await connectTestClient(server.url, "acme", {
		credentials: { user: "chat", pass: "new" },
		connectTimeoutMs: 1_500,
		unknownPolicy: "open",
	});
	await until("it is reported", () => statuses.length > 0);
	expect(client.connected).toBe(false);
	expect(statuses).toMatchObject([{ type: "connect_failed", error: { code: "authorization_violation" } }]);
	options.config = options.config.replace("old", "new");
	await server.restart();
	await until("the client is connected", () => client.connected);
});

const user = createUser();
const credentials: Readonly<Record<string, [NatsOptions, ClientOptions["credentials"]]>> = {
	"a token": [{ config: 'authorization { token: "s3cret" }' }, { token: "s3cret" }],
	"an nkey": [
		{ config: `authorization { users: [{ nkey: "${user.getPublicKey()}" }] }` },
		{ nkeySeed: new TextDecoder().decode(user.getSeed()) },
	],
};
for (const [name, [options, given]] of Object.entries(credentials)) {
	test(`a client connects with ${name}`, async () => {
		const server = await startNats(options);
		const { client } = await connectTestClient(server.url, "acme", { credentials: given });
		expect(client.connected).toBe(true);
		const { client: without } = await connectTestClient(server.url, "acme", { connectTimeoutMs: 500, unknownPolicy: "open" });
		expect(without.connected).toBe(false);
	});
}

/** The permissions that the README gives for tenant `acme`. */
function permissionsOfReadme(): string {
	const readme = readFileSync(new URL("../../sdk/client/README.md", import.meta.url), "utf8");
	const block = /^publish: .*\nsubscribe: .*$/m.exec(readme)?.[0] ?? "";
	expect(block).toContain("_INBOX_acme.>");
	return `{ ${block} }`;
}

test("the permissions in the README are enough for verdicts, policy and durable events", async () => {
	const server = await startNats({
		config: `authorization { users: [{ user: "admin", password: "a" }, { user: "chat", password: "c", permissions: ${permissionsOfReadme()} }] }
			no_auth_user: "admin"`,
	});
	await createEventStream(server.url);
	await putPolicy(server.url, "acme", closedForAll);
	const runtime = await startScriptedRuntime(server.url, "acme");
	const { client, statuses } = await connectTestClient(server.url, "acme", { credentials: { user: "chat", pass: "c" } });
	expect(client.policy().state).toBe("known");
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus" });
	expect(await client.afterResponse(sent())).toMatchObject({ stored: true });
	await putPolicy(server.url, "acme", { on_chat_message: { all: "open", assistants: {} } });
	await until("the change is there", () => statuses.filter(({ type }) => type === "policy").length === 2);
	expect(runtime.calls).toHaveLength(1);
	expect(statuses.filter(({ type }) => type === "permission_denied")).toEqual([]);
});

test("a client that may not publish for its tenant is told so at once", async () => {
	const server = await startNats({
		config: `authorization { users: [{ user: "chat", password: "c", permissions: { publish: { deny: ["hooks.v1.acme.>"] } } }] }`,
	});
	const { client, statuses } = await connectTestClient(server.url, "acme", {
		credentials: { user: "chat", pass: "c" },
		policy: closedForAll,
	});
	const denied = client.chatMessage(chat());
	expect(await denied).toMatchObject({ action: "blocked", failure: "permission_denied" });
	expect((await denied).durationMs).toBeLessThan(10_000);
	expect(await client.afterResponse(sent())).toMatchObject({ stored: false, failure: "permission_denied" });
	expect(statuses).toContainEqual(
		expect.objectContaining({
			type: "permission_denied",
			operation: "publish",
			subject: expect.stringMatching(/^hooks\.v1\.acme\.on_(chat_message|after_response)\.support$/),
		}),
	);
});

test("a client that may not subscribe to its inbox is told so instead of waiting", async () => {
	const server = await startNats({
		config: `authorization { users: [{ user: "chat", password: "c", permissions: { publish: [">"], subscribe: ["_INBOX_other.>"] } }] }`,
	});
	const { client, statuses } = await connectTestClient(server.url, "acme", {
		credentials: { user: "chat", pass: "c" },
		policy: closedForAll,
	});
	await until("it is reported", () => statuses.some(({ type }) => type === "permission_denied"));
	expect(await client.chatMessage(chat())).toMatchObject({ action: "blocked", failure: "permission_denied", attempts: 0 });
});

test("close() waits for the verdicts that are pending, takes nothing new, and may be called again", async () => {
	const tenant = newTenant();
	const runtime = await startScriptedRuntime(nats.url, tenant, frozen);
	const { client, statuses } = await connectTestClient(nats.url, tenant, { closeTimeoutMs: 20_000, policy: closedForAll });
	const pending = client.chatMessage(chat());
	await until("the runtime has the event", () => runtime.calls.length > 0);
	const closing = client.close();
	expect(client.close()).toBe(closing);
	expect(await client.chatMessage(chat())).toMatchObject({ action: "blocked", failure: "closed", attempts: 0 });
	expect(await client.chatMessage(chat("Hello", { assistant: "lenient" }))).toMatchObject({
		action: "continue",
		failure: "closed",
	});
	runtime.calls[0]?.verdict();
	expect(await pending).toMatchObject({ source: "bus" });
	expect(await closing).toEqual({ unanswered: 0, dropped: 0 });
	expect(statuses.at(-1)).toEqual({ type: "closed" });
	expect(client.connected).toBe(false);
});

test("close() gives what is still pending after closeTimeoutMs its verdict by the policy", async () => {
	const tenant = newTenant();
	await startScriptedRuntime(nats.url, tenant, frozen);
	const { client } = await connectTestClient(nats.url, tenant, { closeTimeoutMs: 100, policy: closedForAll });
	const pending = client.chatMessage(chat());
	expect(await client.close()).toEqual({ unanswered: 1, dropped: 0 });
	expect(await pending).toMatchObject({ action: "blocked", failure: "closed" });
});

test("a logger and a status callback that throw change nothing", async () => {
	const tenant = newTenant();
	const server = await startNats();
	await startScriptedRuntime(server.url, tenant);
	const thrower = (): never => {
		throw new Error("broken");
	};
	const { client } = await connectTestClient(server.url, tenant, {
		policy: closedForAll,
		onStatus: thrower,
		logger: { debug: thrower, info: thrower, warn: thrower, error: thrower },
	});
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus" });
	await server.restart();
	await until("the client has connected again", () => client.metrics().connects === 2);
	expect(await client.chatMessage(chat())).toMatchObject({ source: "bus" });
});

test("a logger gets a line with the client's name for each change of state", async () => {
	const lines: [Record<string, unknown>, string][] = [];
	const logger = { info: (fields: Record<string, unknown>, message: string) => void lines.push([fields, message]) };
	const { client } = await connectTestClient(nats.url, newTenant(), { name: "chat-7", logger });
	await client.close();
	expect(lines).toEqual([
		[expect.objectContaining({ client: "chat-7", type: "connected" }), expect.stringContaining("connected to 127.0.0.1")],
		[expect.objectContaining({ client: "chat-7", type: "closed" }), "hookbus client: closed"],
	]);
});
