// Replays: recorded events through two versions of a plugin, on a real runtime. What differs is found, and nothing that a plugin does in a
// replay happens. Over both databases.
import {
	type BindingChange,
	type ExecutionPage,
	MODULE_STORE,
	type RecallChange,
	type RecordingChange,
	type RecordingList,
	type Replay,
	type ReplayList,
	type ReplayResultPage,
	type TenantCreated,
} from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { askingModule, type Call } from "../support/asking-module.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { assemble, moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { digestOf } from "../support/route-tables.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const HOOK = "on_chat_message";
const WAIT = "?wait=applied&waitMs=60000";
const says = (text: string) => ({ action: "modify", patch: { messages: [{ role: "user", parts: [{ type: "text", text }] }] } });
const changing = (text: string) => moduleReturning({ [HOOK]: says(text) });
const TRANSFORM = [{ hook: HOOK, effect: "transform", paths: ["/messages"] }];

/** A control plane with a runtime, and what the tests do with them. */
async function startStage(databaseUrl: string | undefined) {
	const { url: natsUrl } = await startNats();
	const relayTiming = { reconcileMs: 500, moduleGraceMs: 0 };
	const control: StartedControlPlane = await startTestControlPlane({ natsUrl, databaseUrl, recordingLookMs: 200, relayTiming });
	await control.admin.ready();
	const runtime = await spawnRuntime({ natsUrl, id: "rt-1" });
	const connection = await connectTo(natsUrl);

	async function addVersion(manifest: Record<string, unknown>, module: Uint8Array): Promise<void> {
		const answer = await control.admin.update(
			String(manifest["name"]),
			{ file: await zipOf(manifest, module) },
			"?activate=false",
		);
		expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
	}

	/** Records these events, sent to the assistant one after the other. */
	async function record(assistant: string, events: readonly Parameters<typeof ask>[1][]): Promise<string> {
		const started = await control.admin.post<RecordingChange>(`/api/v1/recordings${WAIT}`, { assistant, maxEvents: 1_000 });
		expect(started.status).toBe(201);
		const { id } = started.body.recording;
		for (const event of events) await ask(connection, event);
		await waitFor("all are recorded", async () => {
			const { body } = await control.admin.get<{ events: number }>(`/api/v1/recordings/${id}`);
			return body.events === events.length;
		});
		await control.admin.post(`/api/v1/recordings/${id}/stop${WAIT}`);
		return id;
	}

	async function start(plugin: string, recording: string, version: string, more = {}): Promise<Replay> {
		const { status, body } = await control.admin.post<Replay>(`/api/v1/plugins/${plugin}/replays`, {
			recording,
			version,
			...more,
		});
		expect([status, body]).toEqual([202, expect.anything()]);
		return body;
	}

	const show = async ({ plugin, id }: Replay) =>
		(await control.admin.get<Replay>(`/api/v1/plugins/${plugin}/replays/${id}`)).body;

	const ended = (replay: Replay) =>
		waitFor("the replay has ended", async () => {
			const now = await show(replay);
			return now.state === "running" ? undefined : now;
		});

	async function resultsOf({ plugin, id }: Replay, query = "", client: ApiClient = control.admin) {
		return (await client.get<ReplayResultPage>(`/api/v1/plugins/${plugin}/replays/${id}/results${query}`)).body;
	}

	async function isOnBus(module: Uint8Array): Promise<boolean> {
		const info = await (await connection.jetstream().views.os(MODULE_STORE)).info(digestOf(module));
		return info !== null && !info.deleted;
	}

	/** A plugin whose version 6.6.6 never ends. */
	async function installLooper(): Promise<void> {
		const limits = { timeoutMs: 1_000 };
		await installEnabled(control.admin, manifestOf("looper", "1.0.0", TRANSFORM, { limits }), await changing("fine"));
		const loop = await assemble(`(module (func (export "${HOOK}") (result i32) (loop (br 0)) (i32.const 0)))`);
		await addVersion(manifestOf("looper", "6.6.6", TRANSFORM, { limits }), loop);
	}

	return { installLooper, natsUrl, control, runtime, connection, addVersion, record, start, show, ended, resultsOf, isOnBus };
}

const chat = (assistant: string, text = "hello") => chatEvent(text, { tenant: "default", assistant });

describe.each(EACH_DATABASE)("replays on $kind", ({ create }) => {
	let stage: Awaited<ReturnType<typeof startStage>>;
	beforeAll(async () => {
		stage = await startStage(await create());
	});

	test("what two versions do with recorded events is compared, and where they differ is named", async () => {
		const [one, two] = [await changing("one"), await changing("two")];
		await installEnabled(stage.control.admin, manifestOf("changer", "1.0.0", TRANSFORM), one);
		await stage.addVersion(manifestOf("changer", "1.1.0", TRANSFORM), two);
		const recording = await stage.record("bot", [chat("bot"), chat("bot"), chat("bot", "again")]);
		expect(await stage.isOnBus(two)).toBe(false);
		const replay = await stage.ended(await stage.start("changer", recording, "1.1.0"));
		expect(replay).toMatchObject({
			state: "done",
			version: "1.1.0",
			against: "1.0.0",
			total: 3,
			done: 3,
			sums: { same: 0, different: 3, failedOnlyInVersion: 0, failedOnlyInAgainst: 0, skipped: 0, refused: 0 },
			times: { version: { p50Ms: expect.any(Number), p95Ms: expect.any(Number) }, against: { p50Ms: expect.any(Number) } },
		});
		const first = await stage.resultsOf(replay, "?limit=2");
		expect(first.items.map(({ event }) => event)).toEqual(["1", "2"]);
		expect((await stage.resultsOf(replay, `?limit=2&cursor=${first.next}`)).items.map(({ event }) => event)).toEqual(["3"]);
		expect(first.items[0]).toMatchObject({
			hook: HOOK,
			assistant: "bot",
			result: "different",
			version: { outcome: "ok", action: "modify", patch: says("two").patch },
			against: { outcome: "ok", action: "modify", patch: says("one").patch },
			differences: ["/data/messages/0/parts/0/text"],
		});
		const same = await stage.ended(await stage.start("changer", recording, "1.1.0", { against: "1.1.0" }));
		expect(same.sums).toMatchObject({ same: 3, different: 0 });
		expect((await stage.resultsOf(same, "?result=different")).items).toEqual([]);
		// Nothing of it is an execution, and the version that is not enabled leaves the bus again.
		const { body } = await stage.control.admin.get<ExecutionPage>("/api/v1/plugin-executions?version=1.1.0");
		expect(body.items).toEqual([]);
		await waitFor("the module has left the bus", async () => !(await stage.isOnBus(two)));
		expect(await stage.isOnBus(one)).toBe(true);
	});

	test("who may see what: results hold text, sums do not; another tenant sees nothing", async () => {
		const [replay] = (await stage.control.admin.get<ReplayList>("/api/v1/plugins/changer/replays")).body.items;
		if (replay === undefined) throw new Error("the test before made one");
		const made = await stage.control.admin.post<{ key: string }>("/api/v1/api-keys", { name: "developer", role: "developer" });
		const developer = stage.control.admin.as(made.body.key);
		const path = `/api/v1/plugins/changer/replays/${replay.id}`;
		expect((await developer.get(path)).status).toBe(200);
		expect((await developer.get(`${path}/results`)).status).toBe(403);
		expect(
			(await developer.post("/api/v1/plugins/changer/replays", { recording: replay.recording, version: "1.1.0" })).status,
		).toBe(403);
		const tenant = await stage.control.admin.post<TenantCreated>("/api/v1/tenants", { id: "globex" });
		const stranger = stage.control.admin.as(tenant.body.key);
		for (const suffix of ["", "/results"]) expect((await stranger.get(`${path}${suffix}`)).status).toBe(404);
		const module = await changing("theirs");
		await installEnabled(stranger, manifestOf("changer", "1.0.0", TRANSFORM), module);
		expect(
			await stranger.post<ProblemBody>("/api/v1/plugins/changer/replays", { recording: replay.recording, version: "1.0.0" }),
		).toMatchObject({ status: 404, body: { code: "recording_not_found" } });
		expect((await stranger.post(`${path}/cancel`)).status).toBe(404);
	});

	test("what must not run is refused: a version that was recalled, is not signed as it has to be, or asks for more", async () => {
		const recording = await stage.record("refused", [chat("refused")]);
		const begin = (version: string) =>
			stage.control.admin.post<ProblemBody>("/api/v1/plugins/changer/replays", { recording, version });
		expect(await begin("9.9.9")).toMatchObject({ status: 404, body: { code: "version_not_found" } });
		await stage.addVersion(
			manifestOf("changer", "1.2.0", TRANSFORM, { permissions: ["read_messages", "publish"] }),
			await changing("more"),
		);
		expect(await begin("1.2.0")).toMatchObject({ status: 409, body: { code: "grants_missing" } });
		await stage.control.admin.put("/api/v1/trust-policy", { requireSignature: true });
		expect(await begin("1.1.0")).toMatchObject({ status: 422, body: { code: "signature_missing" } });
		await stage.control.admin.put("/api/v1/trust-policy", { requireSignature: false });
		await stage.control.admin.post("/api/v1/recalls", { plugin: "changer", versions: "1.1.0", reason: "bad" });
		expect(await begin("1.1.0")).toMatchObject({ status: 409, body: { code: "version_recalled" } });
	});

	test("one that nobody works on any more is interrupted, and so is one whose control plane stops", async () => {
		await stage.installLooper();
		const recording = await stage.record(
			"left",
			Array.from({ length: 10 }, () => chat("left")),
		);
		const lost = await stage.start("looper", recording, "6.6.6");
		await rows(
			stage.control.plane.database,
			`INSERT INTO replays (tenant, plugin, recording, version, against, state, total, started_by, seen_at)
			VALUES ('default', 'looper', '${recording}', '6.6.6', '1.0.0', 'running', 10, 'crashed', now() - interval '1 minute') RETURNING id`,
		);
		const interrupted = await waitFor("it is interrupted", async () => {
			const { items } = (await stage.control.admin.get<ReplayList>("/api/v1/plugins/looper/replays")).body;
			return items.find(({ startedBy, state }) => startedBy === "crashed" && state === "interrupted");
		});
		expect(interrupted.error).toContain("start it again");
		expect((await stage.show(lost)).state).toBe("running");
		let state: unknown;
		const { database } = stage.control.plane;
		const close = database.close.bind(database);
		database.close = async () => {
			[{ state }] = (await rows(database, `SELECT state FROM replays WHERE id = '${lost.id}'`)) as [{ state: unknown }];
			await close();
		};
		await stage.control.stop();
		expect(state).toBe("interrupted");
	});
});

describe("replays on a real runtime", () => {
	let stage: Awaited<ReturnType<typeof startStage>>;
	beforeAll(async () => {
		stage = await startStage(undefined);
	});

	test("only events that the plugin gets are run, with the configuration of its binding", async () => {
		const config = { type: "object", properties: { word: { type: "string" } } };
		// Blocks with what its configuration says: an event of another assistant, or of another hook, is not its own.
		const gate = [{ hook: HOOK, effect: "gate" }];
		const blocks = (code: string) => moduleReturning({ [HOOK]: { action: "block", reason: code, message: `says ${code}` } });
		await installEnabled(stage.control.admin, manifestOf("blocker", "1.0.0", gate, { config }), await blocks("one"));
		await stage.addVersion(manifestOf("blocker", "2.0.0", gate, { config }), await blocks("two"));
		const off = await stage.control.admin.put<BindingChange>(`/api/v1/assistants/quiet/plugins/blocker${WAIT}`, {
			enabled: false,
		});
		expect(off.status).toBe(200);
		const started = await stage.control.admin.post<RecordingChange>(`/api/v1/recordings${WAIT}`, {});
		const { id } = started.body.recording;
		await ask(stage.connection, chat("loud"));
		await ask(stage.connection, chat("quiet"));
		await waitFor("both are recorded", async () => {
			const { body } = await stage.control.admin.get<{ events: number }>(`/api/v1/recordings/${id}`);
			return body.events === 2;
		});
		const replay = await stage.ended(await stage.start("blocker", id, "2.0.0"));
		expect(replay.sums).toMatchObject({ different: 1, skipped: 1 });
		const [result] = (await stage.resultsOf(replay, "?result=different")).items;
		expect(result).toMatchObject({ assistant: "loud", differences: ["/message", "/reason"] });
		expect(result?.version).toMatchObject({ action: "block", reason: "two", message: "says two" });
		await stage.control.admin.post("/api/v1/plugins/blocker/disable");
		await stage.control.admin.delete(`/api/v1/recordings/${id}${WAIT}`);
		expect((await stage.control.admin.get(`/api/v1/plugins/blocker/replays/${replay.id}`)).status).toBe(404);
		expect(await rows(stage.control.plane.database, `SELECT place FROM replay_results WHERE replay = '${replay.id}'`)).toEqual(
			[],
		);
	});

	test("SE-05 a plugin that publishes, keeps and asks in a replay changes nothing, and is told that all went well", async () => {
		const hooks = [{ hook: HOOK, effect: "transform", paths: ["/messages"] }];
		const permissions = ["read_messages", "state", "write_files", "publish"];
		const module = await askingModule();
		await installEnabled(stage.control.admin, manifestOf("asker", "1.0.0", hooks, { permissions }), module);
		await stage.addVersion(manifestOf("asker", "1.1.0", hooks, { permissions }), Uint8Array.from([...module, 0, 2, 1, 0x61]));
		const calls: Call[] = [
			["state_set", "key", "value"],
			["state_increment", "sum", "5"],
			["once", "key", "60000"],
			["file_write", "path", "content"],
			["publish", "topic", "body"],
			["state_get", "key"],
		];
		const published: string[] = [];
		stage.connection.subscribe("hookbus.v1.published.>", { callback: (_error, message) => void published.push(message.subject) });
		const recording = await stage.record("asking", [chat("asking", JSON.stringify(calls))]);
		const kept = async () => {
			const manager = await stage.connection.jetstreamManager();
			const streams = await Promise.all(["HOOKBUS_STATE", "HOOKBUS_FILES"].map((name) => manager.streams.info(name)));
			return streams.map(({ state }) => state.last_seq);
		};
		const before = [await kept(), [...published]];
		const replay = await stage.ended(await stage.start("asker", recording, "1.1.0"));
		expect(await stage.resultsOf(replay)).toMatchObject({ items: [{ version: { outcome: "ok" }, against: { outcome: "ok" } }] });
		await stage.connection.flush();
		expect([await kept(), published]).toEqual(before);
		const [result] = (await stage.resultsOf(replay)).items;
		expect(Object.keys(result?.version?.calls ?? {}).length).toBeGreaterThan(3);
		expect(result?.version?.calls).toEqual(result?.against?.calls);
		await stage.control.admin.post("/api/v1/plugins/asker/disable");
	});

	test("HP-01 a version that never ends fails alone: live events go on meanwhile, and a cancelled replay ends", async () => {
		await stage.installLooper();
		const recording = await stage.record(
			"live",
			Array.from({ length: 20 }, () => chat("live")),
		);
		const replay = await stage.start("looper", recording, "6.6.6");
		await waitFor("two events were worked on", async () => (await stage.show(replay)).done >= 2);
		for (let n = 0; n < 20; n += 1) {
			const verdict = await ask(stage.connection, chat("live"));
			expect(verdict.trail.map(({ outcome }) => outcome).every((outcome) => outcome === "ok")).toBe(true);
		}
		expect(
			await stage.control.admin.post<ProblemBody>("/api/v1/plugins/looper/replays", { recording, version: "6.6.6" }),
		).toMatchObject({
			status: 409,
			body: { code: "replay_running" },
		});
		// Who decided on what has changed since is told, at the beginning and at the end of a replay.
		const stale = { "if-match": '"of another state"' };
		for (const [path, body] of [
			["/api/v1/plugins/looper/replays", { recording, version: "6.6.6" }],
			[`/api/v1/plugins/looper/replays/${replay.id}/cancel`, undefined],
		] as const)
			expect((await stage.control.admin.call<ProblemBody>("POST", path, body, stale)).body.code).toBe("precondition_failed");
		const cancelled = await stage.control.admin.post<Replay>(`/api/v1/plugins/looper/replays/${replay.id}/cancel`);
		expect(cancelled.body.state).toBe("cancelled");
		const { sums, done, total } = await stage.show(replay);
		expect(done).toBeLessThan(total);
		expect(sums).toMatchObject({ different: done, failedOnlyInVersion: done });
		const [result] = (await stage.resultsOf(replay)).items;
		expect(result).toMatchObject({ version: { outcome: "timeout" }, against: { outcome: "ok" } });
		expect(result?.differences).toContain("/outcome");
		// Its breaker and its figures know nothing of it.
		expect((await ask(stage.connection, chat("live"))).trail.find(({ plugin }) => plugin === "looper")).toMatchObject({
			outcome: "ok",
		});
	});

	test("one whose version is recalled in the middle ends with the reason", async () => {
		const { items } = (await stage.control.admin.get<RecordingList>("/api/v1/recordings")).body;
		const recording = items.find(({ assistant }) => assistant === "live")?.id ?? "";
		const replay = await stage.start("looper", recording, "6.6.6");
		await waitFor("it has begun", async () => (await stage.show(replay)).done >= 1);
		const wanted = { plugin: "looper", versions: "6.6.6", reason: "never ends" };
		const recall = await stage.control.admin.post<RecallChange>("/api/v1/recalls", wanted);
		expect(await stage.ended(replay)).toMatchObject({
			state: "failed",
			error: expect.stringContaining("was recalled: never ends"),
		});
		await stage.control.admin.delete(`/api/v1/recalls/${recall.body.recall.id}`);
	});

	test("HP-35 a runtime that dies in the middle: another one goes on; without any the replay waits, and is never stuck", async () => {
		const recording = await stage.record(
			"dying",
			Array.from({ length: 4 }, () => chat("dying")),
		);
		const replay = await stage.start("looper", recording, "6.6.6");
		await waitFor("it has begun", async () => (await stage.show(replay)).done >= 1);
		await stage.runtime.kill9();
		await spawnRuntime({ natsUrl: stage.natsUrl, id: "rt-2" });
		const done = await stage.ended(replay);
		expect(done).toMatchObject({ state: "done", done: 4, sums: { failedOnlyInVersion: 4 } });
	});

	test("HP-35 one whose control plane was killed is interrupted when it comes back", async () => {
		const { control, natsUrl } = stage;
		const recording = await control.admin.post<RecordingChange>("/api/v1/recordings", {});
		const [row] = await rows(
			control.plane.database,
			`INSERT INTO replays (tenant, plugin, recording, version, against, state, total, started_by)
			VALUES ('default', 'looper', '${recording.body.recording.id}', '6.6.6', '1.0.0', 'running', 10, 'killed') RETURNING id`,
		);
		await control.stop();
		const again = await startTestControlPlane({ natsUrl, dataDir: control.dataDir });
		await waitFor("it is interrupted", async () => {
			const [now] = await rows(again.plane.database, `SELECT state FROM replays WHERE id = '${row?.["id"]}'`);
			return now?.["state"] === "interrupted";
		});
	});
});
