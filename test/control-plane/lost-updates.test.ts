// ETag and If-Match, over both databases: nobody overwrites what somebody else changed meanwhile.
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { EACH_DATABASE } from "./each-database.js";

const CONFIG = "/api/v1/plugins/shared/config";

describe.each(EACH_DATABASE)("BR-09 on $kind", ({ create }) => {
	let api: ApiClient;

	beforeAll(async () => {
		api = (await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create() })).admin;
		const config = { type: "object", properties: { n: { type: "integer" } } };
		for (const name of ["shared", "other"]) {
			const { zip } = await buildPackage({ name, manifest: { config } });
			await api.install({ file: zip, fields: { grants: "all", enable: "true" } });
		}
	});

	const tagOf = async (path: string) => (await api.get(path)).headers.get("etag") ?? "";
	const put = (path: string, body: unknown, tag: string) => api.call<ProblemBody>("PUT", path, body, { "if-match": tag });

	test("a configuration is written by who read the newest one, and refused to who did not", async () => {
		const tag = await tagOf(CONFIG);
		expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
		expect((await put(CONFIG, { config: { n: 1 } }, tag)).status).toBe(200);
		const late = await put(CONFIG, { config: { n: 2 } }, tag);
		expect(late).toMatchObject({ status: 412, body: { code: "precondition_failed" } });
		expect((await api.get<{ config: unknown }>(CONFIG)).body.config).toMatchObject({ n: 1 });
		expect((await put(CONFIG, { config: { n: 2 } }, `"other", ${await tagOf(CONFIG)}`)).status).toBe(200);
	});

	test("of twenty changes from the same state at once exactly one is made", async () => {
		const tag = await tagOf(CONFIG);
		const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => put(CONFIG, { config: { n: 100 + n } }, tag)));
		expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(412)]);
		const winner = answers.findIndex(({ status }) => status === 200);
		expect((await api.get<{ config: unknown }>(CONFIG)).body.config).toMatchObject({ n: 100 + winner });
	});

	test("counters that read, add and try again lose no step", async () => {
		await api.put(CONFIG, { config: { n: 0 } });
		const addOne = async (): Promise<void> => {
			for (;;) {
				const { headers, body } = await api.get<{ config: { n: number } }>(CONFIG);
				if ((await put(CONFIG, { config: { n: body.config.n + 1 } }, headers.get("etag") ?? "")).status === 200) return;
			}
		};
		await Promise.all(
			Array.from({ length: 4 }, async () => {
				for (let step = 0; step < 4; step += 1) await addOne();
			}),
		);
		expect((await api.get<{ config: unknown }>(CONFIG)).body.config).toMatchObject({ n: 16 });
	});

	test("a plugin's tag covers its state, grants, limits and bindings, and not what other plugins do", async () => {
		const path = "/api/v1/plugins/shared";
		const changes: readonly (() => Promise<unknown>)[] = [
			() => api.put(`${path}/limits`, { timeoutMs: 500 }),
			() => api.post(`${path}/disable`),
			() => api.put(`${path}/grants`, { permissions: [] }),
			() => api.post("/api/v1/assistants/bot/plugins", { plugin: "shared" }),
		];
		for (const change of changes) {
			const tag = await tagOf(path);
			await api.put("/api/v1/plugins/other/limits", { timeoutMs: 400 + Math.floor(Math.random() * 100) });
			expect(await tagOf(path)).toBe(tag);
			await change();
			expect(await tagOf(path)).not.toBe(tag);
			for (const [method, below] of [
				["POST", "/toggle"],
				["PUT", "/grants"],
				["DELETE", ""],
			] as const) {
				const body = method === "PUT" ? { permissions: [] } : undefined;
				expect(await api.call(method, path + below, body, { "if-match": tag })).toMatchObject({ status: 412 });
			}
		}
	});

	test("an upload from an old state is refused, and the old version stays", async () => {
		const tag = await tagOf("/api/v1/plugins/other");
		await api.post("/api/v1/plugins/other/disable");
		const { zip } = await buildPackage({ name: "other", version: "2.0.0" });
		const form = new FormData();
		form.append("file", new Blob([Buffer.from(zip)]), "package");
		expect((await api.call("PUT", "/api/v1/plugins/other", form, { "if-match": tag })).status).toBe(412);
		expect((await api.get("/api/v1/plugins/other")).body).toMatchObject({ version: "1.0.0" });
	});

	test.each(["desk", "*"])("bindings of the scope %s are changed by who read the newest list", async (scope) => {
		const list = `/api/v1/assistants/${scope}/plugins`;
		const tag = await tagOf(list);
		expect((await put(`${list}/shared`, { enabled: false }, tag)).status).toBe(200);
		expect((await put(`${list}/shared`, { enabled: true }, tag)).status).toBe(412);
		expect((await api.call("DELETE", `${list}/shared`, undefined, { "if-match": tag })).status).toBe(412);
		expect((await api.call("DELETE", `${list}/shared`, undefined, { "if-match": await tagOf(list) })).status).toBe(200);
	});

	test("without If-Match, and with *, the last one wins", async () => {
		expect((await api.put(CONFIG, { config: { n: 5 } })).status).toBe(200);
		expect((await put(CONFIG, { config: { n: 6 } }, "*")).status).toBe(200);
	});

	test.each(["", '"', "W/", "x".repeat(5_000)])("the tag %o is nobody's", async (tag) => {
		expect((await put(CONFIG, { config: { n: 7 } }, tag)).status).toBe(412);
	});
});
