// Dead letters: shown without their text, dropped and replayed for whoever may, each time with a line in the audit log, and run
// again by the plugins that failed and by no others.
import {
	type ApiKeyCreated,
	DEAD_LETTER_STREAM,
	type DeadLetterBulk,
	type DeadLetterEvent,
	type DeadLetterPage,
	type DeadLetterRecord,
	type DeadLetterReplay,
	DONE_BUCKET,
	deadLetterSubject,
	EVENT_STREAM,
	type ExecutionPage,
	eventSubject,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buryLetter as bury, LETTER_TEXT } from "../support/bury-letter.js";
import { afterEvent } from "../support/events.js";
import { assemble, moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startOnBus } from "../support/start-on-bus.js";
import { PATIENT, spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const SECRET = LETTER_TEXT;
const MINUTE_MS = 60_000;

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let connection: NatsConnection;

	beforeAll(async () => {
		({ control, api, connection } = await startOnBus({ databaseUrl: await create() }));
	});

	const list = async (query = "") => (await api.get<DeadLetterPage>(`/api/v1/dead-letters?${query}`)).body;
	const ids = async (query: string) => (await list(query)).items.map(({ id }) => id);
	const trail = () =>
		rows(control.plane.database, "SELECT action, target, detail FROM audit_log WHERE action LIKE 'dead_letter.%' ORDER BY id");

	test("a letter is shown without what the event says; that is asked for by itself", async () => {
		const id = await bury(connection, { eventId: "shown" });
		const shown = await api.get<DeadLetterRecord>(`/api/v1/dead-letters/${id}`);
		expect(shown.body).toEqual({
			id,
			hook: "on_after_response",
			assistant: "bot",
			eventId: "shown",
			reason: "attempts_exhausted",
			detail: "5 attempts failed (tester: trap)",
			attempts: 5,
			plugins: [{ plugin: "tester", outcome: "trap" }],
			digest: expect.stringMatching(/^[0-9a-f]{64}$/),
			bytes: expect.any(Number),
			time: expect.any(String),
		});
		expect((await list("event=shown")).items).toEqual([shown.body]);
		const { body } = await api.get<DeadLetterEvent>(`/api/v1/dead-letters/${id}/event`);
		expect(body.event).toMatchObject({ id: "shown" });
		expect(Buffer.from(body.body, "base64").toString()).toContain(SECRET);
		const viewer = (await api.post<ApiKeyCreated>("/api/v1/api-keys", { name: "v", role: "viewer" })).body.key;
		expect(await api.as(viewer).get(`/api/v1/dead-letters/${id}/event`)).toMatchObject({
			status: 403,
			body: { code: "role_missing" },
		});
		expect((await api.as(viewer).get(`/api/v1/dead-letters/${id}`)).status).toBe(200);
	});

	test("filters by plugin, reason, event and time, and pages that new letters do not disturb", async () => {
		const time = (minutes: number) => new Date(Date.UTC(2026, 0, 1) + minutes * MINUTE_MS).toISOString();
		const made: string[] = [];
		for (let index = 0; index < 7; index += 1) {
			const plugins = [
				{ plugin: "filtered", outcome: "trap" as const },
				...(index % 2 === 0 ? [{ plugin: "even", outcome: "timeout" as const }] : []),
			];
			made.push(await bury(connection, { eventId: `f-${index}`, plugins, time: time(index) }));
		}
		const invalid = await bury(connection, {
			reason: "invalid_event",
			plugins: [],
			eventId: "f-invalid",
			body: Buffer.from("no json").toString("base64"),
		});
		expect(await ids("plugin=filtered")).toEqual(made);
		expect(await ids("plugin=even")).toEqual(made.filter((_, index) => index % 2 === 0));
		expect(await ids("event=f-3")).toEqual([made[3]]);
		expect(await ids("reason=invalid_event")).toEqual([invalid]);
		expect(await ids(`plugin=filtered&since=${time(2)}&until=${time(4)}`)).toEqual(made.slice(2, 4));
		expect((await api.get<DeadLetterEvent>(`/api/v1/dead-letters/${invalid}/event`)).body).not.toHaveProperty("event");
		const seen: string[] = [];
		let next: string | undefined = "";
		for (let pages = 0; next !== undefined && pages < 20; pages += 1) {
			const page: DeadLetterPage = await list(`plugin=filtered&limit=2${next === "" ? "" : `&cursor=${next}`}`);
			seen.push(...page.items.map(({ id }) => id));
			next = page.next;
			if (pages === 0) await api.delete(`/api/v1/dead-letters/${made[0]}`);
		}
		expect(seen).toEqual(made);
	});

	test("what is no dead letter is passed over and named in the log", async () => {
		const before = await bury(connection, { eventId: "around-1" });
		await connection.jetstream().publish(deadLetterSubject("default"), "{}");
		const behind = await bury(connection, { eventId: "around-2" });
		expect([...(await ids("event=around-1")), ...(await ids("event=around-2"))]).toEqual([before, behind]);
		expect((await api.get(`/api/v1/dead-letters/${Number(before) + 1}`)).status).toBe(404);
		expect(control.logs()).toContain("it is passed over");
	});

	test("dropped, a letter is gone and in the audit log, without its text", async () => {
		const id = await bury(connection, { eventId: "dropped" });
		expect(await api.delete(`/api/v1/dead-letters/${id}`)).toMatchObject({ status: 200, body: { id, eventId: "dropped" } });
		for (const [method, path] of [
			["GET", ""],
			["GET", "/event"],
			["POST", "/replay"],
			["DELETE", ""],
		] as const) {
			expect(await api.call(method, `/api/v1/dead-letters/${id}${path}`)).toMatchObject({
				status: 404,
				body: { code: "dead_letter_not_found" },
			});
		}
		const last = (await trail()).at(-1);
		expect(last).toMatchObject({ action: "dead_letter.drop", target: id, detail: { eventId: "dropped", plugins: ["tester"] } });
		expect(JSON.stringify(last)).not.toContain(SECRET);
	});

	test("many are dropped by filter, no more than asked for, and the rest on", async () => {
		const made: string[] = [];
		for (let index = 0; index < 5; index += 1)
			made.push(await bury(connection, { plugins: [{ plugin: "bulk", outcome: "trap" }] }));
		const first = (await api.post<DeadLetterBulk>("/api/v1/dead-letters/drop", { plugin: "bulk", limit: 3 })).body;
		expect(first).toEqual({ done: made.slice(0, 3), refused: [], next: expect.any(String) });
		expect(await ids("plugin=bulk")).toEqual(made.slice(3));
		const second = (await api.post<DeadLetterBulk>("/api/v1/dead-letters/drop", { plugin: "bulk", limit: 3, cursor: first.next }))
			.body;
		expect(second).toEqual({ done: made.slice(3), refused: [] });
		expect((await trail()).slice(-5).map(({ target }) => target)).toEqual(made);
	});

	test("a letter that nothing would run is not replayed and stays", async () => {
		const id = await bury(connection, { eventId: "unbound", plugins: [{ plugin: "unbound", outcome: "trap" }] });
		const answer = await api.post<ProblemBody>(`/api/v1/dead-letters/${id}/replay`);
		expect(answer).toMatchObject({ status: 409, body: { code: "dead_letter_not_replayable" } });
		expect(answer.body.detail).toContain("none of unbound is bound to on_after_response of assistant bot");
		const bulk = (await api.post<DeadLetterBulk>("/api/v1/dead-letters/replay", { plugin: "unbound" })).body;
		expect(bulk).toMatchObject({ done: [], refused: [{ id, code: "dead_letter_not_replayable" }] });
		expect(await ids("event=unbound")).toEqual([id]);
	});

	test("a letter cannot make the control plane publish where no durable event of its tenant goes", async () => {
		for (const subject of [
			"hooks.v1.other.on_after_response.bot",
			"hooks.v1.default.on_chat_message.bot",
			"$JS.API.STREAM.DELETE.X",
			"hookbus.v1.dead.default",
		]) {
			const id = await bury(connection, { subject, eventId: "crafted" });
			expect(await api.post(`/api/v1/dead-letters/${id}/replay`), subject).toMatchObject({
				status: 409,
				body: { code: "dead_letter_not_replayable" },
			});
		}
	});

	test("AU-02 another tenant's letters are not there, whatever is done with their ids", async () => {
		const ours = await bury(connection, { eventId: "ours-before" });
		const theirs = await bury(connection, { eventId: "theirs", plugins: [{ plugin: "theirs", outcome: "trap" }] }, "other");
		await bury(connection, { eventId: "ours-behind" });
		expect(await ids("limit=200")).toContain(ours);
		expect(await ids("limit=200")).not.toContain(theirs);
		for (const [method, path] of [
			["GET", ""],
			["GET", "/event"],
			["POST", "/replay"],
			["DELETE", ""],
		] as const) {
			expect(await api.call(method, `/api/v1/dead-letters/${theirs}${path}`)).toMatchObject({
				status: 404,
				body: { code: "dead_letter_not_found" },
			});
		}
		expect((await api.post<DeadLetterBulk>("/api/v1/dead-letters/drop", { plugin: "theirs" })).body.done).toEqual([]);
		const kept = await (await connection.jetstreamManager()).streams.getMessage(DEAD_LETTER_STREAM, { seq: Number(theirs) });
		expect(kept.json()).toMatchObject({ eventId: "theirs" });
	});

	test.each([
		["GET", "?reason=bored", undefined],
		["GET", "?plugin=Bad%20Name", undefined],
		["GET", "?since=2026-02-30T25:00:00Z", undefined],
		["GET", "?limit=1000", undefined],
		["GET", "/abc", undefined],
		["POST", "/0/replay", undefined],
		["POST", "/drop", undefined],
		["POST", "/drop", { limit: 0 }],
		["POST", "/replay", { limit: 201 }],
		["POST", "/replay", { since: "2026-13-01T00:00:00Z" }],
		["POST", "/replay", { everything: true }],
		["DELETE", "/-1", undefined],
	])("%s %s %j is refused", async (method, path, body) => {
		expect(await api.call(method, `/api/v1/dead-letters${path}`, body)).toMatchObject({
			status: 400,
			body: { code: "request_invalid" },
		});
	});
});

test("without the bus the calls say so, and nothing is dropped", async () => {
	const control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	for (const [method, path] of [
		["GET", ""],
		["GET", "/1"],
		["POST", "/1/replay"],
		["DELETE", "/1"],
	] as const) {
		const answer = await control.admin.call(method, `/api/v1/dead-letters${path}`);
		expect(answer).toMatchObject({ status: 503, body: { code: "bus_unavailable" } });
		expect(answer.headers.get("retry-after")).not.toBeNull();
	}
});

describe("with a runtime", () => {
	const HOOKS = [{ hook: "on_after_response", effect: "observe" }];
	const WAIT = "?wait=applied&waitMs=60000";
	let api: ApiClient;
	let connection: NatsConnection;
	let good: Uint8Array;

	beforeAll(async () => {
		const bus = await startOnBus();
		({ api, connection } = bus);
		await spawnRuntime({ natsUrl: bus.natsUrl, settings: { ...PATIENT, HOOKBUS_DURABLE_BACKOFF_MS: "20" } });
		good = await moduleReturning({ on_after_response: { action: "continue" } });
		const trap = await assemble('(module (func (export "on_after_response") (result i32) unreachable))');
		await installEnabled(api, manifestOf("steady", "1.0.0", HOOKS), good);
		await installEnabled(api, manifestOf("poisoned", "1.0.0", HOOKS), trap);
	});

	const event = () => afterEvent({ tenant: "default", assistant: "bot" });
	const publish = (sent: ReturnType<typeof event>) =>
		connection.jetstream().publish(eventSubject(sent), JSON.stringify(sent), { msgID: `default.${sent.id}` });
	const letterOf = (id: string) =>
		waitFor("a dead letter", async () => (await api.get<DeadLetterPage>(`/api/v1/dead-letters?event=${id}`)).body.items[0]);
	const runs = async (id: string) =>
		(await api.get<ExecutionPage>(`/api/v1/plugin-executions?event=${id}`)).body.items
			.map(({ plugin, outcome, attempt }) => [plugin, outcome, attempt])
			.sort();
	const emptied = () =>
		waitFor(
			"the stream of events is empty",
			async () => (await (await connection.jetstreamManager()).streams.info(EVENT_STREAM)).state.messages === 0,
		);

	test("FT-19 a replay runs the plugin that failed, and no other, and fails again as a new letter until it is mended", async () => {
		const sent = event();
		await publish(sent);
		const first = await letterOf(sent.id);
		expect(first).toMatchObject({ attempts: 2, plugins: [{ plugin: "poisoned", outcome: "trap" }] });
		const replayed = await api.post<DeadLetterReplay>(`/api/v1/dead-letters/${first.id}/replay`);
		expect(replayed.body).toEqual({ id: first.id, eventId: sent.id, plugins: ["poisoned"], duplicate: false });
		const second = await waitFor("another letter", async () => {
			const found = await letterOf(sent.id);
			return found.id === first.id ? undefined : found;
		});
		expect(second).toMatchObject({ attempts: 4, plugins: [{ plugin: "poisoned", outcome: "trap" }] });
		// Marks are forgotten after a day; even so nobody but the one that failed gets the event.
		await (await connection.jetstream().views.kv(DONE_BUCKET)).destroy();
		await connection.jetstream().views.kv(DONE_BUCKET, { history: 1 });
		const mended = { file: await zipOf(manifestOf("poisoned", "1.0.1", HOOKS), good), fields: { grants: "all" } };
		expect((await api.update("poisoned", mended, WAIT)).status).toBe(200);
		expect((await api.post(`/api/v1/dead-letters/${second.id}/replay`)).status).toBe(200);
		await waitFor("it went well", async () =>
			(await runs(sent.id)).some(([plugin, outcome]) => plugin === "poisoned" && outcome === "ok"),
		);
		await emptied();
		expect(await runs(sent.id)).toEqual([
			["poisoned", "ok", 5],
			["steady", "ok", 1],
		]);
		expect((await api.get<DeadLetterPage>(`/api/v1/dead-letters?event=${sent.id}`)).body.items).toEqual([]);
	});

	test("the same letter replayed by many at once is delivered once", async () => {
		const id = await bury(connection, {
			eventId: "crowd",
			body: Buffer.from(JSON.stringify({ ...event(), id: "crowd" })).toString("base64"),
			plugins: [{ plugin: "steady", outcome: "timeout" }],
		});
		const answers = await Promise.all(
			Array.from({ length: 6 }, () => api.post<DeadLetterReplay>(`/api/v1/dead-letters/${id}/replay`)),
		);
		const taken = answers.filter(({ status }) => status === 200);
		expect(taken.filter(({ body }) => !body.duplicate)).toHaveLength(1);
		expect(answers.filter(({ status }) => status !== 200 && status !== 404)).toEqual([]);
		await waitFor("it ran", async () => (await runs("crowd")).length === 1);
		await emptied();
		expect(await runs("crowd")).toEqual([["steady", "ok", 6]]);
	});

	test("many are replayed by filter", async () => {
		const sent = Array.from({ length: 4 }, () => event());
		for (const each of sent) {
			await bury(connection, {
				eventId: each.id,
				body: Buffer.from(JSON.stringify(each)).toString("base64"),
				plugins: [{ plugin: "steady", outcome: "host_error" }],
			});
		}
		const { done, refused } = (await api.post<DeadLetterBulk>("/api/v1/dead-letters/replay", { plugin: "steady" })).body;
		expect({ done: done.length, refused }).toEqual({ done: 4, refused: [] });
		for (const each of sent) await waitFor("it ran", async () => (await runs(each.id)).length === 1);
	});
});
