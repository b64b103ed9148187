// The order of a scope's bindings as a list: what runs follows it, and a list that is not the whole truth changes nothing.
import type { ApiKeyCreated, BindingList, BindingOrderChange, Explanation } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const PATH = "/api/v1/assistants/desk/plugins";

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;

	beforeAll(async () => {
		control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create() });
		api = control.admin;
		for (const name of ["alpha", "bravo", "charlie"]) {
			const fields = { grants: "all", enable: "true", bind: "none" };
			expect((await api.install({ file: (await buildPackage({ name })).zip, fields })).status).toBe(201);
		}
		await api.post(PATH, { plugin: "alpha", timeoutMs: 77 });
		await api.post(PATH, { plugin: "bravo", order: 5 });
		await api.post("/api/v1/assistants/*/plugins", { plugin: "charlie" });
	});

	const order = <T = BindingOrderChange>(plugins: readonly string[], scope = "desk") =>
		api.put<T>(`/api/v1/assistants/${scope}/plugins/order`, { plugins });
	const chain = async () => {
		const { hooks } = (await api.get<Explanation>("/api/v1/assistants/desk/explain")).body;
		return hooks.on_chat_message.chain.map(({ plugin }) => plugin);
	};
	const audited = async () =>
		(await rows(control.plane.database, "SELECT detail FROM audit_log WHERE action = 'binding.order'")).length;

	test("the chain follows the list, other settings stay, and the same list again changes nothing", async () => {
		expect(await chain()).toEqual(["bravo", "alpha", "charlie"]);
		const put = await order(["alpha", "bravo"]);
		expect(put).toMatchObject({
			status: 200,
			body: {
				items: [
					{ plugin: "alpha", order: 10, timeoutMs: 77 },
					{ plugin: "bravo", order: 20 },
				],
			},
		});
		expect(await chain()).toEqual(["alpha", "bravo", "charlie"]);
		expect((await order(["alpha", "bravo"])).body.revision).toBe(put.body.revision);
		expect(await audited()).toBe(1);
		expect((await order(["bravo", "alpha"])).status).toBe(200);
		expect(await chain()).toEqual(["bravo", "alpha", "charlie"]);
		expect((await order(["charlie"], "*")).body.items).toMatchObject([{ plugin: "charlie", assistant: "*", order: 10 }]);
	});

	test("a list that leaves one out, names a stranger, or one twice is refused as a whole", async () => {
		const before = (await api.get<BindingList>(PATH)).body;
		const missing = await order<ProblemBody>(["alpha"]);
		expect(missing).toMatchObject({ status: 422, body: { code: "binding_invalid", errors: [{ path: "/plugins" }] } });
		expect(await order<ProblemBody>(["alpha", "bravo", "charlie"])).toMatchObject({
			status: 404,
			body: { code: "binding_not_found", detail: expect.stringContaining("charlie") },
		});
		expect(await order<ProblemBody>(["alpha", "bravo", "alpha"])).toMatchObject({ status: 400 });
		expect(await order<ProblemBody>([])).toMatchObject({ status: 400 });
		expect((await api.get<BindingList>(PATH)).body).toEqual(before);
	});

	test("is for operators", async () => {
		const { key } = (await api.post<ApiKeyCreated>("/api/v1/api-keys", { name: "dev", role: "developer" })).body;
		expect(await api.as(key).put(`${PATH}/order`, { plugins: ["alpha", "bravo"] })).toMatchObject({
			status: 403,
			body: { code: "role_missing" },
		});
	});
});
