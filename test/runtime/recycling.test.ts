// A runtime that had to end many threads hands over and ends, to be started anew: each ended thread leaves some memory behind.
import { HEARTBEAT_SUBJECTS, type RuntimeStatus } from "@hookbus/schemas";
import { expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { PATIENT, spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

const HOOK = "on_chat_message" as const;

test("after so many ended threads a runtime answers what it has, says goodbye and ends with 0; the other one goes on", async () => {
	const { url: natsUrl } = await startNats();
	const connection = await connectTo(natsUrl);
	const states: string[] = [];
	connection.subscribe(HEARTBEAT_SUBJECTS, {
		callback: (_failure, message) => {
			const { runtime, state } = message.json<RuntimeStatus>();
			if (runtime === "worn" && states.at(-1) !== state) states.push(state);
		},
	});
	const worn = await spawnRuntime({ natsUrl, id: "worn", settings: { ...PATIENT, HOOKBUS_RECYCLE_AFTER_KILLS: "3" } });
	await spawnRuntime({ natsUrl, id: "fresh", settings: PATIENT });
	const routes = new TestRoutes(connection);
	await routes.apply(
		[
			{
				name: "endless",
				module: await fixtureModule("loop-forever"),
				bindings: [{ hook: HOOK, effect: "gate", assistant: "endless", timeoutMs: 30 }],
			},
			{
				name: "good",
				module: await moduleReturning({ [HOOK]: { action: "continue" } }),
				bindings: [{ hook: HOOK, effect: "gate", assistant: "good" }],
			},
		],
		2,
	);
	const good: Promise<string>[] = [];
	const timer = setInterval(() => {
		good.push(ask(connection, chatEvent("x", { assistant: "good" })).then(({ action }) => action));
	}, 5);
	await waitFor("the worn one has ended", async () => {
		if (!worn.alive) return true;
		const verdict = await ask(connection, chatEvent("x", { assistant: "endless" }));
		expect(verdict.trail).toMatchObject([{ outcome: "timeout" }]);
		return false;
	});
	clearInterval(timer);
	expect(new Set(await Promise.all(good))).toEqual(new Set(["continue"]));
	expect(await worn.exited).toMatchObject({ code: 0 });
	expect(states).toEqual(["running", "draining", "stopped"]);
	expect(worn.output()).toContain("threads were ended");
});

test("a runtime that has to end so many threads while it starts stops in order as soon as it has started", async () => {
	const { url: natsUrl } = await startNats();
	const connection = await connectTo(natsUrl);
	const states: string[] = [];
	connection.subscribe(HEARTBEAT_SUBJECTS, {
		callback: (_failure, message) => {
			const { state } = message.json<RuntimeStatus>();
			if (states.at(-1) !== state) states.push(state);
		},
	});
	await new TestRoutes(connection).put([
		{ name: "endless", module: await fixtureModule("loop-in-initialize"), bindings: [{ hook: HOOK, effect: "gate" }] },
	]);
	const starting = spawnRuntime({ natsUrl, settings: { HOOKBUS_RECYCLE_AFTER_KILLS: "1" } });
	// It may have ended before anybody sees that it ran.
	void starting.catch(() => undefined);
	await waitFor("it says goodbye", () => states.at(-1) === "stopped", { timeoutMs: 60_000 });
	expect(states.slice(-3)).toEqual(["running", "draining", "stopped"]);
	await starting.catch(() => undefined);
});
