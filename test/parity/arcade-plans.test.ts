// What Arcade plans for later, and what is here already: who made a package, what it needs and may do, how authors begin, and how a
// version proves itself.
import { readFileSync } from "node:fs";
import { connectHookbus } from "@hookbus/client";
import type {
	ChatMessageEvent,
	Explanation,
	PluginChange,
	PluginConfig,
	PluginMetrics,
	Rollout,
	RolloutChange,
} from "@hookbus/schemas";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { buildPlugin } from "../../plugins-wasm/build-plugin.js";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { buildZip } from "../support/build-zip.js";
import { closeAfter } from "../support/close-after.js";
import { chatEvent } from "../support/events.js";
import { makeSigner } from "../support/make-signer.js";
import { assemble, moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { waitFor } from "../support/wait-for.js";
import { Stage, WAIT } from "./start-stage.js";

const HOOK = "on_chat_message";
const GATE = [{ hook: HOOK, effect: "gate" }];
const OPEN = [{ hook: HOOK, effect: "transform", paths: ["/messages"] }];
const PLUGINS = "/api/v1/plugins";
const RUNNING = { grants: "all", enable: "true" };

let stage: Stage;

beforeAll(async () => {
	stage = await Stage.start({ runtime: { HOOKBUS_BREAKER_FAILURES: "1000" } });
});

const answering = (salt = "") => moduleReturning({ [HOOK]: { action: "continue" }, salt });
const hello = (changes: Partial<ChatMessageEvent> = {}) => chatEvent("hello", { tenant: "default", ...changes });
const remove = (name: string) => closeAfter(() => stage.admin.delete(`${PLUGINS}/${name}`));

test("Arcade: signatures", async () => {
	remove("tester");
	const author = makeSigner();
	const stranger = makeSigner();
	const { publicKey } = author;
	closeAfter(() => stage.admin.put("/api/v1/trust-policy", { requireSignature: false }));
	expect((await stage.admin.post("/api/v1/trusted-publishers", { name: "Author", publicKey })).status).toBe(201);
	await stage.admin.put("/api/v1/trust-policy", { requireSignature: true });
	const send = async (options: Parameters<typeof buildPackage>[0]) =>
		await stage.admin.install<ProblemBody>({ file: (await buildPackage(options)).zip, fields: RUNNING }, WAIT);
	const signed = await buildPackage({ signWith: author.privateKey });
	const altered = buildZip([...signed.entries, { name: "more.txt", content: "put in later" }]);
	expect(await send({})).toMatchObject({ status: 422, body: { code: "signature_missing" } });
	expect(await send({ signWith: stranger.privateKey })).toMatchObject({ status: 422, body: { code: "publisher_unknown" } });
	expect(await stage.admin.install({ file: altered })).toMatchObject({ status: 422, body: { code: "package_altered" } });
	expect((await send({ signWith: author.privateKey })).status).toBe(201);
	expect(await stage.show("tester")).toMatchObject({ status: "enabled", signedBy: { name: "Author", keyId: author.keyId } });
});

test("Arcade: dependencies", async () => {
	const needing = manifestOf("upper", "1.0.0", GATE, { dependencies: { base: "^1.0.0" } });
	const file = await zipOf(needing, await answering());
	const missing = await stage.admin.install<ProblemBody>({ file, fields: RUNNING });
	expect(missing).toMatchObject({
		status: 409,
		body: { code: "dependencies_missing", errors: [{ path: "/dependencies/base" }] },
	});
	await stage.install("base", GATE, await answering());
	remove("upper");
	expect((await stage.admin.install({ file, fields: RUNNING }, WAIT)).status).toBe(201);
	expect(await stage.admin.delete(`${PLUGINS}/base`)).toMatchObject({ status: 409, body: { code: "dependents_exist" } });
	const { hooks } = (await stage.admin.get<Explanation>("/api/v1/assistants/any/explain")).body;
	expect(hooks.on_chat_message.chain.find(({ plugin }) => plugin === "upper")?.dependencies).toMatchObject([
		{ plugin: "base", range: "^1.0.0", version: "1.0.0", state: "met" },
	]);
});

test("Arcade: rollback", async () => {
	const config = { type: "object", properties: { level: { type: "integer" } } };
	await stage.install("rolling", GATE, await answering(), { config });
	await stage.admin.put(`${PLUGINS}/rolling/config${WAIT}`, { config: { level: 1 } });
	const file = await zipOf(manifestOf("rolling", "2.0.0", GATE, { config }), await answering("2"));
	expect((await stage.admin.update("rolling", { file }, WAIT)).status).toBe(200);
	await stage.admin.put(`${PLUGINS}/rolling/config${WAIT}`, { config: { level: 2 } });
	// One call, back to the version with the configuration that it ran with.
	const back = await stage.admin.post<PluginChange>(`${PLUGINS}/rolling/rollback${WAIT}`, { version: "1.0.0" });
	expect(back).toMatchObject({ status: 200, body: { plugin: { version: "1.0.0" } } });
	expect((await stage.admin.get<PluginConfig>(`${PLUGINS}/rolling/config`)).body.effective).toEqual({ level: 1 });
	expect((await stage.send(hello())).trail).toMatchObject([{ version: "1.0.0", outcome: "ok" }]);
});

test("Arcade: permissions", async () => {
	const text = "a secret plan";
	const echo = await moduleReturning({ [HOOK]: { action: "continue" } });
	await stage.install("modest", GATE, echo, { permissions: [] });
	await stage.install("asking", GATE, echo, { permissions: ["read_messages", "state"] }, { grants: "read_messages" });
	expect(await stage.show("asking")).toMatchObject({ status: "disabled", permissions: { missing: ["state"] } });
	const refused = await stage.admin.post<ProblemBody>(`${PLUGINS}/asking/enable`);
	expect(refused).toMatchObject({ status: 409, body: { code: "grants_missing" } });
	const granted = { permissions: ["read_messages", "state"] };
	expect((await stage.admin.put(`${PLUGINS}/asking/grants${WAIT}`, granted)).status).toBe(200);
	expect((await stage.admin.post(`${PLUGINS}/asking/enable${WAIT}`)).status).toBe(200);
	// Without read_messages it gets the event without its text.
	const { id } = await stage.send(chatEvent(text.repeat(100), { tenant: "default" }));
	const records = await stage.executions(`event=${id}`, 2);
	const bytes = Object.fromEntries(records.map(({ plugin, inputBytes }) => [plugin, inputBytes]));
	expect(bytes["asking"]).toBeGreaterThan(text.length * 100);
	expect(bytes["modest"]).toBeLessThan(text.length * 100);
});

test("Arcade: SDK", async () => {
	// For authors: this plugin is written with it. For chat services: this client sends the event.
	const { zip } = await buildPlugin("hello-world");
	remove("hello-world");
	expect((await stage.admin.install({ file: readFileSync(zip), fields: RUNNING }, WAIT)).status).toBe(201);
	const hookbus = await connectHookbus({ servers: stage.natsUrl, tenant: "default" });
	closeAfter(() => hookbus.close());
	const verdict = await hookbus.chatMessage({ assistant: "support", data: hello().data });
	expect(verdict).toMatchObject({ action: "modified", trail: [{ plugin: "hello-world", outcome: "ok" }] });
	expect(verdict.data.messages[0]).toMatchObject({ role: "system" });
}, 600_000);

test("Arcade: templates", async () => {
	// Copied, with another name and another greeting.
	const { wasm } = await buildPlugin("hello-world");
	const template = parse(readFileSync(new URL("../../plugins-wasm/hello-world/plugin.yaml", import.meta.url), "utf8"));
	const manifest = { ...template, name: "my-plugin", version: "0.1.0", defaults: { instruction: "Answer in verse." } };
	await installEnabled(stage.admin, manifest, readFileSync(wasm));
	remove("my-plugin");
	expect(JSON.stringify((await stage.send(hello())).data)).toContain("Answer in verse.");
}, 600_000);

test("Arcade: test framework", async () => {
	// A version is tried on the events of every day and changes none: what it would have done is recorded.
	const patch = { messages: [{ role: "user", parts: [{ type: "text", text: "changed" }] }] };
	const trying = await moduleReturning({ [HOOK]: { action: "modify", patch } });
	await stage.install("tried", OPEN, trying);
	await stage.admin.put(`/api/v1/assistants/*/plugins/tried${WAIT}`, { mode: "shadow" });
	const verdict = await stage.send(hello());
	expect(verdict.action).toBe("continue");
	const [record] = await stage.executions(`event=${verdict.id}`, 1);
	expect(record).toMatchObject({ plugin: "tried", mode: "shadow", action: "modify", paths: ["/messages"] });
});

test("Arcade: profiling", async () => {
	await stage.install("profiled", OPEN, await answering());
	const { id, trail } = await stage.send(hello());
	expect(trail[0]?.durationMs).toBeGreaterThan(0);
	const [record] = await stage.executions(`event=${id}`, 1);
	expect(record?.durationMs).toBeGreaterThan(0);
	expect(trail[0]?.startMs).toBeGreaterThanOrEqual(0);
	expect([record?.inputBytes, record?.outputBytes].map((bytes) => (bytes ?? 0) > 0)).toEqual([true, true]);
	const item = await waitFor("it is counted", async () => {
		return (await stage.admin.get<PluginMetrics>(`${PLUGINS}/metrics?plugin=profiled&bucket=minute`)).body.items[0];
	});
	expect(item.p50Ms).toBeGreaterThan(0);
	expect(item.p99Ms).toBeGreaterThanOrEqual(item.p95Ms);
	expect(item.series).toHaveLength(1);
});

test("Arcade: A/B", async () => {
	await stage.install("compared", OPEN, await answering());
	const trapping = await moduleReturning({ [HOOK]: "no result at all" });
	const file = await zipOf(manifestOf("compared", "2.0.0", OPEN), trapping);
	expect((await stage.admin.update("compared", { file }, "?activate=false")).status).toBe(200);
	const path = `${PLUGINS}/compared/rollouts`;
	const begun = await stage.admin.post<RolloutChange>(`${path}${WAIT}`, { version: "2.0.0", mode: "ab", percentage: 50 });
	expect(begun.status).toBe(201);
	const events = Array.from({ length: 30 }, (_, index) => hello({ conversation: `talk-${index}` }));
	const verdicts = await Promise.all(events.map((event) => stage.send(event)));
	expect(new Set(verdicts.map(({ trail }) => trail[0]?.version))).toEqual(new Set(["1.0.0", "2.0.0"]));
	const arms = await waitFor("both arms are counted", async () => {
		const { arms } = (await stage.admin.get<Rollout>(`${path}/${begun.body.rollout.id}`)).body;
		return arms.current.calls + arms.candidate.calls === events.length ? arms : undefined;
	});
	expect(arms).toMatchObject({
		current: { version: "1.0.0", errors: 0, errorRate: 0 },
		candidate: { version: "2.0.0", errors: arms.candidate.calls, errorRate: 1 },
	});
	const stopped = await stage.admin.post<RolloutChange>(`${path}/${begun.body.rollout.id}/stop${WAIT}`);
	expect(stopped.body.rollout.state).toBe("stopped");
	expect((await stage.send(hello())).trail).toMatchObject([{ version: "1.0.0" }]);
});

test("Arcade: Wasm", async () => {
	const refused = async (module: Uint8Array) =>
		(await stage.admin.install<ProblemBody>({ file: await zipOf(manifestOf("native", "1.0.0", GATE), module) })).body.code;
	expect(await refused(Buffer.from("\x7fELF a program of this machine"))).toBe("module_refused");
	expect(await refused(Buffer.from("module.exports = () => process.exit()"))).toBe("module_refused");
	// In a sandbox: it has no files, sockets or environment to ask for.
	const wanting = `(module (import "env" "system" (func (param i32))) (func (export "${HOOK}") (result i32) (i32.const 0)))`;
	expect(await refused(await assemble(wanting))).toBe("module_refused");
});
