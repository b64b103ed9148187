// The semantics of a chain: order, effects, paths, failure policy, claims, observers, shadow mode.
import { setEngineFlags } from "@hookbus/runtime";
import { EXECUTION_SUBJECTS, type ExecutionBatch } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent, responseEvent, toolEvent } from "../support/events.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

const hook = "on_chat_message" as const;
const replaceText = (text: string) => ({
	action: "modify",
	patch: { messages: [{ role: "user", parts: [{ type: "text", text }] }] },
});
const returning = (result: unknown) => moduleReturning({ [hook]: result });

describe("a chain", () => {
	let connection: NatsConnection;
	let routes: TestRoutes;
	let runtimeConnection: string;

	beforeAll(async () => {
		const nats = await startNats();
		runtimeConnection = nats.url;
		connection = await connectTo(nats.url);
		await startRuntimeHere({ natsUrl: nats.url });
		routes = new TestRoutes(connection);
	});

	test("three plugins come back as three trail entries, in order, with times and patch paths", async () => {
		await routes.apply([
			{ name: "third", module: await returning({ action: "continue" }), bindings: [{ hook, effect: "gate", order: 30 }] },
			{
				name: "first",
				module: await returning(replaceText("one")),
				bindings: [{ hook, effect: "transform", order: 10, paths: ["/messages"] }],
			},
			{
				name: "second",
				module: await returning(replaceText("two")),
				bindings: [{ hook, effect: "transform", order: 20, paths: ["/messages"] }],
			},
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.action).toBe("modified");
		expect(verdict.data).toEqual({ messages: [{ role: "user", parts: [{ type: "text", text: "two" }] }] });
		expect(verdict.trail.map((entry) => [entry.plugin, entry.outcome, entry.action, entry.paths])).toEqual([
			["first", "ok", "modify", ["/messages"]],
			["second", "ok", "modify", ["/messages"]],
			["third", "ok", "continue", undefined],
		]);
		for (const entry of verdict.trail) expect(entry.durationMs).toBeGreaterThan(0);
		const starts = verdict.trail.map((entry) => entry.startMs);
		expect(starts).toEqual([...starts].sort((a, b) => a - b));
	});

	test("a transform's patch outside of its paths is stripped and named", async () => {
		const result = { action: "modify", patch: { messages: replaceText("new").patch.messages, parameters: { temperature: 2 } } };
		await routes.apply([
			{ name: "greedy", module: await returning(result), bindings: [{ hook, effect: "transform", paths: ["/messages"] }] },
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.data).toEqual({ messages: replaceText("new").patch.messages });
		expect(verdict.trail[0]?.stripped).toEqual(["/parameters/temperature"]);
	});

	test.each([
		["observe", { action: "block", reason: "no" }],
		["transform", { action: "block", reason: "no" }],
		["gate", replaceText("changed")],
		["gate", { action: "claim", result: { role: "assistant", parts: [] } }],
		["claim", replaceText("changed")],
	] as const)("effect %s cannot do %j", async (effect, result) => {
		await routes.apply([
			{
				name: "overreach",
				module: await returning(result),
				bindings: [{ hook, effect, ...(effect === "transform" ? { paths: ["/messages"] } : {}) }],
			},
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.action).toBe("continue");
		if (effect !== "observe") expect(verdict.trail[0]?.stripped).toEqual([`action ${result.action}`]);
	});

	test("a patch that makes the data invalid is bad output and changes nothing", async () => {
		const result = { action: "modify", patch: { messages: "not a list" } };
		await routes.apply([
			{ name: "clumsy", module: await returning(result), bindings: [{ hook, effect: "transform", paths: ["/messages"] }] },
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.action).toBe("continue");
		expect(verdict.trail[0]).toMatchObject({ outcome: "bad_output", skipped: true });
	});

	test("a gate blocks with its reason, and later transforms do not run", async () => {
		await routes.apply([
			{
				name: "gate",
				module: await returning({ action: "block", reason: "too_rude", message: "Please be kind." }),
				bindings: [{ hook, effect: "gate", order: 1 }],
			},
			{
				name: "later",
				module: await returning(replaceText("x")),
				bindings: [{ hook, effect: "transform", order: 2, paths: ["/messages"] }],
			},
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict).toMatchObject({
			action: "blocked",
			reason: { code: "too_rude", message: "Please be kind.", plugin: "gate" },
		});
		expect(verdict.trail.map((entry) => entry.plugin)).toEqual(["gate"]);
	});

	test("the first claim wins, and a gate behind it still blocks", async () => {
		const claim = (text: string) => ({ action: "claim", result: { role: "assistant", parts: [{ type: "text", text }] } });
		const first = {
			name: "a-claim",
			module: await returning(claim("first")),
			bindings: [{ hook, effect: "claim" as const, order: 1 }],
		};
		const second = {
			name: "b-claim",
			module: await returning(claim("second")),
			bindings: [{ hook, effect: "claim" as const, order: 2 }],
		};
		await routes.apply([second, first]);
		const claimed = await ask(connection, chatEvent("hello"));
		expect(claimed).toMatchObject({ action: "claimed", result: { parts: [{ text: "first" }] } });
		expect(claimed.trail).toHaveLength(1);
		const gate = {
			name: "gate",
			module: await returning({ action: "block", reason: "no" }),
			bindings: [{ hook, effect: "gate" as const, order: 3 }],
		};
		await routes.apply([first, gate]);
		expect((await ask(connection, chatEvent("hello"))).action).toBe("blocked");
	});

	test("shadow mode records what it would have done and changes nothing", async () => {
		await routes.apply([
			{
				name: "trial",
				module: await returning({ action: "block", reason: "no" }),
				bindings: [{ hook, effect: "gate", mode: "shadow" }],
			},
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.action).toBe("continue");
		expect(verdict.trail[0]).toMatchObject({ mode: "shadow", action: "block", outcome: "ok" });
	});

	test("a failing plugin in shadow mode blocks nothing", async () => {
		await routes.apply([
			{ name: "trial", module: await fixtureModule("trap"), bindings: [{ hook, effect: "gate", mode: "shadow" }] },
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.action).toBe("continue");
		expect(verdict.trail[0]).toMatchObject({ outcome: "trap", skipped: true });
	});

	test("observers run after the verdict and leave an execution", async () => {
		const listener = await connectTo(runtimeConnection);
		const batches: ExecutionBatch[] = [];
		listener.subscribe(EXECUTION_SUBJECTS, { callback: (_failure, message) => batches.push(message.json()) });
		await listener.flush();
		await routes.apply([
			{ name: "watcher", module: await returning({ action: "continue" }), bindings: [{ hook, effect: "observe" }] },
		]);
		const event = chatEvent("hello");
		const verdict = await ask(connection, event);
		expect(verdict.trail[0]).toMatchObject({ plugin: "watcher", outcome: "deferred" });
		const execution = await waitFor("the observer's execution", () =>
			batches.flatMap((batch) => batch.executions).find((candidate) => candidate.eventId === event.id),
		);
		expect(execution).toMatchObject({ plugin: "watcher", outcome: "ok", effect: "observe", assistant: "support" });
	});

	test("every call gets fresh state: globals and memory of earlier calls are gone", async () => {
		await routes.apply([{ name: "counter", module: await fixtureModule("count-calls"), bindings: [{ hook, effect: "gate" }] }]);
		for (let call = 0; call < 20; call += 1) {
			expect((await ask(connection, chatEvent("hello"))).annotations).toEqual({ counter: { calls: "1" } });
		}
	});

	test("an assistant's own chain replaces the chain of all assistants", async () => {
		const module = await returning({ action: "block", reason: "no" });
		await routes.apply([
			{ name: "everywhere", module, bindings: [{ hook, effect: "gate" }] },
			{
				name: "sales-only",
				module: await returning({ action: "continue" }),
				bindings: [{ hook, effect: "gate", assistant: "sales" }],
			},
		]);
		expect((await ask(connection, chatEvent("hello"))).trail.map((entry) => entry.plugin)).toEqual(["everywhere"]);
		expect((await ask(connection, chatEvent("hello", { assistant: "sales" }))).trail.map((entry) => entry.plugin)).toEqual([
			"sales-only",
		]);
	});

	test("a tool is answered by the plugin that owns it, others are left to the chat service", async () => {
		const tool = {
			name: "add",
			description: "Adds",
			parameters: { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
		};
		await routes.apply([
			{
				name: "adder",
				module: await moduleReturning({ on_tool_call: { action: "claim", result: { content: 3 } } }),
				tools: [tool],
				bindings: [{ hook: "on_tool_call", effect: "claim", phases: ["request"] }],
			},
		]);
		expect(await ask(connection, toolEvent("add", { a: 1 }))).toMatchObject({ action: "claimed", result: { content: 3 } });
		expect(await ask(connection, toolEvent("other", {}))).toMatchObject({ action: "continue", trail: [] });
		expect(await ask(connection, toolEvent("add", { a: "one" }))).toMatchObject({
			action: "claimed",
			result: { isError: true, content: { code: "invalid_arguments", tool: "add" } },
		});
	});

	test("a subject without bindings has no responder", async () => {
		await routes.apply([
			{ name: "chat-only", module: await returning({ action: "continue" }), bindings: [{ hook, effect: "gate" }] },
		]);
		await expect(ask(connection, responseEvent("hello"))).rejects.toMatchObject({ code: "503" });
	});

	test("a plugin that cannot be loaded fails by its policy, and the others go on", async () => {
		const [status] = await routes.apply([
			{
				name: "broken",
				module: await moduleReturning({ on_tool_call: { action: "continue" } }),
				bindings: [{ hook, effect: "transform", order: 1, paths: ["/messages"] }],
			},
			{ name: "fine", module: await returning({ action: "continue" }), bindings: [{ hook, effect: "gate", order: 2 }] },
		]);
		expect(status?.tenants.acme?.faults).toMatchObject([{ plugin: "broken", code: "export_missing" }]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.trail).toMatchObject([
			{ plugin: "broken", outcome: "load_failed", skipped: true },
			{ plugin: "fine", outcome: "ok" },
		]);
	});

	test("a version whose initialize does not end is not taken into service; the old version goes on", async () => {
		await routes.apply([
			{ name: "steady", version: "1.0.0", module: await returning({ action: "continue" }), bindings: [{ hook, effect: "gate" }] },
		]);
		const [status] = await routes.apply([
			{
				name: "steady",
				version: "2.0.0",
				module: await fixtureModule("loop-in-initialize"),
				bindings: [{ hook, effect: "gate" }],
			},
		]);
		expect(status?.tenants.acme?.faults).toMatchObject([
			{ plugin: "steady", version: "2.0.0", code: "timeout", running: "1.0.0" },
		]);
		const verdict = await ask(connection, chatEvent("hello"));
		expect(verdict.trail).toMatchObject([{ plugin: "steady", version: "1.0.0", outcome: "ok" }]);
	});

	test("a plugin without the grant read_messages sees no text", async () => {
		const echo = await fixtureModule("echo-input");
		const plugin = (grants: "read_messages"[]) => [
			{ name: "reader", module: echo, grants, bindings: [{ hook, effect: "gate" as const }] },
		];
		await routes.apply(plugin([]));
		const withheld = await ask(connection, chatEvent("my secret plan"));
		expect(withheld.trail[0]?.error).not.toContain("my secret plan");
		expect(withheld.trail[0]?.error).toContain("support");
		await routes.apply(plugin(["read_messages"]));
		const granted = await ask(connection, chatEvent("my secret plan"));
		expect(granted.trail[0]?.error).toContain("my secret plan");
	});
});
