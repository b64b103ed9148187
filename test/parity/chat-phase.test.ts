// The chat phase of Skillbox: how an assistant's plugins are switched, ordered and overridden, and what is known of every execution.
// Executions of hooks end within milliseconds, so what waits, runs and is repeated is the event.
import {
	type AssistantMetrics,
	type BindingChange,
	type DeadLetterPage,
	type ExecutionRecord,
	eventSubject,
	type HookEvent,
	isProgressFrame,
	isVerdict,
	type PluginMetrics,
	tenantInboxPrefix,
} from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { afterEvent, chatEvent } from "../support/events.js";
import { assemble, fixtureModule, moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { waitFor } from "../support/wait-for.js";
import { keepingModule } from "./keeping-module.js";
import { Stage, WAIT } from "./start-stage.js";

const HOOK = "on_chat_message";
const GATE = [{ hook: HOOK, effect: "gate" }];
const OPEN = [{ hook: HOOK, effect: "transform", paths: ["/messages"] }];
const AFTER = [{ hook: "on_after_response", effect: "observe" }];

let stage: Stage;
let allowing: Uint8Array;

beforeAll(async () => {
	const settings = { HOOKBUS_BREAKER_FAILURES: "1000", HOOKBUS_DURABLE_BACKOFF_MS: "20,40" };
	stage = await Stage.start({ runtime: settings });
	allowing = await moduleReturning({ [HOOK]: { action: "continue", usage: { cost: 0.5, inputTokens: 10, outputTokens: 4 } } });
});

const hello = (assistant: string) => chatEvent("hello", { tenant: "default", assistant });

async function publish(event: HookEvent): Promise<void> {
	await stage.connection.jetstream().publish(eventSubject(event), JSON.stringify(event));
}

test("chat phase: PUT /assistants/:id/plugins/:pid", async () => {
	const own = { bind: "none", grants: "all", enable: "true" };
	const config = { type: "object", properties: { tone: { type: "string", default: "calm" } } };
	for (const name of ["first", "second"]) await stage.install(name, GATE, allowing, { config }, own);
	const put = async (plugin: string, settings: Record<string, unknown>) =>
		await stage.admin.put<BindingChange>(`/api/v1/assistants/desk/plugins/${plugin}${WAIT}`, settings);
	const chain = async () => (await stage.send(hello("desk"))).trail.map(({ plugin }) => plugin);
	for (const name of ["first", "second"]) expect((await put(name, {})).status).toBe(200);
	expect(await chain()).toEqual(["first", "second"]);
	// Order.
	await put("first", { order: 900 });
	expect(await chain()).toEqual(["second", "first"]);
	// Override: configuration, time, mode and failure policy.
	const override = { config: { tone: "merry" }, timeoutMs: 77, mode: "shadow", onError: "open" };
	expect((await put("second", override)).body.binding).toMatchObject(override);
	expect((await stage.send(hello("desk"))).trail).toMatchObject([{ plugin: "second", mode: "shadow" }, { plugin: "first" }]);
	expect(await put("second", { config: { tone: 1 } })).toMatchObject({ status: 422, body: { code: "config_invalid" } });
	// Toggle.
	await put("second", { enabled: false });
	expect(await chain()).toEqual(["first"]);
});

describe("executions", () => {
	test("chat phase: GET /plugin-executions", async () => {
		await stage.install("counted", GATE, allowing);
		const events = ["north", "south", "north"].map((assistant, index) =>
			chatEvent("hello", { tenant: "default", assistant, conversation: `talk-${index}`, user: { id: `user-${index}` } }),
		);
		for (const event of events) await stage.send(event);
		await stage.executions("plugin=counted", 3);
		const found = async (query: string, count: number) =>
			(await stage.executions(`plugin=counted&${query}`, count)).map(({ conversation }) => conversation).sort();
		expect(await found("assistant=north", 2)).toEqual(["talk-0", "talk-2"]);
		expect(await found("conversation=talk-1", 1)).toEqual(["talk-1"]);
		expect(await found("user=user-2", 1)).toEqual(["talk-2"]);
		expect(await found("status=ok", 3)).toHaveLength(3);
		expect(await found("status=failed", 0)).toEqual([]);
		expect(await found("until=2020-01-01T00:00:00Z", 0)).toEqual([]);
	});

	test("chat phase: GET /plugin-executions/:id", async () => {
		const patch = { messages: [{ role: "user", parts: [{ type: "text", text: "changed" }] }] };
		await stage.install("patching", OPEN, await moduleReturning({ [HOOK]: { action: "modify", patch } }));
		const { id } = await stage.send(hello("any"));
		const [listed] = await stage.executions(`event=${id}`, 1);
		const one = await stage.admin.get<ExecutionRecord>(`/api/v1/plugin-executions/${listed?.id}`);
		expect(one).toMatchObject({ status: 200, body: { ...listed, plugin: "patching", action: "modify", paths: ["/messages"] } });
		expect(await stage.admin.get("/api/v1/plugin-executions/999999")).toMatchObject({ status: 404 });
	});

	test("chat phase: states pending, running, completed, failed, cancelled", async () => {
		// Pending: an observer runs after the verdict.
		await stage.install("observer", [{ hook: HOOK, effect: "observe" }], allowing);
		const event = hello("any");
		expect((await stage.send(event)).trail).toMatchObject([{ plugin: "observer", outcome: "deferred" }]);
		// Completed.
		expect(await stage.executions(`event=${event.id}`, 1)).toMatchObject([{ status: "ok", outcome: "ok" }]);
		await stage.admin.post(`/api/v1/plugins/observer/disable${WAIT}`);
		// Failed.
		await stage.install("trapping", OPEN, await fixtureModule("trap"));
		const failed = await stage.send(hello("any"));
		expect(await stage.executions(`event=${failed.id}`, 1)).toMatchObject([{ status: "failed", outcome: "trap" }]);
		await stage.admin.post(`/api/v1/plugins/trapping/disable${WAIT}`);
		// Running, as long as the publisher hears so; cancelled, when the host ends it.
		await stage.install("endless", OPEN, await fixtureModule("loop-forever"), { limits: { timeoutMs: 300 } });
		const heard = await replies(hello("any"));
		expect(heard.frames).toBeGreaterThan(0);
		expect(heard.verdict.trail).toMatchObject([{ plugin: "endless", outcome: "timeout" }]);
		expect(await stage.executions("plugin=endless&status=timeout", 1)).toMatchObject([{ error: expect.stringMatching(/ended/) }]);
	});

	test("chat phase: progress", async () => {
		await stage.install("slow", OPEN, await fixtureModule("loop-forever"), { limits: { timeoutMs: 400 } });
		const { frames, runtime, verdict } = await replies(hello("any"));
		expect(frames).toBeGreaterThan(1);
		expect(runtime).toBe("real");
		expect(verdict.action).toBe("continue");
	});

	test("chat phase: retry", async () => {
		const failing = await fixtureModule("trap");
		await installEnabled(stage.admin, manifestOf("archive", "1.0.0", AFTER), failing);
		const event = afterEvent({ tenant: "default" });
		await publish(event);
		// By itself, with growing pauses; each attempt is counted.
		const path = "/api/v1/dead-letters?plugin=archive";
		const letter = await waitFor("the dead letter is there", async () => {
			return (await stage.admin.get<DeadLetterPage>(path)).body.items[0];
		});
		expect(letter).toMatchObject({ attempts: 3, plugins: [{ plugin: "archive", outcome: "trap" }] });
		expect(await stage.executions(`event=${event.id}`, 1)).toMatchObject([{ attempt: 3, status: "failed" }]);
		// By an admin, after the plugin was mended.
		const file = await zipOf(
			manifestOf("archive", "1.0.1", AFTER),
			await moduleReturning({ on_after_response: { action: "continue" } }),
		);
		expect((await stage.admin.update("archive", { file }, WAIT)).status).toBe(200);
		expect((await stage.admin.post(`/api/v1/dead-letters/${letter.id}/replay`)).status).toBe(200);
		const mended = await waitFor("the replay is recorded", async () => {
			const [record] = await stage.executions(`event=${event.id}`, 1);
			return record?.outcome === "ok" ? record : undefined;
		});
		expect(mended).toMatchObject({ version: "1.0.1", attempt: 4 });
		await stage.admin.delete("/api/v1/plugins/archive");
	});

	test("chat phase: failures by kind: failed, configuration, timeout, authentication", async () => {
		const trapAtStart = await assemble(`(module (func (export "initialize") (result i32) unreachable)
			(func (export "${HOOK}") (result i32) (i32.const 0)))`);
		const file = await zipOf(manifestOf("unready", "1.0.0", OPEN), trapAtStart);
		await stage.install("failing", OPEN, await fixtureModule("trap"));
		await stage.install("hanging", OPEN, await fixtureModule("loop-forever"), { limits: { timeoutMs: 50 } });
		await stage.install("denied", OPEN, await keepingModule(HOOK));
		const refused = await stage.admin.install({ file, fields: { grants: "all", enable: "true" } }, WAIT);
		expect(refused).toMatchObject({ status: 502, body: { code: "activation_failed" } });
		const event = hello("kinds");
		await stage.send(event);
		const records = await stage.executions(`event=${event.id}`, 4);
		expect(Object.fromEntries(records.map(({ plugin, status }) => [plugin, status]))).toEqual({
			failing: "failed",
			hanging: "timeout",
			denied: "denied",
			unready: "configuration",
		});
		for (const [plugin, status] of [
			["failing", "failed"],
			["unready", "configuration"],
			["denied", "denied"],
		])
			expect(await stage.executions(`event=${event.id}&status=${status}`, 1)).toMatchObject([{ plugin }]);
		const figures = await waitFor("they are counted", async () => {
			const { total } = (await stage.admin.get<AssistantMetrics>("/api/v1/assistants/kinds/metrics")).body;
			return total.calls === 4 ? total : undefined;
		});
		expect(figures.outcomes).toEqual({ ok: 0, failed: 1, configuration: 1, timeout: 1, denied: 1, refused: 0 });
		await stage.admin.delete("/api/v1/plugins/unready");
	});
});

test("chat phase: times, success rates, cost and usage per assistant", async () => {
	await stage.install("priced", OPEN, allowing);
	await stage.install("unlucky", OPEN, await fixtureModule("trap"));
	for (const assistant of ["east", "east", "west"]) await stage.send(hello(assistant));
	const figuresOf = (assistant: string, calls: number) =>
		waitFor(`${assistant} has ${calls} calls`, async () => {
			const { body } = await stage.admin.get<AssistantMetrics>(`/api/v1/assistants/${assistant}/metrics?bucket=hour`);
			return body.total.calls === calls ? body : undefined;
		});
	const east = await figuresOf("east", 4);
	expect(east.total).toMatchObject({ errors: 2, successRate: 0.5, cost: 1, inputTokens: 20, outputTokens: 8 });
	expect(east.total.p99Ms).toBeGreaterThanOrEqual(east.total.p50Ms);
	expect(east.total.p50Ms).toBeGreaterThan(0);
	expect(east.items.map(({ plugin, successRate }) => [plugin, successRate])).toEqual([
		["priced", 1],
		["unlucky", 0],
	]);
	expect(east.total.series).toHaveLength(1);
	expect((await figuresOf("west", 2)).total).toMatchObject({ cost: 0.5, successRate: 0.5 });
	const { body } = await stage.admin.get<PluginMetrics>("/api/v1/plugins/metrics?plugin=priced");
	expect(body.total).toMatchObject({ calls: 3, cost: 1.5 });
});

/** Sends an event as a client that wants to hear that it is worked on. */
async function replies(event: HookEvent) {
	let frames = 0;
	let runtime: string | undefined;
	const inbox = `${tenantInboxPrefix("default")}.frames.${event.id}`;
	const subscription = stage.connection.subscribe(inbox);
	stage.connection.publish(eventSubject(event), JSON.stringify(event), { reply: inbox });
	for await (const message of subscription) {
		const reply: unknown = message.json();
		if (isProgressFrame(reply)) {
			frames += 1;
			runtime = reply.runtime;
		} else if (isVerdict(reply)) {
			subscription.unsubscribe();
			return { frames, runtime, verdict: reply };
		}
	}
	throw new Error("there was no verdict");
}
