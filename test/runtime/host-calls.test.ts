// What plugins ask of the host, all the way: a plugin compiled with the SDK, its thread, the main thread, the bus and the network.
// What each function does in detail is in plugin-store.test.ts, publish.test.ts and outbound-http*.test.ts.
import { setTimeout as delay } from "node:timers/promises";
import type { NetworkRule, Permission, PluginLimits, Verdict } from "@hookbus/schemas";
import { publishedSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { answersOf, askForCalls, askingModule, type Call } from "../support/asking-module.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { assemble, moduleReturning } from "../support/module-returning.js";
import { TEST_RANGE } from "../support/plugin-requests.js";
import { type TestPlugin, TestRoutes } from "../support/route-tables.js";
import { type StartedSite, startSite } from "../support/start-listener.js";
import { startNats } from "../support/start-nats.js";
import { PATIENT, startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

const HOOK = "on_chat_message" as const;
const ALL: readonly Permission[] = ["read_messages", "state", "write_files", "publish", "network_access"];

let module: Uint8Array;

beforeAll(async () => {
	module = await askingModule();
}, 600_000);

describe("a plugin that asks the host", () => {
	let natsUrl: string;
	let connection: NatsConnection;
	let routes: TestRoutes;
	let site: StartedSite;

	beforeEach(async () => {
		natsUrl = (await startNats()).url;
		connection = await connectTo(natsUrl);
		routes = new TestRoutes(connection);
		site = await startSite("127.0.1.1", (request, response) => {
			const [, path, ms] = /^\/([a-z]+)(?:\/(\d+))?/.exec(request.url ?? "") ?? [];
			const answer = () => response.end(`${path} for ${request.headers["authorization"] ?? "nobody"}`);
			if (ms === undefined) answer();
			else setTimeout(answer, Number(ms));
		});
	});

	const startRuntime = (settings: Readonly<Record<string, string>> = {}) =>
		startRuntimeHere({ natsUrl, settings: { ...PATIENT, HOOKBUS_HTTP_PRIVATE_RANGES: TEST_RANGE, ...settings } });

	const toSite = (more: Partial<NetworkRule> = {}): NetworkRule => ({
		host: "127.0.1.1",
		scheme: "http",
		port: site.port,
		...more,
	});

	function asking(changes: Partial<TestPlugin> & { limits?: PluginLimits } = {}): TestPlugin {
		return {
			name: "asking",
			module,
			grants: ALL,
			network: [toSite()],
			bindings: [{ hook: HOOK, effect: "transform" }],
			...changes,
		};
	}

	const url = (path: string) => `http://127.0.1.1:${site.port}${path}`;
	const askHost = (...calls: Call[]) => askForCalls(connection, calls);
	const first = (verdict: Verdict) => verdict.trail[0];

	test("keeps state from one event to the next, and nothing else", async () => {
		await startRuntime();
		await routes.apply([asking()]);
		expect(answersOf(await askHost(["state_get", "turns"], ["state_set", "turns", "ä 1"], ["state_get", "turns"]))).toEqual([
			null,
			true,
			"ä 1",
		]);
		expect(answersOf(await askHost(["state_get", "turns"], ["state_delete", "turns"], ["state_get", "turns"]))).toEqual([
			"ä 1",
			null,
			null,
		]);
		expect(answersOf(await askHost(["state_increment", "n", "5"], ["state_increment", "n", "-7"]))).toEqual([5, -2]);
		expect(answersOf(await askHost(["state_set", "short", "lived", "150"]))).toEqual([true]);
		await delay(300);
		expect(answersOf(await askHost(["state_get", "short"]))).toEqual([null]);
	});

	test("does once what is to be done once, whichever runtime is asked", async () => {
		await startRuntime();
		await startRuntime();
		await routes.apply([asking()], 2);
		const verdicts = await Promise.all(Array.from({ length: 40 }, () => askHost(["once", "mail-1", "60000"])));
		expect(verdicts.map((verdict) => answersOf(verdict)[0]).filter(Boolean)).toHaveLength(1);
	});

	test("keeps files, lists them, and is told when there is no room", async () => {
		await startRuntime();
		await routes.apply([asking({ limits: { fileBytes: 1_000, stateBytes: 100 } })]);
		expect(
			answersOf(
				await askHost(
					["file_write", "notes/a.txt", "Käse"],
					["file_read", "notes/a.txt"],
					["file_list", "notes/"],
					["file_write", "big", "x".repeat(2_000)],
					["file_read", "big"],
					["state_set", "k", "x".repeat(200)],
				),
			),
		).toEqual([true, "Käse", ["notes/a.txt"], false, null, false]);
	});

	test("publishes events of its own", async () => {
		await startRuntime();
		await routes.apply([asking()]);
		const subscription = connection.subscribe(publishedSubject("acme", "asking", "orders.new"), { max: 1 });
		await connection.flush();
		answersOf(await askHost(["publish", "orders.new", "Nr. 7"]));
		for await (const message of subscription) expect(message.string()).toBe("Nr. 7");
	});

	test("sends requests with a secret that it never sees", async () => {
		await startRuntime();
		const rule = toSite({ methods: ["GET", "POST"], secrets: [{ secret: "token", header: "authorization", prefix: "Bearer " }] });
		await routes.apply([asking({ network: [rule], secrets: { token: "s3cret-value" } })]);
		const [got, posted] = answersOf(await askHost(["http_get", url("/hello")], ["http_post", url("/order"), "one"]));
		expect(site.requests.map(({ method, headers }) => [method, headers["authorization"]])).toEqual([
			["GET", "Bearer s3cret-value"],
			["POST", "Bearer s3cret-value"],
		]);
		expect(got).toEqual({ status: 200, text: `hello for Bearer ${"*".repeat(12)}` });
		expect(posted).toMatchObject({ status: 200 });
		expect(site.requests[1]?.body).toBe("one");
	});

	test("goes on with status 0 when nobody answers", async () => {
		await startRuntime();
		await routes.apply([asking({ network: [toSite(), { host: "127.0.1.1", scheme: "http", port: 1 }] })]);
		expect(answersOf(await askHost(["http_get", "http://127.0.1.1:1/"], ["http_get", url("/hello")]))).toEqual([
			{ status: 0, text: "" },
			{ status: 200, text: "hello for nobody" },
		]);
	});

	const CALLS: readonly (readonly [Permission, Call])[] = [
		["state", ["state_get", "k"]],
		["state", ["state_set", "k", "v"]],
		["state", ["state_delete", "k"]],
		["state", ["state_increment", "k", "1"]],
		["state", ["once", "k", "1000"]],
		["write_files", ["file_read", "f"]],
		["write_files", ["file_write", "f", "x"]],
		["write_files", ["file_list", ""]],
		["publish", ["publish", "t", "x"]],
		["network_access", ["http_get", "http://127.0.1.1/"]],
	];

	test("is denied each thing for which it has no grant, and told which it needs", async () => {
		await startRuntime();
		const others = new Map(CALLS.map(([permission]) => [permission, ALL.filter((other) => other !== permission)]));
		for (const [permission, grants] of others) {
			await routes.apply([asking({ grants })]);
			for (const [needed, call] of CALLS) {
				if (needed !== permission) continue;
				const entry = first(await askHost(call));
				const name = call[0] === "http_get" ? "http_request" : call[0];
				expect(entry).toMatchObject({ outcome: "denied", skipped: true });
				expect(entry?.error).toBe(`${name} needs the permission ${permission}, which was not granted to the plugin`);
			}
		}
	});

	test("is denied what this deployment gives nobody, whatever was granted", async () => {
		await startRuntime({ HOOKBUS_PERMISSIONS: "read_messages,publish", HOOKBUS_HTTP_HOSTS: "*.example.com" });
		await routes.apply([asking()]);
		expect(first(await askHost(["state_get", "k"]))).toMatchObject({ outcome: "denied" });
		expect(answersOf(await askHost(["publish", "t", "x"]))).toEqual([null]);
	});

	test("cannot ask in initialize, which runs for every instance", async () => {
		await startRuntime();
		const asksAtOnce = await assemble(`(module
			(import "extism:host/user" "state_delete" (func $state_delete (param i64)))
			(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
			(func (export "initialize") (result i32) (call $state_delete (call $alloc (i64.const 3))) (i32.const 0))
			(func (export "${HOOK}") (result i32) (i32.const 0)))`);
		const [status] = await routes.apply([asking({ module: asksAtOnce })]);
		expect(status?.tenants["acme"]?.faults).toMatchObject([
			{ code: "denied", message: "state_delete cannot be used in initialize, which runs for every instance" },
		]);
	});

	test("has so many calls for an event and no more, and as many again for the next", async () => {
		await startRuntime();
		await routes.apply([asking()]);
		const requests = (count: number) => askHost(...Array.from({ length: count }, (): Call => ["http_get", url("/x")]));
		expect(answersOf(await requests(5))).toHaveLength(5);
		expect(first(await requests(6))).toMatchObject({
			outcome: "denied",
			error: "http_request: at most 5 calls in one invocation are allowed",
		});
		expect(answersOf(await requests(5))).toHaveLength(5);
	});

	test("HP-39 ends at its limit when nobody answers in time, without costing a thread, and the request ends with it", async () => {
		const runtime = await startRuntime();
		await routes.apply([asking({ limits: { timeoutMs: 300 } })]);
		expect(answersOf(await askHost(["http_get", url("/warm")]))).toHaveLength(1);
		const started = performance.now();
		const entry = first(await askHost(["http_get", url("/late/5000")]));
		expect(performance.now() - started).toBeLessThan(1_500);
		expect(entry).toMatchObject({ outcome: "timeout" });
		expect(entry?.durationMs).toBeLessThan(310);
		await delay(100);
		expect(site.open).toBe(0);
		const metrics = await (await fetch(`http://127.0.0.1:${runtime.port}/metrics`)).text();
		expect(metrics).not.toMatch(/^hookbus_invocations_killed_total\{/m);
		expect(metrics).toContain('hookbus_plugin_store_evictions_total{store="state"} 0');
		expect(metrics).toMatch(/hookbus_host_call_duration_seconds_count\{[^}]*call="http_request",outcome="timeout"\} 1/);
	});

	test("HP-27 never gets the answer that came too late for somebody else, on the same thread", async () => {
		await startRuntime({ HOOKBUS_WAITING_THREADS: "1" });
		const late = asking({
			name: "late",
			limits: { timeoutMs: 40 },
			bindings: [{ hook: HOOK, effect: "transform", assistant: "a" }],
		});
		const prompt = asking({ name: "prompt", bindings: [{ hook: HOOK, effect: "transform", assistant: "b" }] });
		await routes.apply([late, prompt]);
		let timeouts = 0;
		for (let pair = 0; pair < 100; pair += 1) {
			// Its answer comes around the time at which it is given up, and after it.
			const toLate = askForCalls(connection, [["http_get", url(`/marker/${30 + (pair % 20)}`)]], { assistant: "a" });
			const toPrompt = askForCalls(
				connection,
				[
					["http_get", url("/mine")],
					["state_get", `k${pair}`],
				],
				{ assistant: "b" },
			);
			expect(answersOf(await toPrompt)).toEqual([{ status: 200, text: "mine for nobody" }, null]);
			if (first(await toLate)?.outcome === "timeout") timeouts += 1;
		}
		expect(timeouts).toBeGreaterThan(20);
	});

	test("HP-29 of one tenant never meets what the same plugin of another keeps or is answered", async () => {
		const globex = new TestRoutes(connection, "globex");
		await startRuntime();
		await routes.apply([asking()]);
		await globex.apply([asking()]);
		const keys = Array.from({ length: 60 }, (_, index) => `k${index % 20}`);
		for (const tenant of ["acme", "globex"]) {
			const set = keys.slice(0, 20).map((key): Call => ["state_set", key, `canary of ${tenant}`]);
			answersOf(await askForCalls(connection, set, { tenant }));
		}
		const verdicts = await Promise.all(
			keys.flatMap((key) =>
				["acme", "globex"].map(async (tenant) => ({
					tenant,
					answers: answersOf(
						await askForCalls(
							connection,
							[
								["state_get", key],
								["file_read", "f"],
								["once", `${tenant}${key}`, "1000"],
							],
							{ tenant },
						),
					),
				})),
			),
		);
		for (const { tenant, answers } of verdicts) expect(answers[0]).toBe(`canary of ${tenant}`);
	});

	test("waits in threads of its own kind, and holds up no plugin that never waits", async () => {
		await startRuntime({ HOOKBUS_THREADS: "1", HOOKBUS_WAITING_THREADS: "1", HOOKBUS_ADMISSION_WAIT_MS: "10000" });
		const waiting = asking({ bindings: [{ hook: HOOK, effect: "transform", assistant: "waiting" }] });
		const quick: TestPlugin = {
			name: "quick",
			module: await moduleReturning({ [HOOK]: { action: "continue" } }),
			bindings: [{ hook: HOOK, effect: "gate", assistant: "quick" }],
		};
		await routes.apply([waiting, quick]);
		const slow = Array.from({ length: 12 }, () =>
			askForCalls(connection, [["http_get", url("/slow/2000")]], { assistant: "waiting" }),
		);
		// As many as would stop every thread that the other group can have.
		await waitFor("four of them wait", () => site.requests.length >= 4);
		const times: number[] = [];
		for (let event = 0; event < 20; event += 1) {
			const started = performance.now();
			const verdict = await ask(connection, chatEvent("x", { assistant: "quick" }));
			times.push(performance.now() - started);
			expect(verdict.trail).toMatchObject([{ plugin: "quick", outcome: "ok" }]);
		}
		expect(Math.max(...times)).toBeLessThan(1_000);
		for (const verdict of await Promise.all(slow)) expect(answersOf(verdict)).toEqual([{ status: 200, text: "slow for nobody" }]);
	});
});
