// Parts of the bus that are gone: the database, the control plane, everything after a restart. The services run with their own
// time limits here, as in production: a machine that keeps standing still breaks them, and says nothing about the bus.
import { connectHookbus, type HookbusClient } from "@hookbus/client";
import { describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf } from "../support/plugin-package.js";
import { needsRealTime } from "../support/real-time.js";
import { type SpawnedControlPlane, spawnControlPlane } from "../support/spawn-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { startPostgres } from "../support/start-postgres.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

const hook = "on_chat_message";

async function clientOf(url: string): Promise<HookbusClient> {
	const hookbus = await connectHookbus({ servers: url, tenant: "default", waitOnFirstConnect: true });
	closeAfter(() => hookbus.close());
	return hookbus;
}

/** A control plane that has reached NATS. */
async function startBus(natsUrl: string, env: Record<string, string> = {}, dataDir?: string): Promise<SpawnedControlPlane> {
	const plane = await spawnControlPlane({
		env: { HOOKBUS_NATS_URL: natsUrl, ...env },
		...(dataDir === undefined ? {} : { dataDir }),
	});
	await plane.admin.ready();
	return plane;
}

const ask = (hookbus: HookbusClient) =>
	hookbus.chatMessage({
		assistant: "support",
		deadlineMs: 20_000,
		data: { messages: [{ role: "user", parts: [{ type: "text", text: "hi" }] }] },
	});

test("FT-13 PostgreSQL is down: hooks go on, writes answer 503 and say when to retry, and everything recovers by itself", async (context) => {
	needsRealTime(context);
	const nats = await startNats();
	const postgres = await startPostgres();
	const api = await startBus(nats.url, { HOOKBUS_DATABASE_URL: await postgres.createDatabase() });
	await spawnRuntime({ natsUrl: nats.url, id: "outage" });
	const hookbus = await clientOf(nats.url);
	await installEnabled(
		api.admin,
		manifestOf("steady", "1.0.0", [{ hook, effect: "gate" }]),
		await moduleReturning({ [hook]: { action: "continue" } }),
	);
	await postgres.stop();
	for (let event = 0; event < 20; event += 1)
		expect((await ask(hookbus)).trail).toMatchObject([{ plugin: "steady", outcome: "ok" }]);
	const refused = await waitFor(
		"a 503",
		async () => {
			const answer = await api.admin.call("POST", "/api/v1/plugins/steady/disable");
			return answer.status === 503 ? answer : undefined;
		},
		{ timeoutMs: 240_000 },
	);
	expect(refused.body).toMatchObject({ status: 503, code: expect.any(String) });
	expect((await ask(hookbus)).source).toBe("bus");
	await postgres.restart();
	await waitFor(
		"a change goes through",
		async () => (await api.admin.call("POST", "/api/v1/plugins/steady/disable?wait=applied&waitMs=60000")).status === 200,
		{ timeoutMs: 240_000, intervalMs: 100 },
	);
	// What happened during the outage is recorded once it is over.
	await waitFor(
		"the executions of the outage are recorded",
		async () =>
			(await api.admin.get<{ items: unknown[] }>("/api/v1/plugin-executions?plugin=steady&limit=100")).body.items.length >= 21,
		{ timeoutMs: 240_000, intervalMs: 200 },
	);
}, 600_000);

test("the control plane is killed: hooks go on; after its restart and a restart of the runtime all states are as before", async (context) => {
	needsRealTime(context);
	const nats = await startNats();
	const api = await startBus(nats.url);
	const runtime = await spawnRuntime({ natsUrl: nats.url, id: "first" });
	const hookbus = await clientOf(nats.url);
	const module = await moduleReturning({ [hook]: { action: "continue" } });
	for (const name of ["on-one", "off-one"])
		await installEnabled(api.admin, manifestOf(name, "1.0.0", [{ hook, effect: "gate" }]), module);
	expect((await api.admin.call("POST", "/api/v1/plugins/off-one/disable?wait=applied&waitMs=60000")).status).toBe(200);
	const before = (await api.admin.call("GET", "/api/v1/plugins")).body;
	await api.process.kill9();
	expect((await ask(hookbus)).trail.map((entry) => entry.plugin)).toEqual(["on-one"]);
	await runtime.kill9();
	await spawnRuntime({ natsUrl: nats.url, id: "second" });
	expect((await ask(hookbus)).trail.map((entry) => entry.plugin)).toEqual(["on-one"]);
	const again = (await startBus(nats.url, {}, api.dataDir)).admin.as(api.key);
	expect((await again.get("/api/v1/plugins")).body).toEqual(before);
	expect((await again.call("POST", "/api/v1/plugins/off-one/enable?wait=applied&waitMs=60000")).status).toBe(200);
	expect((await ask(hookbus)).trail.map((entry) => entry.plugin)).toEqual(["off-one", "on-one"]);
}, 600_000);

describe("tools", () => {
	test("a disabled plugin's tool cannot be called, at once", async (context) => {
		needsRealTime(context);
		const nats = await startNats();
		const api = await startBus(nats.url);
		await spawnRuntime({ natsUrl: nats.url, id: "tools" });
		const hookbus = await clientOf(nats.url);
		const tool = { name: "answer", description: "Knows the answer", parameters: { type: "object" } };
		const module = await moduleReturning({ on_tool_call: { action: "claim", result: { content: 42 } } });
		await installEnabled(
			api.admin,
			manifestOf("answerer", "1.0.0", [{ hook: "on_tool_call", effect: "claim" }], { tools: [tool] }),
			module,
		);
		const call = () =>
			hookbus.toolCall({ assistant: "support", deadlineMs: 20_000, data: { call: { id: "1", name: "answer", arguments: {} } } });
		expect(await call()).toMatchObject({ action: "claimed", result: { content: 42 } });
		expect((await api.admin.call("POST", "/api/v1/plugins/answerer/disable?wait=applied&waitMs=60000")).status).toBe(200);
		expect(await call()).toMatchObject({ action: "continue", trail: [] });
		expect((await api.admin.call("POST", "/api/v1/plugins/answerer/enable?wait=applied&waitMs=60000")).status).toBe(200);
		expect(await call()).toMatchObject({ action: "claimed" });
	}, 600_000);
});
