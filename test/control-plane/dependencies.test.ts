// Plugins that need others: what is missing is named, and what is needed cannot be taken away.
import type { Explanation, ManifestCheck, PluginDetail } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;

	beforeAll(async () => {
		control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create() });
		api = control.admin;
	});

	type Needs = Record<string, string>;
	const RUNNING = { grants: "all", enable: "true" };

	/** Removed with the test, those that came last first. */
	async function send(name: string, version: string, dependencies: Needs = {}, fields: Record<string, string> = RUNNING) {
		const { zip } = await buildPackage({ name, manifest: { version, dependencies } });
		const isThere = (await api.get(`/api/v1/plugins/${name}`)).status === 200;
		const sent = { file: zip, fields };
		if (isThere) return await api.update<ProblemBody>(name, sent);
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
		return await api.install<ProblemBody>(sent);
	}

	const act = (name: string, verb: string) => api.post<ProblemBody>(`/api/v1/plugins/${name}/${verb}`);
	const show = async (name: string) => (await api.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;

	test("an install names every dependency that is missing, has another version, or is disabled, and stores nothing", async () => {
		await send("old", "1.0.0");
		await send("off", "1.0.0", {}, {});
		const needs = { absent: "^1.0.0", old: "^2.0.0", off: "*" };
		const refused = await send("needy", "1.0.0", needs);
		expect(refused).toMatchObject({
			status: 409,
			body: {
				code: "dependencies_missing",
				errors: [
					{ path: "/dependencies/absent", message: "absent ^1.0.0, which is not installed" },
					{ path: "/dependencies/off", message: "off *, which is disabled" },
					{ path: "/dependencies/old", message: "old ^2.0.0, of which 1.0.0 is current" },
				],
			},
		});
		expect((await api.get("/api/v1/plugins/needy")).status).toBe(404);
		// Without being enabled it may come while a dependency is still disabled.
		expect((await send("needy", "1.0.0", needs, {})).body.errors?.map(({ path }) => path)).toEqual([
			"/dependencies/absent",
			"/dependencies/old",
		]);
		expect((await send("needy", "1.0.0", { off: "*" }, {})).status).toBe(201);
	});

	test("a plugin is enabled after what it needs, and keeps it: no disabling, no removal, no version outside the range", async () => {
		await send("base", "1.0.0", {}, { grants: "all" });
		await send("upper", "1.0.0", { base: "^1.0.0" }, { grants: "all" });
		expect(await act("upper", "enable")).toMatchObject({ status: 409, body: { code: "dependencies_missing" } });
		await act("base", "enable");
		expect((await act("upper", "enable")).status).toBe(200);
		const inUse = { status: 409, body: { code: "dependents_exist", errors: [{ path: "/plugins/upper" }] } };
		expect(await act("base", "disable")).toMatchObject(inUse);
		expect(await act("base", "toggle")).toMatchObject(inUse);
		expect(await api.delete("/api/v1/plugins/base")).toMatchObject(inUse);
		expect(await send("base", "2.0.0")).toMatchObject(inUse);
		expect(await send("base", "1.1.0", {}, { enable: "false" })).toMatchObject(inUse);
		expect(await show("base")).toMatchObject({ status: "enabled", version: "1.0.0" });
		expect((await send("base", "1.2.0")).status).toBe(200);
		await act("upper", "disable");
		expect((await send("base", "2.0.0")).status).toBe(200);
		// A disabled plugin holds nothing up, and cannot be enabled on what does not fit.
		expect(await act("upper", "enable")).toMatchObject({ status: 409, body: { code: "dependencies_missing" } });
		expect((await api.post("/api/v1/plugins/base/rollback")).status).toBe(200);
		expect((await act("upper", "enable")).status).toBe(200);
		expect(await api.post("/api/v1/plugins/base/rollback", { version: "2.0.0" })).toMatchObject(inUse);
	});

	test("plugins that would need each other are refused with the way", async () => {
		await send("one", "1.0.0");
		await send("two", "1.0.0", { one: "*" });
		await send("three", "1.0.0", { two: "*" });
		const refused = await send("one", "1.1.0", { three: "*" });
		expect(refused).toMatchObject({ status: 409, body: { code: "dependency_cycle" } });
		expect(refused.body.detail).toContain("one → three → two → one");
		expect((await show("one")).version).toBe("1.0.0");
	});

	test("explain shows what a plugin needs and how it stands", async () => {
		await send("shown", "1.2.0");
		await send("shows", "1.0.0", { shown: "^1.0.0" });
		const explained = async () => {
			const { body } = await api.get<Explanation>("/api/v1/assistants/bot/explain");
			return body.hooks.on_chat_message.chain.find(({ plugin }) => plugin === "shows")?.dependencies;
		};
		expect(await explained()).toEqual([{ plugin: "shown", range: "^1.0.0", version: "1.2.0", state: "met" }]);
		// As when the service disables a plugin that keeps failing.
		await rows(control.plane.database, "UPDATE plugins SET enabled = false WHERE name = 'shown'");
		expect(await explained()).toMatchObject([{ state: "disabled" }]);
	});

	const wrong: { needs: unknown; path: string }[] = [
		{ needs: { other: "not a range" }, path: "/dependencies/other" },
		{ needs: { "Bad Name": "^1.0.0" }, path: "/dependencies/Bad Name" },
		{ needs: { tester: "^1.0.0" }, path: "/dependencies/tester" },
		{ needs: { other: 1 }, path: "/dependencies/other" },
		{ needs: ["other"], path: "/dependencies" },
	];
	test.each(wrong)("dependencies $needs are no manifest", async ({ needs, path }) => {
		const { manifest } = await buildPackage({ manifest: { dependencies: needs } });
		const { body } = await api.post<ManifestCheck>("/api/v1/plugins/validate-manifest", manifest);
		expect(body).toMatchObject({ valid: false, errors: [{ path }] });
	});
});
