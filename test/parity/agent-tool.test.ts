// The agent-tool system: tools that come as .zip files and are switched on and off while agents call them.
import type { PluginChange, PluginDetail, PluginList, ToolCallEvent } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { storedNames } from "../control-plane/stored-names.js";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { buildZip } from "../support/build-zip.js";
import { closeAfter } from "../support/close-after.js";
import { toolEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { waitFor } from "../support/wait-for.js";
import { Stage, WAIT } from "./start-stage.js";

const CLAIM = [{ hook: "on_tool_call", effect: "claim", phases: ["request"] }];
const ADD = {
	name: "add",
	description: "Adds two numbers",
	parameters: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } }, required: ["a", "b"] },
};

let stage: Stage;
let adding: Uint8Array;

beforeAll(async () => {
	stage = await Stage.start();
	adding = await moduleReturning({ on_tool_call: { action: "claim", result: { content: "5" } } });
});

const call = (assistant = "agent"): ToolCallEvent =>
	toolEvent("add", { a: 2, b: 3 }, { tenant: "default", assistant, deadlineMs: 5_000 });
const installTool = (name: string, fields?: Record<string, string>) =>
	stage.install(name, CLAIM, adding, { tools: [ADD], type: "api_tool" }, fields);
const toggle = (name: string) => stage.admin.post<PluginChange>(`/api/v1/plugins/${name}/toggle${WAIT}`);
const unanswered = { code: "503" };

describe("endpoints", () => {
	test("agent-tool: GET /plugins", async () => {
		await installTool("adder");
		const { items } = (await stage.admin.get<PluginList>("/api/v1/plugins?type=api_tool")).body;
		expect(items).toMatchObject([{ name: "adder", status: "enabled", type: "api_tool", description: expect.anything() }]);
	});

	test("agent-tool: POST /plugins/upload", async () => {
		const { plugin } = await installTool("adder");
		expect(plugin).toMatchObject({ name: "adder", status: "enabled", tools: [ADD] });
		const verdict = await stage.send(call());
		expect(verdict).toMatchObject({ action: "claimed", result: { content: "5" }, trail: [{ plugin: "adder" }] });
	});

	test("agent-tool: POST /plugins/:name/toggle", async () => {
		await installTool("adder");
		expect(await toggle("adder")).toMatchObject({ status: 200, body: { plugin: { status: "disabled" } } });
		await expect(stage.send(call())).rejects.toMatchObject(unanswered);
		expect(await toggle("adder")).toMatchObject({ status: 200, body: { plugin: { status: "enabled" } } });
		expect((await stage.send(call())).action).toBe("claimed");
	});

	test("agent-tool: DELETE /plugins/:name", async () => {
		await installTool("adder");
		expect((await stage.admin.delete(`/api/v1/plugins/adder${WAIT}`)).status).toBe(200);
		expect(await stage.admin.get("/api/v1/plugins/adder")).toMatchObject({ status: 404 });
		await expect(stage.send(call())).rejects.toMatchObject(unanswered);
	});
});

describe("promises", () => {
	test("agent-tool: a bad zip is refused", async () => {
		const { zip, entries } = await buildPackage({ name: "bad" });
		const manifest = entries.filter(({ name }) => name !== "plugin.wasm");
		const damaged = Buffer.from(zip);
		damaged.writeUInt8(damaged.readUInt8(zip.length >> 1) ^ 0xff, zip.length >> 1);
		const bad: [string, Uint8Array][] = [
			["package_unknown", Buffer.from("this is no archive")],
			["archive_malformed", zip.subarray(0, zip.length - 30)],
			["package_file_missing", buildZip(manifest)],
			["archive_path", buildZip([...entries, { name: "../../etc/passwd", content: "x" }])],
			["archive_link", buildZip([...entries, { name: "link", content: "/etc/passwd", mode: 0o120777 }])],
			["archive_duplicate", buildZip([...entries, { name: "PLUGIN.WASM", content: "x" }])],
			["archive_ratio", buildZip([...entries, { name: "bomb", content: Buffer.alloc(8_000_000) }])],
			["manifest_invalid", (await buildPackage({ manifest: { hooks: [{ hook: "on_fire", effect: "gate" }] } })).zip],
			["module_refused", (await buildPackage({ module: Buffer.from("\0asm\x01\0\0\0") })).zip],
		];
		for (const [code, file] of bad) {
			const answer = await stage.admin.install<ProblemBody>({ file });
			expect([answer.status, answer.body.code]).toEqual([422, code]);
		}
		expect((await stage.admin.install<ProblemBody>({ file: damaged })).status).toBe(422);
		expect(await storedNames(stage.control.plane.database)).toEqual([]);
	});

	test("agent-tool: a disabled tool cannot be called, at once, caches included", async () => {
		// Two runtimes, each with the module compiled in memory, and its bytes on the disk of both.
		const second = await stage.spawnRuntime({ id: "second" });
		closeAfter(() => second.stop());
		const { applied } = await installTool("adder");
		expect(applied?.runtimes.map(({ id }) => id).sort()).toEqual(["real", "second"]);
		for (let round = 0; round < 3; round += 1) {
			const answers = await Promise.all(Array.from({ length: 20 }, () => stage.send(call())));
			expect(new Set(answers.map(({ action }) => action))).toEqual(new Set(["claimed"]));
			expect((await stage.admin.post(`/api/v1/plugins/adder/disable${WAIT}`)).status).toBe(200);
			for (let index = 0; index < 10; index += 1) await expect(stage.send(call())).rejects.toMatchObject(unanswered);
			expect((await stage.admin.post(`/api/v1/plugins/adder/enable${WAIT}`)).status).toBe(200);
		}
		// Where other plugins answer the event, it is not in the chain.
		const gate = await moduleReturning({ on_tool_call: { action: "continue" } });
		await stage.install("watcher", [{ hook: "on_tool_call", effect: "gate" }], gate);
		await stage.admin.post(`/api/v1/plugins/adder/disable${WAIT}`);
		for (let index = 0; index < 10; index += 1) {
			const verdict = await stage.send(call());
			expect(verdict).toMatchObject({ action: "continue", trail: [{ plugin: "watcher" }] });
			expect(verdict.trail).toHaveLength(1);
		}
	});
});

// The last of the file: it takes the control plane of the others away.
test("agent-tool: state is kept over a restart", async () => {
	await stage.install("on", CLAIM, adding, { tools: [ADD] });
	const other = { ...ADD, name: "subtract" };
	await stage.install("off", CLAIM, adding, { tools: [other] }, { grants: "all" });
	const before = [await stage.show("on"), await stage.show("off")];
	// Runtimes serve on while the control plane is away, and one that begins meanwhile serves the same.
	await stage.control.stop();
	await stage.spawnRuntime({ id: "young" });
	expect((await stage.send(call())).action).toBe("claimed");
	const { natsUrl, control } = stage;
	const again = await startTestControlPlane({ natsUrl, dataDir: control.dataDir });
	const admin = again.admin.as(control.plane.firstKey);
	const show = async (name: string) => (await admin.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;
	for (const { name, status, digest, bindings } of before)
		expect(await show(name)).toMatchObject({ name, status, digest, bindings });
	expect((await show("off")).status).toBe("disabled");
	await admin.ready();
	const file = await zipOf(manifestOf("on", "1.1.0", CLAIM, { tools: [ADD] }), adding);
	expect((await admin.update("on", { file }, WAIT)).status).toBe(200);
	const verdict = await waitFor("the new version answers", async () => {
		const found = await stage.send(call());
		return found.trail[0]?.version === "1.1.0" ? found : undefined;
	});
	expect(verdict.action).toBe("claimed");
});
