// The hook-based system: four hooks with a beginning and an end, chains in order, hot reload, and a marketplace.
import {
	type IndexEntry,
	type MarketplacePage,
	type MarketplacePluginDetail,
	type PluginChange,
	publishedSubject,
} from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { buildZip } from "../support/build-zip.js";
import { closeAfter } from "../support/close-after.js";
import { afterEvent, chatEvent, responseEvent, toolEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { TestMarketplace } from "../support/start-marketplace.js";
import { waitFor } from "../support/wait-for.js";
import { type Speaking, speakingModule } from "./speaking-module.js";
import { Stage, WAIT } from "./start-stage.js";

const TENANT = { tenant: "default" };

let stage: Stage;
let market: TestMarketplace;

beforeAll(async () => {
	market = await TestMarketplace.start();
	stage = await Stage.start({
		control: { HOOKBUS_MARKET_ALLOW_HTTP: "true", HOOKBUS_MARKET_PRIVATE_RANGES: "127.0.0.0/8" },
	});
});

const message = (role: "user" | "assistant", text: string) => ({ role, parts: [{ type: "text" as const, text }] });

describe("hooks", () => {
	test("hook-based: on_chat_message", async () => {
		const patch = { messages: [message("user", "safe")] };
		const module = await moduleReturning({ on_chat_message: { action: "modify", patch } });
		await stage.install("cleaner", [{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] }], module);
		expect(await stage.send(chatEvent("unsafe", TENANT))).toMatchObject({ action: "modified", data: patch });
	});

	test("hook-based: on_tool_call", async () => {
		const module = await moduleReturning({ on_tool_call: { action: "block", reason: "forbidden", message: "No." } });
		await stage.install("warden", [{ hook: "on_tool_call", effect: "gate", phases: ["request"] }], module);
		const verdict = await stage.send(toolEvent("delete_all", {}, TENANT));
		expect(verdict).toMatchObject({ action: "blocked", reason: { code: "forbidden", message: "No.", plugin: "warden" } });
	});

	test("hook-based: on_before_response", async () => {
		const module = await moduleReturning({ on_before_response: { action: "continue" } });
		await stage.install("reader", [{ hook: "on_before_response", effect: "gate" }], module);
		const verdict = await stage.send(responseEvent("hello", TENANT));
		expect(verdict).toMatchObject({ action: "continue", trail: [{ plugin: "reader", outcome: "ok" }] });
	});

	test("hook-based: on_after_response", async () => {
		const module = await moduleReturning({ on_after_response: { action: "continue" } });
		await stage.install("recorder", [{ hook: "on_after_response", effect: "observe" }], module);
		const event = afterEvent(TENANT);
		await stage.connection.jetstream().publish(`hooks.v1.default.on_after_response.${event.assistant}`, JSON.stringify(event));
		expect(await stage.executions(`event=${event.id}`, 1)).toMatchObject([{ plugin: "recorder", outcome: "ok" }]);
	});
});

describe("beginning and end", () => {
	const HOOK = "on_chat_message";
	const GATE = [{ hook: HOOK, effect: "gate" }];
	const PUBLISHING = { permissions: ["read_messages", "publish"] };
	const hello = () => chatEvent("hello", TENANT);
	const speaking = (what: Omit<Speaking, "hook">) => speakingModule({ hook: HOOK, ...what });

	/** Counts what a plugin publishes as its farewell. */
	function farewells(plugin: string): () => number {
		let heard = 0;
		const subscription = stage.connection.subscribe(publishedSubject("default", plugin, "bye"), {
			callback: () => {
				heard += 1;
			},
		});
		closeAfter(() => subscription.unsubscribe());
		return () => heard;
	}

	test("hook-based: Initialize", async () => {
		await stage.install("starter", GATE, await speaking({ initialize: "succeed" }));
		expect((await stage.send(hello())).trail).toMatchObject([{ version: "1.0.0", outcome: "ok" }]);
		// A version whose initialize fails does not begin; the one before goes on.
		const file = await zipOf(manifestOf("starter", "1.1.0", GATE), await speaking({ initialize: "fail" }));
		const refused = await stage.admin.update<ProblemBody>("starter", { file }, WAIT);
		expect(refused).toMatchObject({ status: 502, body: { code: "activation_failed" } });
		expect((await stage.send(hello())).trail).toMatchObject([{ version: "1.0.0", outcome: "ok" }]);
	});

	test("hook-based: Shutdown", async () => {
		const heard = farewells("leaver");
		await stage.install("leaver", GATE, await speaking({ farewell: "bye" }), PUBLISHING);
		expect((await stage.send(hello())).trail).toMatchObject([{ outcome: "ok" }]);
		expect(heard()).toBe(0);
		// Another version, disabling, and removal end it, once each; a change of something else does not.
		await stage.admin.put(`/api/v1/assistants/desk/plugins/leaver${WAIT}`, { order: 7 });
		const file = await zipOf(
			manifestOf("leaver", "1.1.0", GATE, PUBLISHING),
			await speaking({ farewell: "bye", initialize: "succeed" }),
		);
		expect((await stage.admin.update("leaver", { file }, WAIT)).status).toBe(200);
		await waitFor("the version before said goodbye", () => heard() === 1);
		await stage.admin.post(`/api/v1/plugins/leaver/disable${WAIT}`);
		await waitFor("it said goodbye when it was disabled", () => heard() === 2);
		await stage.admin.post(`/api/v1/plugins/leaver/enable${WAIT}`);
		expect((await stage.admin.delete(`/api/v1/plugins/leaver${WAIT}`)).status).toBe(200);
		await waitFor("it said goodbye when it was removed", () => heard() === 3);
	});

	test("hook-based: Shutdown when a runtime stops", async () => {
		const heard = farewells("resident");
		const second = await stage.spawnRuntime({ id: "second" });
		await stage.install("resident", GATE, await speaking({ farewell: "bye" }), PUBLISHING);
		await second.stop();
		await waitFor("the runtime that stopped said goodbye", () => heard() === 1);
		// The other one serves on.
		expect((await stage.send(hello())).trail).toMatchObject([{ outcome: "ok" }]);
		expect(heard()).toBe(1);
	});

	test("hook-based: Shutdown that fails holds nothing up", async () => {
		const module = await speaking({ farewell: "no topic!" });
		await stage.install("stubborn", GATE, module, PUBLISHING);
		expect((await stage.admin.delete(`/api/v1/plugins/stubborn${WAIT}`)).status).toBe(200);
		await waitFor("its failure is logged", () => stage.runtime.output().includes("shutdown failed"));
	});
});

describe("chains", () => {
	const PATHS = { effect: "transform", paths: ["/messages", "/response"] };

	test("hook-based: chain order", async () => {
		const module = await moduleReturning({ on_chat_message: { action: "continue" }, on_before_response: { action: "continue" } });
		const hooks = (order?: number) =>
			["on_chat_message", "on_before_response"].map((hook) => ({ hook, ...PATHS, ...(order === undefined ? {} : { order }) }));
		await stage.install("zulu", hooks(10), module);
		await stage.install("bravo", hooks(), module);
		await stage.install("alpha", hooks(), module);
		await stage.install("yankee", hooks(500), module);
		const ran = ({ trail }: { trail: readonly { plugin: string }[] }) => trail.map(({ plugin }) => plugin);
		expect(ran(await stage.send(chatEvent("hello", TENANT)))).toEqual(["zulu", "alpha", "bravo", "yankee"]);
		// What comes first on the way in comes last on the way out.
		expect(ran(await stage.send(responseEvent("hello", TENANT)))).toEqual(["yankee", "bravo", "alpha", "zulu"]);
	});

	test("hook-based: response modification", async () => {
		const changed = message("assistant", "changed");
		const patching = await moduleReturning({
			on_before_response: { action: "modify", patch: { response: { message: changed } } },
		});
		await stage.install("editor", [{ hook: "on_before_response", effect: "transform", paths: ["/response/message"] }], patching);
		const verdict = await stage.send(responseEvent("original", TENANT));
		expect(verdict).toMatchObject({ action: "modified", data: { response: { message: changed } } });
		// An observer may want to change it as much as it likes.
		await stage.install(
			"peeker",
			[{ hook: "on_chat_message", effect: "observe" }],
			await moduleReturning({ on_chat_message: { action: "modify", patch: { messages: [] } } }),
		);
		expect((await stage.send(chatEvent("hello", TENANT))).action).toBe("continue");
	});
});

test("hook-based: plugin.yaml with permissions read_messages, write_files, network_access", async () => {
	const manifest = {
		...manifestOf("asking", "1.0.0", [{ hook: "on_chat_message", effect: "gate" }]),
		permissions: ["read_messages", "write_files", "network_access"],
		network: [{ host: "api.example.com" }],
	};
	const file = buildZip([
		{ name: "plugin.yaml", content: stringify(manifest) },
		{ name: "plugin.wasm", content: await moduleReturning({ on_chat_message: { action: "continue" } }) },
	]);
	closeAfter(() => stage.admin.delete("/api/v1/plugins/asking"));
	expect((await stage.admin.install({ file })).status).toBe(201);
	expect((await stage.show("asking")).permissions).toMatchObject({ granted: [], missing: manifest.permissions });
	const enable = () => stage.admin.post<ProblemBody>(`/api/v1/plugins/asking/enable${WAIT}`);
	expect(await enable()).toMatchObject({ status: 409, body: { code: "grants_missing" } });
	const grants = { permissions: manifest.permissions, network: manifest.network };
	expect((await stage.admin.put(`/api/v1/plugins/asking/grants${WAIT}`, grants)).status).toBe(200);
	expect((await enable()).status).toBe(200);
	// What is taken back counts at once.
	const back = await stage.admin.put<ProblemBody>(`/api/v1/plugins/asking/grants${WAIT}`, { permissions: ["read_messages"] });
	expect(back).toMatchObject({ status: 409, body: { code: "grants_missing" } });
});

test("hook-based: hot reload", async () => {
	const hooks = [{ hook: "on_chat_message", effect: "gate" }];
	const answering = (salt: string) => moduleReturning({ on_chat_message: { action: "continue" }, salt });
	await stage.install("reloaded", hooks, await answering("1"));
	const { pid } = stage.runtime;
	for (const version of ["1.0.1", "1.0.2"]) {
		const file = await zipOf(manifestOf("reloaded", version, hooks), await answering(version));
		expect((await stage.admin.update("reloaded", { file }, WAIT)).status).toBe(200);
		expect((await stage.send(chatEvent("hello", TENANT))).trail).toMatchObject([{ version }]);
	}
	expect([stage.runtime.alive, stage.runtime.pid]).toEqual([true, pid]);
});

describe("marketplace", () => {
	const OFFERS = "/api/v1/marketplace/plugins";
	const stats = (downloads: number, rating: number): Partial<IndexEntry> => ({ downloads, rating });

	beforeAll(async () => {
		const safety = { category: "safety", tags: ["pii", "chat"], author: "Ann" };
		market.offer(await buildPackage({ name: "masker", version: "1.0.0", manifest: safety }), stats(10, 4));
		market.offer(await buildPackage({ name: "masker", version: "2.0.0", salt: "2", manifest: safety }), stats(120, 4.5));
		market.offer(await buildPackage({ name: "poet", manifest: { category: "fun", tags: ["chat"], author: "Bob" } }), stats(3, 5));
		market.publish();
		const source = { name: "main", url: market.indexUrl, publicKey: market.signer.publicKey };
		expect((await stage.admin.post("/api/v1/marketplace/sources", source)).status).toBe(201);
	});

	test("hook-based: marketplace list by category with author, downloads, rating, tags", async () => {
		const list = async (query: string) => (await stage.admin.get<MarketplacePage>(`${OFFERS}${query}`)).body.items;
		expect(await list("?category=safety")).toMatchObject([
			{ name: "masker", version: "2.0.0", author: "Ann", downloads: 120, rating: 4.5, tags: ["pii", "chat"], category: "safety" },
		]);
		expect((await list("?tag=chat")).map(({ name }) => name)).toEqual(["masker", "poet"]);
		expect((await list("?text=bob")).map(({ name }) => name)).toEqual(["poet"]);
		const { offers } = (await stage.admin.get<MarketplacePluginDetail>(`${OFFERS}/masker`)).body;
		expect(offers).toMatchObject([{ source: "main", versions: ["main/masker@2.0.0", "main/masker@1.0.0"] }]);
	});

	test("hook-based: marketplace install of a version", async () => {
		closeAfter(() => stage.admin.delete("/api/v1/plugins/masker"));
		const data = new FormData();
		const fields = { source: "market", marketId: "main/masker@1.0.0", grants: "all", enable: "true" };
		for (const [name, value] of Object.entries(fields)) data.append(name, value);
		const answer = await stage.admin.call<PluginChange>("POST", `/api/v1/plugins/install${WAIT}`, data);
		expect(answer).toMatchObject({ status: 201, body: { plugin: { name: "masker", version: "1.0.0", status: "enabled" } } });
		expect((await stage.send(chatEvent("hello", TENANT))).trail).toMatchObject([{ plugin: "masker", version: "1.0.0" }]);
		const [offer] = (await stage.admin.get<MarketplacePage>(`${OFFERS}?text=masker`)).body.items;
		expect(offer).toMatchObject({ version: "2.0.0", installed: "1.0.0" });
	});
});
