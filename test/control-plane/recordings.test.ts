// Recordings of events: what is copied by a real runtime and what is not, who may see it, and that nothing of it stays. Over both databases.
import {
	eventSubject,
	RECORDING_STREAM,
	type RecordedEventPage,
	type RecordedEventText,
	type Recording,
	type RecordingChange,
	type RecordingList,
	recordedSubject,
	type TenantCreated,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { afterEvent, chatEvent, responseEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf } from "../support/plugin-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const WAIT = "?wait=applied&waitMs=60000";
const HOOKS = ["on_chat_message", "on_before_response", "on_after_response"] as const;

describe.each(EACH_DATABASE)("recordings on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let connection: NatsConnection;

	beforeAll(async () => {
		const nats = await startNats();
		control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await create(), recordingLookMs: 100 });
		await control.admin.ready();
		// Two: together they record as many as were asked for.
		await Promise.all(["rt-1", "rt-2"].map((id) => spawnRuntime({ natsUrl: nats.url, id })));
		connection = await connectTo(nats.url);
		const module = await moduleReturning(Object.fromEntries(HOOKS.map((hook) => [hook, { action: "continue" }])));
		const hooks = HOOKS.map((hook) => ({ hook, effect: "observe" }));
		await installEnabled(control.admin, manifestOf("watcher", "1.0.0", hooks), module);
	});

	async function start(wanted: Record<string, unknown>): Promise<string> {
		const { status, body } = await control.admin.post<RecordingChange>(`/api/v1/recordings${WAIT}`, wanted);
		expect([status, body]).toEqual([201, expect.anything()]);
		return body.recording.id;
	}

	const show = async (id: string) => (await control.admin.get<Recording>(`/api/v1/recordings/${id}`)).body;

	async function eventsOf(id: string, client: ApiClient = control.admin) {
		return (await client.get<RecordedEventPage>(`/api/v1/recordings/${id}/events?limit=200`)).body.items;
	}

	async function storedOnBus(): Promise<string[]> {
		const manager = await connection.jetstreamManager();
		const { state } = await manager.streams.info(RECORDING_STREAM, { subjects_filter: ">" });
		return Object.keys(state.subjects ?? {});
	}

	const chat = (assistant: string, conversation = "conv-1") => chatEvent("hello", { tenant: "default", assistant, conversation });

	test("events of the hook and the assistant are copied as they were sent, and of no others", async () => {
		const id = await start({ hook: "on_chat_message", assistant: "bot" });
		const sent = chat("bot");
		await ask(connection, chat("other"));
		await ask(connection, responseEvent("no", { tenant: "default", assistant: "bot" }));
		await ask(connection, sent);
		const [event, ...more] = await waitFor("the event is recorded", async () => {
			const items = await eventsOf(id);
			return items.length > 0 ? items : undefined;
		});
		expect(more).toEqual([]);
		const body = JSON.stringify(sent);
		expect(event).toMatchObject({ id: "1", eventId: sent.id, hook: "on_chat_message", assistant: "bot", bytes: body.length });
		expect(JSON.stringify(event)).not.toContain("hello");
		const text = (await control.admin.get<RecordedEventText>(`/api/v1/recordings/${id}/events/1`)).body;
		expect(text.event).toEqual(sent);
		expect(Buffer.from(text.body, "base64").toString()).toBe(body);
		await control.admin.delete(`/api/v1/recordings/${id}`);
	});

	test("what is said is shown from the role operator on", async () => {
		const id = await start({ assistant: "bot" });
		await ask(connection, chat("bot"));
		await waitFor("it is recorded", async () => (await eventsOf(id)).length === 1);
		for (const [role, status] of [
			["developer", 403],
			["operator", 200],
		] as const) {
			const made = await control.admin.post<{ key: string }>("/api/v1/api-keys", { name: role, role });
			const client = control.admin.as(made.body.key);
			expect(await eventsOf(id, client)).toHaveLength(1);
			expect((await client.get(`/api/v1/recordings/${id}/events/1`)).status).toBe(status);
			expect((await client.post("/api/v1/recordings", {})).status).toBe(403);
		}
		expect(await control.admin.get<ProblemBody>(`/api/v1/recordings/${id}/events/2`)).toMatchObject({
			status: 404,
			body: { code: "recorded_event_not_found" },
		});
		await control.admin.delete(`/api/v1/recordings/${id}`);
	});

	test("it ends with as many events as were asked for, however many runtimes record, durable ones too", async () => {
		const id = await start({ assistant: "many", maxEvents: 7 });
		for (let n = 0; n < 3; n += 1) {
			const event = afterEvent({ tenant: "default", assistant: "many" });
			await connection.jetstream().publish(eventSubject(event), JSON.stringify(event));
		}
		await waitFor("the durable ones are recorded", async () => (await eventsOf(id)).length === 3);
		await Promise.all(Array.from({ length: 30 }, () => ask(connection, chat("many"))));
		const full = await waitFor("it is full", async () => {
			const recording = await show(id);
			return recording.state === "ended" ? recording : undefined;
		});
		expect(full).toMatchObject({ endReason: "full", endedBy: "system", events: 7 });
		const items = await eventsOf(id);
		expect(items.map((item) => item.id)).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
		expect(new Set(items.map(({ eventId }) => eventId)).size).toBe(7);
		const page = await control.admin.get<RecordedEventPage>(`/api/v1/recordings/${id}/events?limit=5`);
		expect(page.body.items).toHaveLength(5);
		const rest = await control.admin.get<RecordedEventPage>(`/api/v1/recordings/${id}/events?limit=5&cursor=${page.body.next}`);
		expect([rest.body.items.map((item) => item.id), rest.body.next]).toEqual([["6", "7"], undefined]);
		await control.admin.delete(`/api/v1/recordings/${id}`);
	});

	test("a share of the conversations: whole ones", async () => {
		const id = await start({ assistant: "shared", percentage: 50, maxEvents: 1_000 });
		const conversations = Array.from({ length: 20 }, (_, n) => `conv-${n}`);
		for (const conversation of [...conversations, ...conversations]) await ask(connection, chat("shared", conversation));
		const stopped = await control.admin.post<RecordingChange>(`/api/v1/recordings/${id}/stop${WAIT}`);
		expect(stopped.body.recording).toMatchObject({ state: "ended", endReason: "stopped" });
		const items = await eventsOf(id);
		expect(items.length).toBeGreaterThan(0);
		expect(items.length).toBeLessThan(40);
		const counts = new Map<string, number>();
		for (const item of items) {
			const { body } = await control.admin.get<RecordedEventText>(`/api/v1/recordings/${id}/events/${item.id}`);
			const { conversation } = body.event as { conversation: string };
			counts.set(conversation, (counts.get(conversation) ?? 0) + 1);
		}
		expect([...counts.values()].every((count) => count === 2)).toBe(true);
		await ask(connection, chat("shared", [...counts.keys()][0]));
		expect((await show(id)).events).toBe(items.length);
		await control.admin.delete(`/api/v1/recordings/${id}`);
	});

	test("deleted, it leaves nothing on the bus, also not what a late runtime writes; past its retention it goes by itself", async () => {
		const id = await start({ assistant: "gone" });
		await ask(connection, chat("gone"));
		await waitFor("it is recorded", async () => (await eventsOf(id)).length === 1);
		expect((await control.admin.delete(`/api/v1/recordings/${id}${WAIT}`)).status).toBe(200);
		expect((await control.admin.get(`/api/v1/recordings/${id}`)).status).toBe(404);
		expect((await storedOnBus()).filter((subject) => subject.includes(id))).toEqual([]);
		await connection.jetstream().publish(recordedSubject("default", id, 1), "late");
		const old = await start({ assistant: "old" });
		await control.admin.post(`/api/v1/recordings/${old}/stop`);
		await rows(
			control.plane.database,
			`UPDATE recordings SET ended_at = now() - interval '8 days' WHERE id = '${old}' RETURNING id`,
		);
		await waitFor(
			"both are gone",
			async () => (await storedOnBus()).length === 0 && (await control.admin.get(`/api/v1/recordings/${old}`)).status === 404,
			{ timeoutMs: 60_000 },
		);
		const audit = await rows(control.plane.database, `SELECT action, actor FROM audit_log WHERE target = '${old}' ORDER BY id`);
		expect(audit.map(({ action }) => action)).toEqual(["recording.start", "recording.end", "recording.delete"]);
		expect(audit.at(-1)?.["actor"]).toBe("system");
	});

	test("one whose time is over ends", async () => {
		const id = await start({ until: new Date(Date.now() + 3_000).toISOString() });
		const ended = await waitFor("it has ended", async () => {
			const recording = await show(id);
			return recording.state === "ended" ? recording : undefined;
		});
		expect(ended).toMatchObject({ endReason: "time", endedBy: "system" });
		await control.admin.delete(`/api/v1/recordings/${id}`);
	});

	test("what cannot be is refused: a time too far off or over, too many events, too many recordings", async () => {
		const at = (ms: number) => new Date(Date.now() + ms).toISOString();
		for (const until of [at(-1_000), at(8 * 24 * 3_600_000), "2026-02-30T99:00:00Z"]) {
			expect(await control.admin.post<ProblemBody>("/api/v1/recordings", { until })).toMatchObject({
				status: 400,
				body: { code: "request_invalid" },
			});
		}
		for (const wrong of [{ maxEvents: 1_001 }, { maxEvents: 0 }, { percentage: 0 }, { hook: "on_nothing" }]) {
			expect((await control.admin.post("/api/v1/recordings", wrong)).status).toBe(400);
		}
		const ids: string[] = [];
		for (let n = 0; n < 5; n += 1) ids.push(await start({ assistant: "none" }));
		expect(await control.admin.post<ProblemBody>("/api/v1/recordings", {})).toMatchObject({
			status: 409,
			body: { code: "recordings_full" },
		});
		for (const id of ids) await control.admin.delete(`/api/v1/recordings/${id}`);
		expect((await control.admin.get<RecordingList>("/api/v1/recordings")).body.items).toEqual([]);
	});

	test("AU-01 another tenant neither sees nor records it", async () => {
		const tenant = await control.admin.post<TenantCreated>("/api/v1/tenants", { id: "globex" });
		const stranger = control.admin.as(tenant.body.key);
		const id = await start({ assistant: "bot" });
		expect((await stranger.get<RecordingList>("/api/v1/recordings")).body.items).toEqual([]);
		for (const path of ["", "/events", "/events/1"]) {
			expect((await stranger.get(`/api/v1/recordings/${id}${path}`)).status).toBe(404);
		}
		expect((await stranger.delete(`/api/v1/recordings/${id}`)).status).toBe(404);
		const theirs = await stranger.post<RecordingChange>(`/api/v1/recordings${WAIT}`, {});
		await ask(connection, chat("bot"));
		await waitFor("it is recorded", async () => (await eventsOf(id)).length === 1);
		expect((await storedOnBus()).every((subject) => subject.startsWith("hookbus.v1.recordings.default."))).toBe(true);
		expect((await stranger.delete(`/api/v1/recordings/${theirs.body.recording.id}`)).status).toBe(200);
	});
});
