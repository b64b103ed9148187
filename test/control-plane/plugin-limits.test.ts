// Limits of an installed plugin: an admin's over the manifest's over the defaults, in the route table at once, and refused where
// no runtime could load the plugin.
import {
	DEFAULT_LIMITS,
	isRouteTable,
	type LimitsChange,
	type LimitsDetail,
	type PluginChange,
	type PluginDetail,
	type RouteTable,
} from "@hookbus/schemas";
import type { KV } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { assemble } from "../support/module-returning.js";
import type { StartedControlPlane } from "../support/start-control-plane.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { routeBucket, ScriptedRuntime } from "./scripted-runtime.js";
import { rows } from "./stored-names.js";

/** A module that begins with so many pages of memory. */
function moduleOf(pages: number): Promise<Uint8Array> {
	return assemble(`(module (memory ${pages}) (func (export "on_chat_message") (result i32) (i32.const 0)))`);
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let natsUrl: string;
	let control: StartedControlPlane;
	let api: ApiClient;
	let routes: KV;

	beforeAll(async () => {
		const bus = await startOnBus({ databaseUrl: await create() });
		({ natsUrl, control, api } = bus);
		routes = await routeBucket(bus.connection);
	});

	async function install(name: string, options: Parameters<typeof buildPackage>[0] = {}): Promise<PluginChange> {
		const { zip } = await buildPackage({ ...options, name });
		const answer = await api.install<PluginChange>({ file: zip, fields: { grants: "all", enable: "true" } });
		expect(answer.status).toBe(201);
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
		return answer.body;
	}

	const put = <T = LimitsChange>(name: string, body: unknown) => api.put<T>(`/api/v1/plugins/${name}/limits`, body);

	async function tableAt(revision: number): Promise<RouteTable> {
		return await waitFor(`route table ${revision} is on the bus`, async () => {
			const table = (await routes.get("default"))?.json();
			return isRouteTable(table) && table.revision >= revision ? table : undefined;
		});
	}

	test("without anything set the manifest's limits count, and the defaults below them", async () => {
		const { plugin } = await install("plain", { manifest: { limits: { timeoutMs: 40, costPerDay: 2.5 } } });
		const expected: LimitsDetail = {
			set: {},
			effective: { ...DEFAULT_LIMITS, timeoutMs: 40, costPerDay: 2.5 },
			from: {
				timeoutMs: "manifest",
				costPerDay: "manifest",
				memoryPages: "default",
				outputBytes: "default",
				concurrency: "default",
				stateBytes: "default",
				fileBytes: "default",
			},
		};
		expect(plugin.limits).toEqual(expected);
		expect((await api.get("/api/v1/plugins/plain/limits")).body).toEqual(expected);
	});

	test("what an admin sets counts over the manifest's, in the table and in its steps, and null gives it back", async () => {
		await install("set", { manifest: { limits: { timeoutMs: 40, ratePerMinute: 600 } } });
		const set = await put("set", { timeoutMs: 900, concurrency: 2, ratePerMinute: 60, costPerDay: null });
		expect(set).toMatchObject({
			status: 200,
			body: {
				set: { timeoutMs: 900, concurrency: 2, ratePerMinute: 60 },
				effective: { timeoutMs: 900, concurrency: 2, ratePerMinute: 60, memoryPages: 256 },
				from: { timeoutMs: "admin", concurrency: "admin", ratePerMinute: "admin", memoryPages: "default" },
			},
		});
		expect(set.body.effective).not.toHaveProperty("costPerDay");
		const table = await tableAt(set.body.revision);
		expect(table.plugins["set"]?.limits).toEqual({ ...DEFAULT_LIMITS, timeoutMs: 900, concurrency: 2, ratePerMinute: 60 });
		expect(table.hooks.on_chat_message?.all).toMatchObject([{ plugin: "set", timeoutMs: 900 }]);
		const back = await put("set", { timeoutMs: null, concurrency: 2 });
		expect(back.body.set).toEqual({ concurrency: 2 });
		const again = await tableAt(back.body.revision);
		expect(again.plugins["set"]?.limits).toMatchObject({ timeoutMs: 40, concurrency: 2, ratePerMinute: 600 });
		expect(again.hooks.on_chat_message?.all).toMatchObject([{ timeoutMs: 40 }]);
	});

	test("a binding's own time limit still wins", async () => {
		await install("bound");
		await api.put("/api/v1/assistants/*/plugins/bound", { timeoutMs: 77 });
		const { body } = await put("bound", { timeoutMs: 900 });
		expect((await tableAt(body.revision)).hooks.on_chat_message?.all).toMatchObject([{ plugin: "bound", timeoutMs: 77 }]);
	});

	test("changed limits make a new configuration revision, so that no old instance goes on", async () => {
		const installed = await install("fresh");
		const before = (await tableAt(installed.revision)).plugins["fresh"]?.configRevision;
		const { body } = await put("fresh", { outputBytes: 2_048 });
		expect((await tableAt(body.revision)).plugins["fresh"]?.configRevision).not.toBe(before);
	});

	test("the same limits again make no revision; every change has an audit row", async () => {
		await install("same");
		const first = await put("same", { timeoutMs: 100 });
		expect((await put("same", { timeoutMs: 100, fileBytes: null })).body.revision).toBe(first.body.revision);
		await put("same", {});
		const trail = await rows(
			control.plane.database,
			"SELECT detail FROM audit_log WHERE target = 'same' AND action = 'plugin.limits' ORDER BY id",
		);
		expect(trail.map(({ detail }) => detail)).toEqual([
			{ before: {}, after: { timeoutMs: 100 } },
			{ before: { timeoutMs: 100 }, after: {} },
		]);
	});

	test("a new version keeps what an admin set", async () => {
		await install("kept");
		await put("kept", { timeoutMs: 111 });
		const { zip } = await buildPackage({ name: "kept", version: "2.0.0", manifest: { limits: { timeoutMs: 5 } } });
		const updated = await api.update<PluginChange>("kept", { file: zip });
		expect(updated.body.plugin.limits).toMatchObject({ set: { timeoutMs: 111 }, effective: { timeoutMs: 111 } });
	});

	const wrong: { body: unknown; path: string }[] = [
		{ body: { timeoutMs: 0 }, path: "/timeoutMs" },
		{ body: { timeoutMs: 10_001 }, path: "/timeoutMs" },
		{ body: { memoryPages: 4_096 }, path: "/memoryPages" },
		{ body: { concurrency: 1.5 }, path: "/concurrency" },
		{ body: { costPerDay: 0 }, path: "/costPerDay" },
		{ body: { ratePerMinute: "60" }, path: "/ratePerMinute" },
		{ body: { timeout: 5 }, path: "/timeout" },
	];
	test.each(wrong)("$body is refused", async ({ body, path }) => {
		await install("checked");
		const answer = await put<ProblemBody>("checked", body);
		expect(answer).toMatchObject({ status: 400, body: { code: "request_invalid" } });
		expect(answer.body.errors?.map((fault) => fault.path)).toContain(path);
		expect((await api.get<LimitsDetail>("/api/v1/plugins/checked/limits")).body.set).toEqual({});
	});

	test("a plugin that is not there is 404", async () => {
		expect(await put("missing", {})).toMatchObject({ status: 404, body: { code: "plugin_not_found" } });
		expect(await api.get("/api/v1/plugins/missing/limits")).toMatchObject({ status: 404 });
	});

	describe("memory", () => {
		test("less than the module begins with is refused, and changes nothing", async () => {
			await install("large", { module: await moduleOf(20) });
			const refused = await put<ProblemBody>("large", { memoryPages: 19, timeoutMs: 5 });
			expect(refused).toMatchObject({ status: 422, body: { code: "limits_invalid", errors: [{ path: "/memoryPages" }] } });
			expect(refused.body.detail).toMatch(
				/large 1\.0\.0 begins with 20 pages; the limit is 19.*PUT \/api\/v1\/plugins\/large\/limits/,
			);
			expect((await api.get<PluginDetail>("/api/v1/plugins/large")).body.limits.set).toEqual({});
			expect(await put("large", { memoryPages: 20 })).toMatchObject({ status: 200, body: { effective: { memoryPages: 20 } } });
		});

		test("a version that begins with more than an admin allows is refused while enabled, and cannot be enabled later", async () => {
			await install("grows", { module: await moduleOf(1) });
			await put("grows", { memoryPages: 10 });
			const { zip } = await buildPackage({ name: "grows", version: "2.0.0", module: await moduleOf(11) });
			expect(await api.update("grows", { file: zip })).toMatchObject({ status: 422, body: { code: "limits_invalid" } });
			await api.post("/api/v1/plugins/grows/disable");
			expect((await api.update("grows", { file: zip })).status).toBe(200);
			expect(await api.post("/api/v1/plugins/grows/enable")).toMatchObject({ status: 422, body: { code: "limits_invalid" } });
			await put("grows", {});
			expect((await api.post("/api/v1/plugins/grows/enable")).status).toBe(200);
		});
	});

	test("wait=applied waits until the runtimes have the new limits", async () => {
		await install("waited");
		const connection = await connectTo(natsUrl);
		const runtime = new ScriptedRuntime(connection, "waited-for");
		await runtime.follows(routes);
		const answer = await api.put<LimitsChange>("/api/v1/plugins/waited/limits?wait=applied", { timeoutMs: 77 });
		expect(answer).toMatchObject({ status: 200, body: { applied: { runtimes: [{ id: "waited-for" }] } } });
		runtime.becomes("stopped");
	});
});
