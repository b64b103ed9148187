// Users with a configuration of their own, on route tables as they arrive: who gets what, and that a configuration which does not work
// costs nobody but its user.
import type { ActivationFault, RuntimeStatus } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, expect, test } from "vitest";
import { hostileModule } from "../attack/hostile-module.js";
import { ask } from "../support/ask.js";
import { configIn, configPlugin } from "../support/config-plugin.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { TEST_RANGE } from "../support/plugin-requests.js";
import { type TestPlugin, TestRoutes } from "../support/route-tables.js";
import { startSite } from "../support/start-listener.js";
import { startNats } from "../support/start-nats.js";
import { PATIENT, startRuntimeHere } from "../support/start-runtime.js";

const HOOK = "on_chat_message" as const;
/** Time of one invocation, and so of a user's initialize; of all users' together. */
const TIMEOUT_MS = 1_000;
const USERS_MS = 1_500;

let connection: NatsConnection;
let module: Uint8Array;
let tenants = 0;

beforeAll(async () => {
	const natsUrl = (await startNats()).url;
	connection = await connectTo(natsUrl);
	module = await configPlugin();
	const settings = { ...PATIENT, HOOKBUS_HTTP_PRIVATE_RANGES: TEST_RANGE, HOOKBUS_USER_CONFIGS_MS: String(USERS_MS) };
	await startRuntimeHere({ natsUrl, settings });
});

/** A tenant of its own with the plugin `p`. */
function tenantWithPlugin() {
	tenants += 1;
	const tenant = `tenant-${tenants}`;
	const routes = new TestRoutes(connection, tenant);
	const apply = async (changes: Partial<TestPlugin>): Promise<ActivationFault[]> => {
		const plugin = { name: "p", module, config: { colour: "red" }, bindings: [{ hook: HOOK, effect: "gate" as const }] };
		const [status] = await routes.apply([{ ...plugin, ...changes }]);
		return (status as RuntimeStatus).tenants[tenant]?.faults ?? [];
	};
	const send = (user?: string) =>
		ask(connection, chatEvent("hello", { tenant, ...(user === undefined ? {} : { user: { id: user } }) }));
	return { apply, send, config: async (user?: string) => configIn(await send(user), "p") };
}

test("a user's own configuration is for that user, everybody else has everybody's", async () => {
	const { apply, config } = tenantWithPlugin();
	expect(await apply({ users: { ann: { config: { colour: "blue" } }, ["__proto__"]: { config: { odd: 1 } } } })).toEqual([]);
	expect([await config("ann"), await config("__proto__")]).toEqual([{ colour: "blue" }, { colour: "red", odd: 1 }]);
	for (const other of ["bob", "toString", undefined]) expect(await config(other)).toEqual({ colour: "red" });
	const own = { ann: { config: { colour: "green", more: [1] } }, bob: { config: { colour: "blue" } } };
	expect(await apply({ users: own })).toEqual([]);
	expect([await config("ann"), await config("bob")]).toEqual([{ colour: "green", more: [1] }, { colour: "blue" }]);
	expect(await apply({})).toEqual([]);
	expect(await config("ann")).toEqual({ colour: "red" });
});

test("a configuration whose initialize fails costs its user only: what ran before goes on, and the fault names the user", async () => {
	const { apply, config } = tenantWithPlugin();
	await apply({ users: { ann: { config: { colour: "blue" } } } });
	const users = { ann: { config: { fail: true } }, bob: { config: { fail: 1 } }, eve: { config: { colour: "green" } } };
	for (const limits of [{}, { outputBytes: 2_048 }]) {
		expect(await apply({ users, limits })).toMatchObject([
			{ plugin: "p", code: "guest_error", user: "ann", running: "1.0.0" },
			{ plugin: "p", code: "guest_error", user: "bob", running: "1.0.0" },
		]);
		expect([await config("ann"), await config("eve")]).toEqual([{ colour: "blue" }, { colour: "green" }]);
		for (const other of ["bob", "others"]) expect(await config(other)).toEqual({ colour: "red" });
	}
});

test("where nothing ran before, the events of that user fail by the policy, and nobody else's", async () => {
	const { apply, send } = tenantWithPlugin();
	expect(await apply({ users: { ann: { config: { fail: true } } } })).toMatchObject([{ user: "ann" }]);
	expect(await send("ann")).toMatchObject({ action: "blocked", trail: [{ plugin: "p", outcome: "load_failed" }] });
	expect(await send("bob")).toMatchObject({ action: "continue" });
});

test("a version that fails for everybody still runs for the users with whose configuration it works", async () => {
	const { apply, config, send } = tenantWithPlugin();
	const faults = await apply({ config: { fail: true }, bindings: [{ hook: HOOK, effect: "gate" }] });
	expect(faults).toMatchObject([{ plugin: "p", code: "guest_error" }]);
	// What is absent cannot be taken away by an override; another version's initialize knows no `fail`.
	const always = await moduleReturning({ [HOOK]: { action: "continue" } });
	expect(await apply({ version: "2.0.0", module: always, config: {} })).toEqual([]);
	const next = await apply({ version: "3.0.0", config: { fail: true }, users: { ann: { config: { colour: "blue" } } } });
	expect(next).toMatchObject([{ running: "2.0.0" }, { user: "ann", running: "2.0.0" }]);
	expect(next[0]).not.toHaveProperty("user");
	expect((await send("ann")).trail).toMatchObject([{ version: "2.0.0", outcome: "ok" }]);
	expect(await apply({ version: "4.0.0", users: { ann: { config: { fail: true } } } })).toMatchObject([{ user: "ann" }]);
	// A trail says which version ran for whom.
	expect((await send("ann")).trail).toMatchObject([{ version: "2.0.0", outcome: "ok" }]);
	expect((await send("bob")).trail).toMatchObject([{ version: "4.0.0", outcome: "ok" }]);
	expect(await config("bob")).toEqual({ colour: "red" });
});

test("HP-03 a configuration that hangs costs its user; what there was no time for is tried by itself, in a moment", async () => {
	const { apply, config } = tenantWithPlugin();
	const limits = { timeoutMs: TIMEOUT_MS };
	const hanging = { eve: { config: { hang: true } } };
	await apply({ limits });
	// Tried twice, which is all the time that users have.
	expect(await apply({ limits, users: { ...hanging, zoe: { config: { colour: "blue" } } } })).toMatchObject([
		{ code: "timeout", user: "eve", running: "1.0.0" },
		{ code: "not_tried_yet", user: "zoe", running: "1.0.0" },
	]);
	for (const user of ["eve", "zoe"]) expect(await config(user)).toEqual({ colour: "red" });
	// Without another table.
	await expect.poll(() => config("zoe"), { timeout: 30_000, interval: 100 }).toEqual({ colour: "blue" });
	expect(await apply({ limits, users: { ...hanging, zoe: { config: { colour: "green" } } } })).toMatchObject([
		{ code: "timeout", user: "eve" },
	]);
	expect(await config("zoe")).toEqual({ colour: "green" });
});

test("a user's secrets are the user's: the plugin reads them for that user, and they go into that user's requests", async () => {
	const { apply, config, send } = tenantWithPlugin();
	const users = { ann: { secrets: { key: "ann-s" } }, bob: { config: { colour: "blue" } } };
	const secrets = { key: "for-all", other: "too" };
	expect(await apply({ grants: ["read_messages", "read_secrets"], secrets, users })).toEqual([]);
	expect(await config("ann")).toEqual({ colour: "red", key: "ann-s", other: "too" });
	expect(await config("bob")).toEqual({ colour: "blue", key: "for-all", other: "too" });
	expect(await config()).toEqual({ colour: "red", key: "for-all", other: "too" });

	const site = await startSite("127.0.1.1", (_request, response) => response.end("done"));
	const requesting = await hostileModule({
		data: JSON.stringify({ url: `http://127.0.1.1:${site.port}/`, method: "GET" }),
		hook: "(drop (call $http_request (call $data_block) (i64.const 0))) (call $continue)",
	});
	const rule = { host: "127.0.1.1", scheme: "http", port: site.port, secrets: [{ secret: "key", header: "x-key" }] } as const;
	const asking = { module: requesting, version: "2.0.0", network: [rule], secrets, users, grants: ["network_access"] } as const;
	expect(await apply({ ...asking, network: [{ ...rule, secrets: [...rule.secrets] }] })).toEqual([]);
	for (const user of ["ann", "bob", undefined]) expect(await send(user)).toMatchObject({ trail: [{ outcome: "ok" }] });
	expect(site.requests.map(({ headers }) => headers["x-key"])).toEqual(["ann-s", "for-all", "for-all"]);
});

test("a user whose configuration fails goes on with own secrets, and nobody else does", async () => {
	const { apply, send } = tenantWithPlugin();
	const site = await startSite("127.0.1.1", (_request, response) => response.end("done"));
	const requesting = await hostileModule({
		data: JSON.stringify({ url: `http://127.0.1.1:${site.port}/`, method: "GET" }),
		hook: "(drop (call $http_request (call $data_block) (i64.const 0))) (call $continue)",
		fields: `(data (i32.const 1000) "fail")
			(func (export "initialize") (result i32)
				(i64.ne (call $config_get (call $block (i32.const 1000) (i32.const 4))) (i64.const 0)))`,
	});
	const rule = { host: "127.0.1.1", scheme: "http" as const, port: site.port, secrets: [{ secret: "key", header: "x-key" }] };
	const asking = { module: requesting, network: [rule], secrets: { key: "for-all" }, grants: ["network_access" as const] };
	await apply(asking);
	// Both go on with everybody's: one image, and two keys to it.
	const users = { ann: { config: { fail: 1 }, secrets: { key: "ann-s" } }, bob: { config: { fail: 2 } } };
	expect(await apply({ ...asking, users })).toMatchObject([{ user: "ann" }, { user: "bob" }]);
	for (const user of ["ann", "bob", "eve"]) await send(user);
	expect(site.requests.map(({ headers }) => headers["x-key"])).toEqual(["ann-s", "for-all", "for-all"]);
});
