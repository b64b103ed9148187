// Rollouts: another version for a share of the conversations, with figures for both, stopped by itself when it does badly.
import { compileRouteTable, explain } from "@hookbus/control-plane";
import {
	type Execution,
	type Explanation,
	executionSubject,
	isRouteTable,
	type PluginChange,
	type PluginDetail,
	type PluginVersionList,
	type Rollout,
	type RolloutChange,
	type RolloutList,
	type RouteStep,
	type RouteTable,
} from "@hookbus/schemas";
import type { KV, NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { binding, type PluginInput, plugin } from "./routing-input.js";
import { routeBucket, ScriptedRuntime } from "./scripted-runtime.js";
import { rows } from "./stored-names.js";

describe("what is compiled", () => {
	const HEAD = { tenant: "default", revision: 7, compiledAt: "2026-01-01T00:00:00.000Z" };
	const CANDIDATE = { version: "2.0.0", digest: "cd".repeat(32), size: 200, percentage: 10 };
	type Mode = "canary" | "shadow" | "ab";

	function tried(mode: Mode, manifest: PluginInput["manifest"] = {}, percentage = CANDIDATE.percentage) {
		const { manifest: current } = plugin({ name: "a" });
		return plugin({
			name: "a",
			candidate: { ...CANDIDATE, percentage, mode, manifest: { ...current, version: "2.0.0", ...manifest } },
		});
	}
	const compile = (a: ReturnType<typeof tried>, bindings = [binding("a")]): RouteTable => {
		const table = compileRouteTable(HEAD, { plugins: [a], bindings });
		expect(isRouteTable(table)).toBe(true);
		return table;
	};
	const short = ({ plugin: key, mode, share, arm }: RouteStep) => [key, mode, share?.from, share?.below, arm];

	test.each<Mode>(["canary", "ab"])("%s: both versions share the conversations out, and each has its own module", (mode) => {
		const table = compile(tried(mode));
		expect(table.hooks.on_chat_message?.all?.map(short)).toEqual([
			["a", "enforce", 100_000, 1_000_000, undefined],
			["a@2.0.0", "enforce", 0, 100_000, "candidate"],
		]);
		expect(table.plugins["a@2.0.0"]).toMatchObject({ name: "a", version: "2.0.0", digest: CANDIDATE.digest, size: 200 });
		expect(table.plugins["a"]).toEqual(
			compileRouteTable(HEAD, { plugins: [plugin({ name: "a" })], bindings: [binding("a")] }).plugins["a"],
		);
	});

	test("shadow: the current version runs for all, the candidate beside it without effect", () => {
		expect(compile(tried("shadow")).hooks.on_chat_message?.all?.map(short)).toEqual([
			["a", "enforce", undefined, undefined, undefined],
			["a@2.0.0", "shadow", 0, 100_000, "candidate"],
		]);
	});

	test("a binding's percentage is shared out too, and 100 % leaves nothing to the current version", () => {
		const bindings = [binding("a", { percentage: 50 })];
		expect(compile(tried("canary"), bindings).hooks.on_chat_message?.all?.map(short)).toEqual([
			["a", "enforce", 50_000, 500_000, undefined],
			["a@2.0.0", "enforce", 0, 50_000, "candidate"],
		]);
		expect(compile(tried("canary", {}, 100), bindings).hooks.on_chat_message?.all?.map(short)).toEqual([
			["a@2.0.0", "enforce", 0, 500_000, "candidate"],
		]);
	});

	test("a hook that only one of the versions has stays with the conversations of that version", () => {
		const table = compile(
			tried("canary", {
				hooks: [
					{ hook: "on_before_response", effect: "gate" },
					{ hook: "on_after_response", effect: "observe" },
				],
			}),
		);
		expect(table.hooks.on_chat_message?.all?.map(short)).toEqual([["a", "enforce", 100_000, 1_000_000, undefined]]);
		expect(table.hooks.on_after_response?.all?.map(short)).toEqual([["a@2.0.0", "enforce", 0, 100_000, "candidate"]]);
	});

	test("an override of a binding makes a configuration of its own for each version", () => {
		const config = { type: "object", properties: { x: { type: "integer" } } };
		const table = compile(tried("canary", { config, defaults: { x: 1 } }), [
			binding("a"),
			binding("a", { assistant: "bot", config: { x: 2 } }),
		]);
		expect(Object.keys(table.plugins)).toHaveLength(4);
		const keys = table.hooks.on_chat_message?.assistants["bot"]?.map(({ plugin: key }) => key);
		expect(keys).toEqual([expect.stringMatching(/^a#/), expect.stringMatching(/^a@2\.0\.0#/)]);
	});

	test("explain shows both versions with their shares", () => {
		const { chain } = explain({ plugins: [tried("canary")], bindings: [binding("a")] }, 7, null).hooks.on_chat_message;
		expect(chain).toMatchObject([
			{ version: "1.0.0", percentage: 90, reason: expect.stringContaining("current version") },
			{ version: "2.0.0", percentage: 10, arm: "candidate", reason: expect.stringContaining("candidate of a rollout") },
		]);
	});
});

function execution(name: string, index: number, values: Partial<Execution>): Execution {
	return {
		eventId: `${name}-${index}`,
		tenant: "default",
		assistant: "bot",
		hook: "on_chat_message",
		plugin: name,
		version: "1.0.0",
		digest: "ab".repeat(32),
		effect: "transform",
		mode: "enforce",
		outcome: "ok",
		startedAt: new Date().toISOString(),
		durationMs: 2,
		inputBytes: 100,
		outputBytes: 50,
		attempt: 1,
		runtime: "runtime-1",
		revision: 1,
		...values,
	};
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let natsUrl: string;
	let databaseUrl: string | undefined;
	let control: StartedControlPlane;
	let api: ApiClient;
	let connection: NatsConnection;
	let routes: KV;

	beforeAll(async () => {
		databaseUrl = await create();
		({ natsUrl, control, api, connection } = await startOnBus({ databaseUrl }));
		routes = await routeBucket(connection);
	});

	/** A plugin that runs in 1.0.0 and has 2.0.0 beside it. */
	async function install(name: string, next: Record<string, unknown> = {}, goesAway = true) {
		const { zip } = await buildPackage({ name });
		expect((await api.install({ file: zip, fields: { grants: "all", enable: "true" } })).status).toBe(201);
		if (goesAway) closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
		const second = await buildPackage({ name, version: "2.0.0", salt: "two", manifest: next });
		const stored = await api.update<PluginChange>(name, { file: second.zip }, "?activate=false");
		expect(stored).toMatchObject({ status: 200, body: { created: true, plugin: { version: "1.0.0" } } });
	}

	const at = (name: string, more = "") => `/api/v1/plugins/${name}/rollouts${more}`;
	const show = async (name: string) => (await api.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;
	async function begin(name: string, wanted: Record<string, unknown> = {}): Promise<Rollout> {
		const answer = await api.post<RolloutChange>(at(name), { version: "2.0.0", percentage: 10, ...wanted });
		expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
		return answer.body.rollout;
	}
	const rollout = async (name: string, id: string) => (await api.get<Rollout>(at(name, `/${id}`))).body;

	let sent = 0;
	const nextEvent = () => {
		sent += 1;
		return sent;
	};
	/** So many executions of the candidate (or of the current version), as a runtime reports them. */
	async function report(name: string, count: number, values: Partial<Execution>, arm: "candidate" | "current" = "candidate") {
		const own: Partial<Execution> = arm === "candidate" ? { version: "2.0.0", arm } : {};
		const executions = Array.from({ length: count }, () => execution(name, nextEvent(), { ...own, ...values }));
		await connection.jetstream().publish(executionSubject("default"), JSON.stringify({ spec: "1", executions }));
	}
	const calls = (name: string, id: string, count: number) =>
		waitFor(`${count} calls are counted`, async () => {
			const { arms } = await rollout(name, id);
			return arms.candidate.calls + arms.current.calls === count ? arms : undefined;
		});
	const audit = (name: string) =>
		rows(
			control.plane.database,
			`SELECT actor, action, detail FROM audit_log WHERE target = '${name}' AND action LIKE 'rollout.%' ORDER BY id`,
		);

	test("from start to promotion: steps for both, figures for both, and the candidate becomes current", async () => {
		await install("promoted");
		const started = await begin("promoted", { percentage: 25, minEvents: 3 });
		expect(started).toMatchObject({
			mode: "canary",
			from: "1.0.0",
			version: "2.0.0",
			state: "running",
			maxErrorRate: 0.05,
			startedBy: "first admin key",
		});
		const table = await waitFor("both versions are on the bus", async () => {
			const found = (await routes.get("default"))?.json();
			return isRouteTable(found) && found.plugins["promoted@2.0.0"] !== undefined ? found : undefined;
		});
		expect(table.hooks.on_chat_message?.all).toMatchObject([
			{ plugin: "promoted", share: { from: 250_000, below: 1_000_000 } },
			{ plugin: "promoted@2.0.0", share: { from: 0, below: 250_000 }, arm: "candidate" },
		]);
		const { body } = await api.get<Explanation>("/api/v1/assistants/bot/explain");
		expect(body.hooks.on_chat_message.chain).toMatchObject([{ version: "1.0.0" }, { version: "2.0.0", arm: "candidate" }]);
		await report("promoted", 40, { durationMs: 4, usage: { cost: 0.5 } });
		await report("promoted", 9, {}, "current");
		await report("promoted", 1, { outcome: "trap" }, "current");
		await report("promoted", 5, { outcome: "rate_limited" });
		const arms = await calls("promoted", started.id, 50);
		expect(arms.candidate).toEqual({
			version: "2.0.0",
			calls: 40,
			errors: 0,
			errorRate: 0,
			p50Ms: 4,
			p95Ms: 4,
			p99Ms: 4,
			cost: 20,
		});
		expect(arms.current).toMatchObject({ version: "1.0.0", calls: 10, errors: 1, errorRate: 0.1, p50Ms: 2 });
		const answer = await api.post<RolloutChange>(at("promoted", `/${started.id}/promote`));
		expect(answer).toMatchObject({ status: 200, body: { rollout: { state: "promoted", endedBy: "first admin key", arms } } });
		expect(await show("promoted")).toMatchObject({ version: "2.0.0", status: "enabled" });
		expect(await api.post(at("promoted", `/${started.id}/promote`))).toMatchObject({
			status: 409,
			body: { code: "rollout_ended" },
		});
		expect((await audit("promoted")).map(({ action }) => action)).toEqual(["rollout.start", "rollout.promote"]);
		// A promotion is a change like any other: it can be rolled back.
		expect((await api.post<PluginChange>("/api/v1/plugins/promoted/rollback")).body.plugin.version).toBe("1.0.0");
	});

	test("too many failures stop it, with the reason and without anybody; the current version goes on for all", async () => {
		await install("failing");
		const { id } = await begin("failing", { minEvents: 20, maxErrorRate: 0.1 });
		await report("failing", 10, { outcome: "timeout" });
		await calls("failing", id, 10);
		expect((await rollout("failing", id)).state).toBe("running");
		await report("failing", 10, {});
		const stopped = await waitFor("it is stopped", async () => {
			const found = await rollout("failing", id);
			return found.state === "stopped" ? found : undefined;
		});
		expect(stopped).toMatchObject({
			endedBy: "system",
			reason: expect.stringContaining("10 of 20"),
			arms: { candidate: { calls: 20, errors: 10 } },
		});
		await waitFor("the candidate is off the bus", async () => {
			const table = (await routes.get("default"))?.json<RouteTable>();
			return table?.plugins["failing"] !== undefined && table.plugins["failing@2.0.0"] === undefined;
		});
		expect(await audit("failing")).toMatchObject([
			{ action: "rollout.start" },
			{ actor: "system", action: "rollout.auto_stop", detail: { from: "1.0.0", version: "2.0.0" } },
		]);
		expect(await show("failing")).toMatchObject({ version: "1.0.0", status: "enabled" });
	});

	test("slowness stops it; failures and slowness of the current version do not", async () => {
		await install("slow");
		const { id } = await begin("slow", { minEvents: 5, maxP95Ms: 50, mode: "shadow" });
		await report("slow", 30, { durationMs: 900, outcome: "trap" }, "current");
		await report("slow", 30, { durationMs: 49 });
		await calls("slow", id, 60);
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		expect((await rollout("slow", id)).state).toBe("running");
		await report("slow", 30, { durationMs: 200 });
		await waitFor("it is stopped", async () => (await rollout("slow", id)).reason?.includes("its limit is 50 ms"));
	});

	test("ab is stopped only by limits that are named, and by hand", async () => {
		await install("compared");
		const { id, maxErrorRate } = await begin("compared", { mode: "ab", percentage: 50, minEvents: 1 });
		expect(maxErrorRate).toBeUndefined();
		await report("compared", 10, { outcome: "trap" });
		await calls("compared", id, 10);
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		const answer = await api.post<RolloutChange>(at("compared", `/${id}/stop`));
		expect(answer.body.rollout).toMatchObject({
			state: "stopped",
			endedBy: "first admin key",
			reason: "stopped by first admin key",
		});
		const { body } = await api.get<RolloutList>(at("compared"));
		expect(body.items).toMatchObject([{ id, state: "stopped", arms: { candidate: { calls: 10, errors: 10, errorRate: 1 } } }]);
	});

	test("a candidate that a runtime cannot take into service is stopped at once", async () => {
		await install("unloadable");
		const { id } = await begin("unloadable");
		const runtime = new ScriptedRuntime(connection, "refuses");
		await runtime.follows(routes, [{ plugin: "unloadable", version: "2.0.0", code: "trap", message: "no memory" }]);
		await waitFor("it is stopped", async () =>
			(await rollout("unloadable", id)).reason?.includes("runtime refuses could not take 2.0.0"),
		);
		runtime.becomes("stopped");
		runtime.die();
	});

	test("while it runs the plugin stays as it is; disabling ends it", async () => {
		await install("held");
		const { id } = await begin("held");
		const held = { status: 409, body: { code: "rollout_running" } };
		const third = await buildPackage({ name: "held", version: "3.0.0" });
		expect(await api.update("held", { file: third.zip })).toMatchObject(held);
		expect(await api.put("/api/v1/plugins/held/limits", { timeoutMs: 5 })).toMatchObject(held);
		expect(await api.post(at("held"), { version: "2.0.0", percentage: 20 })).toMatchObject(held);
		expect(await show("held")).toMatchObject({ version: "1.0.0", limits: { set: {} } });
		expect((await api.update("held", { file: third.zip }, "?activate=false")).status).toBe(200);
		expect((await api.post("/api/v1/plugins/held/disable")).status).toBe(200);
		expect(await rollout("held", id)).toMatchObject({ state: "stopped", reason: "the plugin was disabled" });
		expect(await api.post(at("held"), { version: "2.0.0", percentage: 20 })).toMatchObject({
			status: 409,
			body: { code: "rollout_invalid" },
		});
		expect((await api.post("/api/v1/plugins/held/enable")).status).toBe(200);
	});

	test("a candidate that asks for more than was granted is refused; a version that is only stored changes nothing", async () => {
		await install("asking", { permissions: ["read_messages", "state"] });
		const refused = await api.post<ProblemBody>(at("asking"), { version: "2.0.0", percentage: 10 });
		expect(refused).toMatchObject({ status: 409, body: { code: "grants_missing" } });
		const { body } = await api.get<PluginVersionList>("/api/v1/plugins/asking/versions");
		expect(body.items.map(({ version, current }) => [version, current])).toEqual([
			["2.0.0", false],
			["1.0.0", true],
		]);
		const { zip } = await buildPackage({ name: "asking", version: "2.1.0" });
		expect(await api.update("asking", { file: zip, fields: { grants: "all" } }, "?activate=false")).toMatchObject({
			status: 422,
			body: { code: "upload_field_invalid" },
		});
	});

	const wrong: { body: unknown; status: number; code: string }[] = [
		{ body: { version: "2.0.0" }, status: 400, code: "request_invalid" },
		{ body: { version: "2.0.0", percentage: 0 }, status: 400, code: "request_invalid" },
		{ body: { version: "2.0.0", percentage: 101 }, status: 400, code: "request_invalid" },
		{ body: { version: "2.0.0", percentage: 5, mode: "blue" }, status: 400, code: "request_invalid" },
		{ body: { version: "2.0.0", percentage: 5, maxErrorRate: 5 }, status: 400, code: "request_invalid" },
		{ body: { version: "2.0.0", percentage: 5, minEvents: 0 }, status: 400, code: "request_invalid" },
		{ body: { version: "2.0.0", percentage: 5, more: 1 }, status: 400, code: "request_invalid" },
		{ body: { version: "9.0.0", percentage: 5 }, status: 404, code: "version_not_found" },
		{ body: { version: "1.0.0", percentage: 5 }, status: 409, code: "rollout_invalid" },
	];
	test("bad input is refused", async () => {
		await install("input");
		for (const { body, status, code } of wrong) {
			expect(await api.post(at("input"), body), JSON.stringify(body)).toMatchObject({ status, body: { code } });
		}
		const unknown = "00000000-0000-0000-0000-000000000000";
		expect(await api.get(at("input", `/${unknown}`))).toMatchObject({ status: 404, body: { code: "rollout_not_found" } });
		expect(await api.post(at("input", `/${unknown}/stop`))).toMatchObject({ status: 404, body: { code: "rollout_not_found" } });
		expect(await api.get(at("input", "/one"))).toMatchObject({ status: 400 });
		expect(await api.get(at("missing"))).toMatchObject({ status: 404, body: { code: "plugin_not_found" } });
	});

	// Last: the control plane that the other tests call is another one afterwards.
	test("a control plane that comes back goes on watching", async () => {
		await install("watched", {}, false);
		const { id } = await begin("watched", { minEvents: 10 });
		await report("watched", 9, { outcome: "trap" });
		await calls("watched", id, 9);
		const key = control.plane.firstKey;
		await control.stop();
		await report("watched", 1, { outcome: "trap" });
		control = await startTestControlPlane({ natsUrl, databaseUrl, dataDir: control.dataDir });
		api = control.admin.as(key);
		const stopped = await waitFor("it is stopped", async () => {
			const found = await rollout("watched", id);
			return found.state === "stopped" ? found : undefined;
		});
		expect(stopped).toMatchObject({ endedBy: "system", arms: { candidate: { calls: 10, errors: 10 } } });
	});
});
