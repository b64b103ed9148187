// Arcade: plugins from a file or a market, kept in three tiers, brought up to date while events flow, and removed without a trace.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
	FILE_STREAM,
	type ManifestCheck,
	MODULE_STORE,
	type PluginChange,
	type PluginList,
	type PluginMetrics,
	type PluginUpdateList,
	ROUTE_BUCKET,
	STATE_STREAM,
	type StoreKind,
	storeSubjects,
} from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { storedNames } from "../control-plane/stored-names.js";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage, testManifest } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { TestMarketplace } from "../support/start-marketplace.js";
import { startTraffic } from "../support/traffic.js";
import { waitFor } from "../support/wait-for.js";
import { keepingModule } from "./keeping-module.js";
import { Stage, WAIT } from "./start-stage.js";

const HOOK = "on_chat_message";
const GATE = [{ hook: HOOK, effect: "gate" }];
const PLUGINS = "/api/v1/plugins";
const RUNNING = { grants: "all", enable: "true" };

let stage: Stage;
let market: TestMarketplace;

beforeAll(async () => {
	market = await TestMarketplace.start();
	const control = { HOOKBUS_MARKET_ALLOW_HTTP: "true", HOOKBUS_MARKET_PRIVATE_RANGES: "127.0.0.0/8" };
	stage = await Stage.start({ control });
	market.publish();
	const source = { name: "main", url: market.indexUrl, publicKey: market.signer.publicKey };
	expect((await stage.admin.post("/api/v1/marketplace/sources", source)).status).toBe(201);
});

const answering = (salt = "") => moduleReturning({ [HOOK]: { action: "continue" }, salt });
const hello = () => chatEvent("hello", { tenant: "default" });
const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const ended = { code: "503" };

function form(fields: Readonly<Record<string, string | Uint8Array>>): FormData {
	const data = new FormData();
	for (const [name, value] of Object.entries(fields))
		if (typeof value === "string") data.append(name, value);
		else data.append(name, new Blob([Buffer.from(value)]), "file");
	return data;
}

const send = <T = PluginChange>(method: "POST" | "PUT", path: string, fields: Readonly<Record<string, string | Uint8Array>>) =>
	stage.admin.call<T>(method, `${PLUGINS}${path}${WAIT}`, form(fields));

/** Offers packages in the next index, and has the control plane read it. */
async function offer(...packages: Parameters<typeof buildPackage>[0][]): Promise<void> {
	for (const each of packages) market.offer(await buildPackage(each));
	market.publish();
	expect((await stage.admin.post("/api/v1/marketplace/sources/main/refresh")).status).toBe(200);
}

const remove = (name: string) => closeAfter(() => stage.admin.delete(`${PLUGINS}/${name}`));

describe("endpoints", () => {
	test("Arcade: GET /plugins?pluginType=&status=", async () => {
		const module = await answering();
		await stage.install("painter", GATE, module, { type: "image" });
		await stage.install("drawer", GATE, module, { type: "image" }, { grants: "all" });
		await stage.install("singer", GATE, module, { type: "audio" });
		const names = async (query: string) =>
			(await stage.admin.get<PluginList>(`${PLUGINS}?${query}`)).body.items.map(({ name }) => name);
		expect(await names("type=image")).toEqual(["drawer", "painter"]);
		expect(await names("type=image&status=enabled")).toEqual(["painter"]);
		expect(await names("status=disabled")).toEqual(["drawer"]);
		expect(await stage.admin.get(`${PLUGINS}?status=broken`)).toMatchObject({ status: 400 });
	});

	test("Arcade: GET /plugins/:id", async () => {
		await stage.install("painter", GATE, await answering(), { type: "image" });
		expect(await stage.show("painter")).toMatchObject({ name: "painter", type: "image", manifest: { version: "1.0.0" } });
	});

	test("Arcade: POST /plugins/install with source=local, file", async () => {
		remove("local");
		const file = await zipOf(manifestOf("local", "1.0.0", GATE), await answering());
		const answer = await send("POST", "/install", { source: "local", ...RUNNING, file });
		expect(answer).toMatchObject({ status: 201, body: { plugin: { name: "local", status: "enabled" } } });
		expect((await stage.send(hello())).trail).toMatchObject([{ plugin: "local" }]);
	});

	test("Arcade: POST /plugins/install with manifest", async () => {
		remove("bare");
		const manifest = JSON.stringify(testManifest("bare"));
		const answer = await send("POST", "/install", { source: "local", manifest, ...RUNNING, file: await answering() });
		expect(answer).toMatchObject({ status: 201, body: { plugin: { name: "bare", status: "enabled" } } });
	});

	test("Arcade: POST /plugins/install with source=market, marketId", async () => {
		remove("tester");
		await offer({ version: "1.0.0" }, { version: "1.1.0", salt: "1.1.0" });
		const answer = await send("POST", "/install", { source: "market", marketId: "main/tester@1.0.0", ...RUNNING });
		expect(answer).toMatchObject({
			status: 201,
			body: { plugin: { version: "1.0.0", versions: [{ origin: { source: "main", marketId: "main/tester@1.0.0" } }] } },
		});
		expect((await stage.send(hello())).trail).toMatchObject([{ plugin: "tester", version: "1.0.0", outcome: "ok" }]);
		const wrong = await send<ProblemBody>("POST", "/install", { source: "market", marketId: "main/nothing" });
		expect(wrong).toMatchObject({ status: 404, body: { code: "market_entry_not_found" } });
	});

	test("Arcade: DELETE /plugins/:id", async () => {
		await stage.install("gone", GATE, await answering());
		expect((await stage.admin.delete(`${PLUGINS}/gone${WAIT}`)).status).toBe(200);
		expect((await stage.admin.get(`${PLUGINS}/gone`)).status).toBe(404);
	});

	test("Arcade: POST /plugins/:id/enable", async () => {
		await stage.install("switched", GATE, await answering(), {}, { grants: "all" });
		await expect(stage.send(hello())).rejects.toMatchObject(ended);
		const answer = await stage.admin.post(`${PLUGINS}/switched/enable${WAIT}`);
		expect(answer).toMatchObject({ status: 200, body: { plugin: { status: "enabled" } } });
		expect((await stage.send(hello())).trail).toMatchObject([{ plugin: "switched" }]);
	});

	test("Arcade: POST /plugins/:id/disable", async () => {
		await stage.install("switched", GATE, await answering());
		const answer = await stage.admin.post(`${PLUGINS}/switched/disable${WAIT}`);
		expect(answer).toMatchObject({ status: 200, body: { plugin: { status: "disabled" } } });
		await expect(stage.send(hello())).rejects.toMatchObject(ended);
	});

	test("Arcade: PUT /plugins/:id", async () => {
		await stage.install("updated", GATE, await answering());
		const file = await zipOf(manifestOf("updated", "2.0.0", GATE), await answering("2"));
		expect(await send("PUT", "/updated", { file })).toMatchObject({ status: 200, body: { plugin: { version: "2.0.0" } } });
		expect((await stage.send(hello())).trail).toMatchObject([{ version: "2.0.0" }]);
	});

	test("Arcade: GET /plugins/metrics", async () => {
		await stage.install("measured", GATE, await answering());
		for (let index = 0; index < 3; index += 1) await stage.send(hello());
		const item = await waitFor("the calls are counted", async () => {
			const { items } = (await stage.admin.get<PluginMetrics>(`${PLUGINS}/metrics?plugin=measured`)).body;
			return items[0]?.calls === 3 ? items[0] : undefined;
		});
		expect(item).toMatchObject({ plugin: "measured", errors: 0, successRate: 1, cost: 0 });
		expect(item.p95Ms).toBeGreaterThan(0);
	});

	test("Arcade: POST /plugins/validate-manifest", async () => {
		const check = async (manifest: unknown) =>
			(await stage.admin.post<ManifestCheck>(`${PLUGINS}/validate-manifest`, manifest)).body;
		expect(await check(testManifest())).toMatchObject({ valid: true, errors: [], manifest: { name: "tester" } });
		const wrong = await check({ ...testManifest(), version: "one", hookbus: "^9.0.0" });
		expect(wrong.valid).toBe(false);
		expect(wrong.errors.map(({ path }) => path)).toContain("/version");
		expect((await stage.admin.get<PluginList>(PLUGINS)).body.items).toEqual([]);
	});
});

describe("promises", () => {
	test("Arcade: SHA-256", async () => {
		const module = await answering("digest");
		const { plugin } = await stage.install("hashed", GATE, module);
		expect(plugin.digest).toBe(digestOf(module));
		expect(readdirSync(stage.cacheDir)).toContain(`${digestOf(module)}.wasm`);
		const file = await zipOf(manifestOf("expected", "1.0.0", GATE), module);
		const wrong = await send<ProblemBody>("POST", "/install", { file, digest: "0".repeat(64) });
		expect(wrong).toMatchObject({ status: 422, body: { code: "digest_mismatch" } });
		const other = await zipOf(manifestOf("hashed", "1.0.0", GATE), await answering("other"));
		expect(await send<ProblemBody>("PUT", "/hashed", { file: other })).toMatchObject({
			status: 409,
			body: { code: "version_exists" },
		});
	});

	test("Arcade: hot update", async () => {
		await stage.install("hot", GATE, await answering());
		const traffic = startTraffic(() => stage.send(hello()), { callers: 4, everyMs: 5 });
		const versions = ["1.1.0", "1.2.0", "1.3.0"];
		for (const version of versions) {
			const file = await zipOf(manifestOf("hot", version, GATE), await answering(version));
			expect((await send("PUT", "/hot", { file })).status).toBe(200);
			// The acknowledgement is the promise: from now on only the new one runs.
			expect((await stage.send(hello())).trail).toMatchObject([{ version }]);
		}
		const verdicts = await traffic.stop();
		expect(verdicts.length).toBeGreaterThan(10);
		for (const { action, trail } of verdicts) {
			expect(action).toBe("continue");
			expect(trail).toMatchObject([{ plugin: "hot", outcome: "ok" }]);
		}
		expect(new Set(verdicts.map(({ trail }) => trail[0]?.version)).size).toBeGreaterThan(1);
	});

	test("Arcade: name conflicts", async () => {
		await stage.install("taken", GATE, await answering());
		const sent = async (name: string, version: string, salt: string) =>
			({ file: await zipOf(manifestOf(name, version, GATE), await answering(salt)) }) as const;
		const refused: [Promise<unknown>, number, string][] = [
			[send("POST", "/install", await sent("taken", "2.0.0", "2")), 409, "plugin_exists"],
			[send("POST", "/install", await sent("taken", "1.0.0", "changed")), 409, "version_exists"],
			[send("PUT", "/taken", await sent("another", "2.0.0", "2")), 422, "plugin_name_differs"],
		];
		for (const [answer, status, code] of refused) expect(await answer).toMatchObject({ status, body: { code } });
		expect(await stage.show("taken")).toMatchObject({ version: "1.0.0", versions: [{ version: "1.0.0" }] });
	});

	test("Arcade: uninstall cleans everything", async () => {
		const { connection } = stage;
		const manager = await connection.jetstreamManager();
		const module = await keepingModule(HOOK);
		const digest = digestOf(module);
		const config = { type: "object", properties: { key: { type: "string", secret: true } } };
		await stage.install("leaver", GATE, module, { config, permissions: ["read_messages", "state", "write_files"] });
		await stage.admin.put(`${PLUGINS}/leaver/config${WAIT}`, { config: { key: "secret" } });
		await stage.admin.put(`/api/v1/assistants/desk/plugins/leaver${WAIT}`, { order: 3 });
		expect((await stage.send(hello())).trail).toMatchObject([{ plugin: "leaver", outcome: "ok" }]);
		const kept = async (kind: StoreKind, stream: string) => {
			const { state } = await manager.streams.info(stream, { subjects_filter: storeSubjects(kind, "default", "leaver") });
			return Object.keys(state.subjects ?? {}).length;
		};
		const routes = await connection.jetstream().views.kv(ROUTE_BUCKET);
		const objects = await connection.jetstream().views.os(MODULE_STORE);
		const left = async () => ({
			rows: (await storedNames(stage.control.plane.database)).filter((name) => name.endsWith("/leaver")).length > 0,
			routes: (await routes.get("default"))?.string().includes("leaver"),
			object: (await objects.info(digest))?.deleted === false,
			disk: existsSync(join(stage.cacheDir, `${digest}.wasm`)),
			state: (await kept("state", STATE_STREAM)) > 0,
			files: (await kept("files", FILE_STREAM)) > 0,
		});
		const all = (value: boolean) => ({ rows: value, routes: value, object: value, disk: value, state: value, files: value });
		expect(await left()).toEqual(all(true));
		expect((await stage.admin.delete(`${PLUGINS}/leaver${WAIT}`)).status).toBe(200);
		await waitFor("nothing of it is left", async () => JSON.stringify(await left()) === JSON.stringify(all(false)));
		await expect(stage.send(hello())).rejects.toMatchObject(ended);
	});

	test("Arcade: update checks", async () => {
		remove("checked");
		await offer({ name: "checked", version: "1.0.0" });
		await send("POST", "/install", { source: "market", marketId: "main/checked", ...RUNNING });
		const updates = async () => (await stage.admin.get<PluginUpdateList>(`${PLUGINS}/updates`)).body.items;
		expect(await updates()).toEqual([]);
		await offer({ name: "checked", version: "1.2.0", manifest: { permissions: ["read_messages", "state"] } });
		expect(await updates()).toMatchObject([
			{
				plugin: "checked",
				version: "1.0.0",
				available: "1.2.0",
				marketId: "main/checked@1.2.0",
				differences: [{ path: "/permissions/state" }],
			},
		]);
		// It asks for more: an admin has to accept that.
		const waiting = await send<ProblemBody>("PUT", "/checked", { source: "market", marketId: "main/checked@1.2.0" });
		expect(waiting).toMatchObject({ status: 409, body: { code: "consent_needed" } });
	});
});

// The last of the file: it takes the control plane of the others away, which would put back what is missing.
test("Arcade: memory, disk cache and object store", async () => {
	const { connection, control, natsUrl } = stage;
	const module = await answering("tiers");
	const digest = digestOf(module);
	await stage.install("tiered", GATE, module);
	await control.stop();
	const objects = await connection.jetstream().views.os(MODULE_STORE);
	expect((await objects.info(digest))?.size).toBe(module.length);
	await objects.delete(digest);
	const outcomes = async () =>
		new Set((await Promise.all(Array.from({ length: 20 }, () => stage.send(hello())))).map(({ trail }) => trail[0]?.outcome));
	// From memory.
	expect(await outcomes()).toEqual(new Set(["ok"]));
	await stage.runtime.kill9();
	// From the disk, for a runtime that begins while the object store has nothing; without the disk there is nothing to run.
	const warm = await stage.spawnRuntime({ id: "warm" });
	expect(await outcomes()).toEqual(new Set(["ok"]));
	await warm.kill9();
	rmSync(join(stage.cacheDir, `${digest}.wasm`));
	await stage.spawnRuntime({ id: "cold" });
	expect(await outcomes()).toEqual(new Set(["load_failed"]));
	// From the object store, where the control plane puts it again.
	const again = await startTestControlPlane({ natsUrl, dataDir: control.dataDir });
	closeAfter(() => again.stop());
	await waitFor("it runs again", async () => (await outcomes()).has("ok"));
	expect(existsSync(join(stage.cacheDir, `${digest}.wasm`))).toBe(true);
});
