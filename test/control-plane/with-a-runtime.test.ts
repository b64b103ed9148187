// What the control plane leaves to runtimes, with a real one: its probe calls `initialize` before a table goes live, its breaker
// gives plugins up, and what plugins keep through it goes with them.
import { isNotice, type Notice, noticeSubject, type PluginChange, type PluginDetail, type Verdict } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ProblemBody } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { answersOf, askForCalls, askingModule } from "../support/asking-module.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { assemble, fixtureModule, moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

const HOOK = "on_chat_message";
const WAIT = "?wait=applied&waitMs=60000";

let control: StartedControlPlane;
let connection: NatsConnection;

beforeAll(async () => {
	const nats = await startNats();
	control = await startTestControlPlane({ natsUrl: nats.url });
	await control.admin.ready();
	const settings = { HOOKBUS_BREAKER_FAILURES: "3", HOOKBUS_BREAKER_BACKOFF_MS: "10", HOOKBUS_BREAKER_OPENINGS: "3" };
	await spawnRuntime({ natsUrl: nats.url, id: "real", settings });
	connection = await connectTo(nats.url);
});

function sendEvent(assistant: string): Promise<Verdict> {
	return ask(connection, chatEvent("hello", { tenant: "default", assistant }));
}

async function send<T>(method: "install" | "update", name: string, version: string, module: Uint8Array) {
	const file = await zipOf(manifestOf(name, version, [{ hook: HOOK, effect: "gate" }]), module);
	const sent = { file, fields: { grants: "all", enable: "true" } };
	return method === "install" ? control.admin.install<T>(sent, WAIT) : control.admin.update<T>(name, sent, WAIT);
}

describe("the runtime's probe", () => {
	const failing: { title: string; module: () => Promise<Uint8Array>; code: string }[] = [
		{
			title: "traps",
			module: () =>
				assemble(`(module (func (export "initialize") (result i32) unreachable)
					(func (export "${HOOK}") (result i32) (i32.const 0)))`),
			code: "trap",
		},
		{
			title: "refuses its configuration",
			module: () =>
				assemble(`(module (func (export "initialize") (result i32) (i32.const 1))
					(func (export "${HOOK}") (result i32) (i32.const 0)))`),
			code: "guest_error",
		},
		{ title: "does not end", module: () => fixtureModule("loop-in-initialize"), code: "timeout" },
	];
	test.each(failing)(
		"HP-03 a plugin whose initialize $title passes the gate and fails its activation, with the reason",
		async ({ module, code }) => {
			const answer = await send<ProblemBody>("install", "newcomer", "1.0.0", await module());
			expect(answer).toMatchObject({ status: 502, body: { code: "activation_failed", errors: [{ path: "/runtimes/real" }] } });
			expect(answer.body.errors?.[0]?.message).toMatch(new RegExp(`^${code}: .*no version of it runs there`));
			await control.admin.delete(`/api/v1/plugins/newcomer${WAIT}`);
		},
	);

	test("a version whose initialize fails leaves the version before in service", async () => {
		const good = await moduleReturning({ [HOOK]: { action: "continue" } });
		expect((await send<PluginChange>("install", "veteran", "1.0.0", good)).status).toBe(201);
		const bad = await (failing[0] as (typeof failing)[number]).module();
		const answer = await send<ProblemBody>("update", "veteran", "1.1.0", bad);
		expect(answer).toMatchObject({ status: 502, body: { code: "activation_failed" } });
		expect(answer.body.detail).toContain("version 1.0.0 goes on there");
		expect((await sendEvent("any")).trail).toMatchObject([{ plugin: "veteran", version: "1.0.0", outcome: "ok" }]);
		await control.admin.delete(`/api/v1/plugins/veteran${WAIT}`);
	});
});

test("HP-35 a plugin that keeps failing is given up, disabled with the reason, and begins anew when it is enabled again", async () => {
	const notices: Notice[] = [];
	connection.subscribe(noticeSubject("default"), {
		callback: (_error, message) => {
			const value = message.json();
			if (isNotice(value)) notices.push(value);
		},
	});
	const module = await fixtureModule("trap");
	expect((await send<PluginChange>("install", "crasher", "1.0.0", module)).status).toBe(201);
	const show = async () => (await control.admin.get<PluginDetail>("/api/v1/plugins/crasher")).body;
	const disabled = await waitFor("it is disabled", async () => {
		await sendEvent("any").catch(() => undefined);
		const detail = await show();
		return detail.status === "disabled" ? detail : undefined;
	});
	expect(disabled.disabledReason).toMatchObject({ version: "1.0.0", runtime: "real", reason: expect.stringMatching(/^trap/) });
	expect(notices).toMatchObject([{ plugin: "crasher", version: "1.0.0", reason: disabled.disabledReason?.reason }]);
	expect((await control.admin.post(`/api/v1/plugins/crasher/enable${WAIT}`)).status).toBe(200);
	// Run again, and not refused by the breaker of before.
	expect((await sendEvent("any")).trail).toMatchObject([{ plugin: "crasher", outcome: "trap" }]);
	await control.admin.delete(`/api/v1/plugins/crasher${WAIT}`);
});

test("a plugin that is installed again finds nothing of what it kept", async () => {
	const hooks = [{ hook: HOOK, effect: "transform", paths: ["/messages"] }];
	const manifest = manifestOf("keeper", "1.0.0", hooks, { permissions: ["read_messages", "state", "write_files"] });
	const module = await askingModule();
	const tenant = { tenant: "default" };
	const look = () =>
		askForCalls(
			connection,
			[
				["state_get", "note"],
				["file_list", ""],
			],
			tenant,
		);
	await installEnabled(control.admin, manifest, module);
	await askForCalls(
		connection,
		[
			["state_set", "note", "mine"],
			["file_write", "a.txt", "mine"],
		],
		tenant,
	);
	expect(answersOf(await look())).toEqual(["mine", ["a.txt"]]);
	await control.admin.delete("/api/v1/plugins/keeper");
	await installEnabled(control.admin, manifest, module);
	expect(answersOf(await look())).toEqual([null, []]);
	await control.admin.delete(`/api/v1/plugins/keeper${WAIT}`);
}, 600_000);
