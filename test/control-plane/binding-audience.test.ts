// Bindings for a part of the events: a share of the conversations, and the users who opted in.
import { compileRouteTable, explain } from "@hookbus/control-plane";
import {
	type BindingChange,
	type Change,
	type Explanation,
	isRouteTable,
	type OptInList,
	type RouteTable,
} from "@hookbus/schemas";
import type { KV } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import type { StartedControlPlane } from "../support/start-control-plane.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { binding, plugin } from "./routing-input.js";
import { routeBucket } from "./scripted-runtime.js";
import { rows } from "./stored-names.js";

const HEAD = { tenant: "default", revision: 7, compiledAt: "2026-01-01T00:00:00.000Z" };

describe("what is compiled", () => {
	const compile = (...bindings: ReturnType<typeof binding>[]): RouteTable => {
		const table = compileRouteTable(HEAD, { plugins: [plugin({ name: "a" })], bindings });
		expect(isRouteTable(table)).toBe(true);
		return table;
	};
	const step = (table: RouteTable, assistant?: string) => {
		const routes = table.hooks.on_chat_message;
		return (assistant === undefined ? undefined : routes?.assistants[assistant]?.[0]) ?? routes?.all?.[0];
	};

	const shares: [number | null, unknown][] = [
		[null, undefined],
		[100, undefined],
		[25, { from: 0, below: 250_000 }],
		[0.01, { from: 0, below: 100 }],
		[99.999, { from: 0, below: 999_990 }],
	];
	test.each(shares)("%s %% is the share %o", (percentage, share) => {
		expect(step(compile(binding("a", { percentage })))?.share).toEqual(share);
	});

	test("0 % leaves the plugin out, and says so", () => {
		const bindings = [binding("a", { percentage: 0 })];
		expect(compile(...bindings).hooks).toEqual({});
		expect(explain({ plugins: [plugin({ name: "a" })], bindings }, 7, null).hooks.on_chat_message.leftOut).toMatchObject([
			{ plugin: "a", code: "percentage_zero" },
		]);
	});

	test("an assistant inherits share and list of the tenant's binding, and overrides each by itself", () => {
		const table = compile(
			binding("a", { percentage: 10, optIn: true, users: ["u1", "u2"] }),
			binding("a", { assistant: "inherits", users: ["nobody"] }),
			binding("a", { assistant: "more", percentage: 50 }),
			binding("a", { assistant: "own", optIn: true, users: ["u3"] }),
			binding("a", { assistant: "everybody", percentage: 100, optIn: false, users: ["u4"] }),
		);
		expect(table.optIns).toEqual({ a: ["u1", "u2"], "a@own": ["u3"] });
		const tenth = { from: 0, below: 100_000 };
		expect(step(table)).toMatchObject({ share: tenth, optIn: "a" });
		expect(table.hooks.on_chat_message?.assistants).not.toHaveProperty("inherits");
		expect(step(table, "more")).toMatchObject({ share: { below: 500_000 }, optIn: "a" });
		expect(step(table, "own")).toMatchObject({ share: tenth, optIn: "a@own" });
		expect(step(table, "everybody")?.share).toBeUndefined();
		expect(step(table, "everybody")?.optIn).toBeUndefined();
	});

	test("a list that no step names is not in the table", () => {
		expect(compile(binding("a", { users: ["u1"] })).optIns).toBeUndefined();
	});
});

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let routes: KV;

	beforeAll(async () => {
		const bus = await startOnBus({ databaseUrl: await create() });
		({ control, api } = bus);
		routes = await routeBucket(bus.connection);
	});

	async function install(name: string) {
		const { zip } = await buildPackage({ name });
		expect((await api.install({ file: zip, fields: { grants: "all", enable: "true" } })).status).toBe(201);
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
	}

	const bind = <T = BindingChange>(name: string, settings: unknown, scope = "*") =>
		api.put<T>(`/api/v1/assistants/${scope}/plugins/${name}`, settings);
	const users = (name: string, scope = "*") => `/api/v1/assistants/${scope}/plugins/${name}/users`;

	async function tableAt(revision: number): Promise<RouteTable> {
		return await waitFor(`route table ${revision} is on the bus`, async () => {
			const table = (await routes.get("default"))?.json();
			return isRouteTable(table) && table.revision >= revision ? table : undefined;
		});
	}

	test("a percentage is stored, shown, explained and put on the bus, and goes when it is left out", async () => {
		await install("shared");
		const answer = await bind("shared", { percentage: 12.5 });
		expect(answer.body.binding).toMatchObject({ percentage: 12.5 });
		expect((await tableAt(answer.body.revision)).hooks.on_chat_message?.all).toMatchObject([
			{ share: { from: 0, below: 125_000 } },
		]);
		const { body } = await api.get<Explanation>("/api/v1/assistants/bot/explain");
		expect(body.hooks.on_chat_message.chain).toMatchObject([{ percentage: 12.5, reason: expect.stringContaining("12.5 %") }]);
		expect((await bind("shared", {})).body.binding).not.toHaveProperty("percentage");
	});

	test("users opt in and out; each change is in the table, in the audit log and in the list, and repeating it changes nothing", async () => {
		await install("chosen");
		await bind("chosen", { optIn: true });
		const first = await api.put<Change>(`${users("chosen")}/user-2`);
		expect(first.status).toBe(200);
		const odd = encodeURIComponent("ü/ ?#%");
		const second = await api.put<Change>(`${users("chosen")}/${odd}`);
		expect((await api.put<Change>(`${users("chosen")}/user-2`)).body.revision).toBe(second.body.revision);
		const table = await tableAt(second.body.revision);
		expect(table.optIns).toEqual({ chosen: ["user-2", "ü/ ?#%"] });
		expect(table.hooks.on_chat_message?.all).toMatchObject([{ optIn: "chosen" }]);
		const { body } = await api.get<OptInList>(users("chosen"));
		expect(body.items).toMatchObject([{ user: "user-2", by: "first admin key" }, { user: "ü/ ?#%" }]);
		const explained = await api.get<Explanation>("/api/v1/assistants/bot/explain");
		expect(explained.body.hooks.on_chat_message.chain).toMatchObject([
			{ optedIn: 2, reason: expect.stringContaining("2 users") },
		]);
		const out = await api.delete<Change>(`${users("chosen")}/user-2`);
		expect((await tableAt(out.body.revision)).optIns).toEqual({ chosen: ["ü/ ?#%"] });
		expect((await api.delete<Change>(`${users("chosen")}/user-2`)).body.revision).toBe(out.body.revision);
		const trail = await rows(
			control.plane.database,
			"SELECT action, detail FROM audit_log WHERE target = 'chosen' AND action LIKE 'binding.opt%' ORDER BY id",
		);
		expect(trail).toEqual([
			{ action: "binding.opt_in", detail: { assistant: "*", user: "user-2" } },
			{ action: "binding.opt_in", detail: { assistant: "*", user: "ü/ ?#%" } },
			{ action: "binding.opt_out", detail: { assistant: "*", user: "user-2" } },
		]);
	});

	test("the list outlives a change of the binding and goes with the binding", async () => {
		await install("lasting");
		await bind("lasting", { optIn: true }, "bot");
		await api.put(`${users("lasting", "bot")}/u`);
		await bind("lasting", { optIn: true, percentage: 50 }, "bot");
		expect((await api.get<OptInList>(users("lasting", "bot"))).body.items).toHaveLength(1);
		await api.delete("/api/v1/assistants/bot/plugins/lasting");
		await bind("lasting", { optIn: true }, "bot");
		expect((await api.get<OptInList>(users("lasting", "bot"))).body.items).toEqual([]);
	});

	test("the list is limited, and only where the binding asks for it", async () => {
		await install("limited");
		expect(await api.put(`${users("limited")}/u`)).toMatchObject({ status: 409, body: { code: "opt_in_not_asked" } });
		expect(await api.put(`${users("limited", "bot")}/u`)).toMatchObject({ status: 404, body: { code: "binding_not_found" } });
		await bind("limited", { optIn: true });
		await rows(
			control.plane.database,
			`INSERT INTO binding_opt_ins (binding, "user", by) SELECT id, 'user ' || n, 'test' FROM bindings, generate_series(1, 1000) n WHERE plugin = 'limited'`,
		);
		const full = await api.put<ProblemBody>(`${users("limited")}/one-more`);
		expect(full).toMatchObject({ status: 409, body: { code: "opt_in_full" } });
		expect((await api.delete(`${users("limited")}/${encodeURIComponent("user 7")}`)).status).toBe(200);
		expect((await api.put(`${users("limited")}/one-more`)).status).toBe(200);
	});

	const wrong: { settings: unknown; status: number; code: string }[] = [
		{ settings: { percentage: -1 }, status: 400, code: "request_invalid" },
		{ settings: { percentage: 100.1 }, status: 400, code: "request_invalid" },
		{ settings: { percentage: "50" }, status: 400, code: "request_invalid" },
		{ settings: { optIn: "yes" }, status: 400, code: "request_invalid" },
		{ settings: { optIn: true, mandatory: true }, status: 422, code: "binding_invalid" },
	];
	test.each(wrong)("a binding with $settings is refused", async ({ settings, status, code }) => {
		await install("checked");
		expect(await bind("checked", settings)).toMatchObject({ status, body: { code } });
	});

	test("users that are no ids are refused", async () => {
		await install("ids");
		await bind("ids", { optIn: true });
		for (const user of ["%00", "%0a", "x".repeat(129)]) {
			expect(await api.put(`${users("ids")}/${user}`), user).toMatchObject({ status: 400 });
		}
	});
});
