// The whole bus, as processes: changes through REST while events flow, and what happens when a part of it is gone.
import { connectHookbus, type HookbusClient } from "@hookbus/client";
import { beforeAll, describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { needsRealTime, standsStill } from "../support/real-time.js";
import { type SpawnedControlPlane, spawnControlPlane } from "../support/spawn-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { startTraffic } from "../support/traffic.js";

type Answer = Awaited<ReturnType<HookbusClient["chatMessage"]>>;

const hook = "on_chat_message";
const gate = [{ hook, effect: "gate" }];

describe.skipIf(standsStill())("the bus under a load of up to 500 events a second", () => {
	let api: SpawnedControlPlane;
	let hookbus: HookbusClient;

	beforeAll(async () => {
		const nats = await startNats();
		api = await spawnControlPlane({ env: { HOOKBUS_NATS_URL: nats.url } });
		await api.admin.ready();
		await spawnRuntime({ natsUrl: nats.url, id: "live-1" });
		hookbus = await connectHookbus({ servers: nats.url, tenant: "default", waitOnFirstConnect: true });
		closeAfter(() => hookbus.close());
		const module = await moduleReturning({ [hook]: { action: "continue" } });
		for (const name of ["steady", "changing"]) await installEnabled(api.admin, manifestOf(name, "1.0.0", gate), module);
	});

	const ask = () =>
		hookbus.chatMessage({
			assistant: "support",
			deadlineMs: 20_000,
			data: { messages: [{ role: "user", parts: [{ type: "text", text: "hi" }] }] },
		});
	const versionsOf = (answer: Answer) => Object.fromEntries(answer.trail.map((entry) => [entry.plugin, entry.version]));

	async function underLoad<T>(change: () => Promise<T>): Promise<{ answers: Answer[]; result: T }> {
		const traffic = startTraffic(ask, { callers: 10, everyMs: 20 });
		await new Promise((resolve) => setTimeout(resolve, 300));
		try {
			const result = await change();
			await new Promise((resolve) => setTimeout(resolve, 300));
			return { result, answers: await traffic.stop() };
		} finally {
			await traffic.stop();
		}
	}

	async function change(method: string, path: string, body?: unknown): Promise<Answer> {
		const answer = await api.admin.call(method, `/api/v1${path}?wait=applied&waitMs=60000`, body);
		expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
		return ask();
	}

	test("disable, enable and toggle lose no event, and the next event after the acknowledgement sees the change", async (context) => {
		// A runtime whose heartbeat is late counts as gone, and a change does not wait for it.
		needsRealTime(context);
		const { answers } = await underLoad(async () => {
			for (let round = 0; round < 2; round += 1) {
				expect(versionsOf(await change("POST", "/plugins/changing/disable"))).toEqual({ steady: "1.0.0" });
				expect(versionsOf(await change("POST", "/plugins/changing/enable"))).toEqual({ changing: "1.0.0", steady: "1.0.0" });
				expect(versionsOf(await change("POST", "/plugins/changing/toggle"))).toEqual({ steady: "1.0.0" });
				expect(versionsOf(await change("POST", "/plugins/changing/toggle"))).toEqual({ changing: "1.0.0", steady: "1.0.0" });
			}
		});
		expect(answers.length).toBeGreaterThan(50);
		expect(answers.filter((answer) => answer.source !== "bus")).toEqual([]);
		for (const answer of answers) for (const entry of answer.trail) expect(entry.outcome).toBe("ok");
	}, 600_000);

	test("a swap of versions loses no event, runs no event on a mix, and the next event after it runs the new one", async (context) => {
		// A runtime whose heartbeat is late counts as gone, and a change does not wait for it.
		needsRealTime(context);
		const version = async (number: number) => {
			const module = await moduleReturning({ [hook]: { action: "continue", annotations: { build: number } } });
			return zipOf(manifestOf("changing", `1.${number}.0`, gate), module);
		};
		const { answers } = await underLoad(async () => {
			for (let number = 1; number <= 3; number += 1) {
				const sent = { file: await version(number), fields: { grants: "all" } };
				const uploaded = await api.admin.update("changing", sent, "?wait=applied&waitMs=60000");
				expect([uploaded.status, uploaded.body]).toEqual([expect.any(Number), expect.anything()]);
				expect(uploaded.status).toBeLessThan(300);
				expect(versionsOf(await ask()).changing).toBe(`1.${number}.0`);
			}
		});
		expect(answers.filter((answer) => answer.source !== "bus")).toEqual([]);
		for (const answer of answers) {
			const { changing } = versionsOf(answer);
			const build = answer.annotations.changing?.build;
			expect(build === undefined ? "1.0.0" : `1.${String(build)}.0`).toBe(changing);
		}
	}, 600_000);

	test("a version whose initialize does not end is refused with the reason, and the old one goes on", async (context) => {
		needsRealTime(context);
		const before = versionsOf(await ask()).changing;
		const zip = await zipOf(manifestOf("changing", "9.0.0", gate), await fixtureModule("loop-in-initialize"));
		const answer = await api.admin.update("changing", { file: zip, fields: { grants: "all" } }, "?wait=applied&waitMs=60000");
		expect(answer.status).toBeGreaterThanOrEqual(400);
		expect(answer.body).toMatchObject({ code: expect.any(String), detail: expect.stringContaining("initialize") });
		expect(versionsOf(await ask()).changing).toBe(before);
	}, 600_000);
});
