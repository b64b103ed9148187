// A module is what its digest says in every tier that a runtime takes it from, and one that was recalled is nowhere to go back to.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Verdict } from "@hookbus/schemas";
import { MODULE_STORE } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeEach, describe, expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { assemble, moduleReturning } from "../support/module-returning.js";
import { digestOf, type TestPlugin, TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { tempDir } from "../support/temp-dir.js";

const HOOK = "on_chat_message";

let natsUrl: string;
let connection: NatsConnection;
let routes: TestRoutes;

beforeEach(async () => {
	natsUrl = (await startNats()).url;
	connection = await connectTo(natsUrl);
	routes = new TestRoutes(connection);
});

function gate(module: Uint8Array, version = "1.0.0"): TestPlugin {
	return { name: "guard", module, version, bindings: [{ hook: HOOK, effect: "gate" }] };
}

const allowing = () => moduleReturning({ [HOOK]: { action: "continue" } });
const evil = () => moduleReturning({ [HOOK]: { action: "block", reason: "evil", message: "evil" } });
const send = (): Promise<Verdict> => ask(connection, chatEvent("hello"));

async function faultsAfter(plugins: readonly TestPlugin[]) {
	const [status] = await routes.apply(plugins);
	return status?.tenants[routes.tenant]?.faults;
}

describe("tampering", () => {
	test("SC-01 a module that was exchanged in the object store is not run", async () => {
		const module = await allowing();
		await routes.store(module);
		const store = await connection.jetstream().views.os(MODULE_STORE);
		await store.putBlob({ name: digestOf(module) }, await evil());
		await startRuntimeHere({ natsUrl });
		expect(await faultsAfter([gate(module)])).toMatchObject([{ plugin: "guard", code: "module_corrupt" }]);
		// The gate stays closed; what the exchanged module says does not count.
		expect(await send()).toMatchObject({
			action: "blocked",
			trail: [{ plugin: "guard", outcome: expect.not.stringMatching(/^ok$/) }],
		});
		expect(JSON.stringify(await send())).not.toContain("evil");
	});

	test("SC-01 a module that was exchanged in the disk cache is fetched again, and the right one runs", async () => {
		const module = await allowing();
		const cache = tempDir("tampered");
		const path = join(cache, `${digestOf(module)}.wasm`);
		writeFileSync(path, await evil());
		await startRuntimeHere({ natsUrl, settings: { HOOKBUS_CACHE_DIR: cache } });
		expect(await faultsAfter([gate(module)])).toEqual([]);
		expect(await send()).toMatchObject({ action: "continue" });
		expect(readdirSync(cache)).toEqual([`${digestOf(module)}.wasm`]);
		expect(digestOf(readFileSync(path))).toBe(digestOf(module));
	});
});

describe("SC-07 a version that cannot be taken into service", () => {
	const broken = () =>
		assemble(`(module (func (export "initialize") (result i32) unreachable)
			(func (export "${HOOK}") (result i32) (i32.const 0)))`);

	test("leaves the version before in service", async () => {
		await startRuntimeHere({ natsUrl });
		await routes.apply([gate(await allowing())]);
		expect(await faultsAfter([gate(await broken(), "2.0.0")])).toMatchObject([{ version: "2.0.0", running: "1.0.0" }]);
		expect(await send()).toMatchObject({ action: "continue", trail: [{ version: "1.0.0", outcome: "ok" }] });
	});

	test("SC-07 does not bring back the version before when that was recalled in a table that the runtime never saw", async () => {
		await startRuntimeHere({ natsUrl });
		const module = await allowing();
		await routes.apply([gate(module)]);
		routes.recalled = [digestOf(module)];
		const [fault] = (await faultsAfter([gate(await broken(), "2.0.0")])) ?? [];
		expect(fault).toMatchObject({ version: "2.0.0", code: "trap" });
		expect(fault).not.toHaveProperty("running");
		expect(await send()).toMatchObject({ action: "blocked" });
	});
});
