// The whole system under the permissions of `npm run nats:config`: nothing that it does may be missing there.
import { connectHookbus } from "@hookbus/client";
import { EVENT_STREAM, type Recording, type RecordingChange, type Replay, STATE_STREAM, storeSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, expect, test } from "vitest";
import { chat, sent } from "../client/inputs.js";
import { answersOf, askForCalls, askingModule } from "../support/asking-module.js";
import { closeAfter } from "../support/close-after.js";
import { moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf } from "../support/plugin-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import type { StartedProcess } from "../support/start-process.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { type GuardedBus, RUNTIME, startGuardedBus } from "./guarded-bus.js";

let bus: GuardedBus;
let control: StartedControlPlane;
let runtime: StartedProcess;
let publisher: NatsConnection;

beforeAll(async () => {
	bus = await startGuardedBus();
	control = await startTestControlPlane({
		natsUrl: bus.nats.url,
		env: { HOOKBUS_NATS_NKEY_SEED: bus.seed("control-plane") },
	});
	await control.admin.ready();
	runtime = await spawnRuntime({
		natsUrl: bus.nats.url,
		id: RUNTIME,
		settings: { HOOKBUS_NATS_NKEY_SEED: bus.seed(`runtime.${RUNTIME}`), HOOKBUS_TENANT_INBOX_ONLY: "true" },
	});
	publisher = await bus.as("publisher");
	const all = ["read_messages", "state", "write_files", "publish"];
	const hooks = [{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] }];
	await installEnabled(control.admin, manifestOf("asker", "1.0.0", hooks, { permissions: all }), await askingModule());
	const observer = await moduleReturning({ on_after_response: { action: "continue" } });
	await installEnabled(
		control.admin,
		manifestOf("observer", "1.0.0", [{ hook: "on_after_response", effect: "observe" }], { permissions: [] }),
		observer,
	);
}, 180_000);

/** What a log says about permissions; the server's own words. */
const denials = (log: string) => log.split("\n").filter((line) => /permission|violation/i.test(line));

test("events, verdicts, policy, durable events, executions and all that plugins do on the bus go through, without one refusal", async () => {
	const client = await connectHookbus({
		servers: bus.nats.url,
		tenant: "default",
		credentials: { nkeySeed: bus.seed("tenant.default.publisher") },
		defaultDeadlineMs: 20_000,
		silenceMs: 15_000,
		connectTimeoutMs: 15_000,
	});
	closeAfter(() => client.close());
	expect(client.policy()).toMatchObject({ state: "known", policy: { hooks: { on_chat_message: { all: "open" } } } });
	expect(await client.chatMessage(chat("[]"))).toMatchObject({ source: "bus", action: "continue" });
	// Nobody listens on that hook: the publisher learns at once, through the accounts.
	expect(
		await client.beforeResponse({ assistant: "a", data: { response: { message: { role: "assistant", parts: [] } } } }),
	).toMatchObject({
		source: "policy",
		failure: "no_responders",
	});
	expect(await client.afterResponse(sent())).toMatchObject({ stored: true });

	const listener = await bus.as("listener");
	const heard: string[] = [];
	listener.subscribe("hookbus.v1.published.default.>", { callback: (_error, message) => heard.push(message.subject) });
	await listener.flush();
	const answers = answersOf(
		await askForCalls(
			publisher,
			[
				["state_set", "note", "mine"],
				["state_get", "note"],
				["state_delete", "note"],
				["file_write", "a.txt", "mine"],
				["file_list", ""],
				["publish", "news.one", "{}"],
			],
			{ tenant: "default" },
		),
	);
	expect([answers[1], answers[4]]).toEqual(["mine", ["a.txt"]]);
	await waitFor("the listener hears what the plugin publishes", () => heard.length > 0);
	expect(heard).toEqual(["hookbus.v1.published.default.asker.news.one"]);
	await waitFor("both executions are stored", async () => {
		const { body } = await control.admin.get<{ items: { plugin: string }[] }>("/api/v1/plugin-executions");
		return new Set(body.items.map(({ plugin }) => plugin)).size === 2;
	});

	const wait = "?wait=applied&waitMs=60000";
	const { body: started } = await control.admin.post<RecordingChange>(`/api/v1/recordings${wait}`, {});
	const recording = started.recording.id;
	await askForCalls(publisher, [["publish", "news.two", "{}"]], { tenant: "default" });
	await waitFor("the event is recorded", async () => {
		const { body } = await control.admin.get<Recording>(`/api/v1/recordings/${recording}`);
		return body.events === 1;
	});
	const replay = await control.admin.post<Replay>("/api/v1/plugins/asker/replays", { recording, version: "1.0.0" });
	const replayed = await waitFor("it is replayed", async () => {
		const { body } = await control.admin.get<Replay>(`/api/v1/plugins/asker/replays/${replay.body.id}`);
		return body.state === "running" ? undefined : body;
	});
	expect(replayed).toMatchObject({ state: "done", sums: { same: 1 } });
	expect(heard).toHaveLength(2);
	await control.admin.delete(`/api/v1/recordings/${recording}`);

	await control.admin.delete("/api/v1/plugins/asker?wait=applied&waitMs=60000");
	await waitFor("what the plugin kept is removed", () => control.logs().includes("what a deleted plugin kept was removed"));
	expect(denials(runtime.output())).toEqual([]);
	expect(denials(control.logs())).toEqual([]);
	expect(denials(bus.nats.output())).toEqual([]);
}, 120_000);

test("AU-07 a durable event whose reply subject is a request to purge or delete a stream, or another's subject, does nothing", async () => {
	const connection = await bus.as("control plane");
	const manager = await connection.jetstreamManager({ checkAPI: false });
	const stateBefore = (await manager.streams.info(STATE_STREAM)).state;
	const eventsBefore = (await manager.streams.info(EVENT_STREAM)).state;
	const targets = [
		`$JS.API.STREAM.PURGE.${EVENT_STREAM}`,
		`$JS.API.STREAM.PURGE.${STATE_STREAM}`,
		`$JS.API.STREAM.MSG.DELETE.${STATE_STREAM}`,
		`$JS.API.STREAM.DELETE.${STATE_STREAM}`,
		storeSubject("state", "globex", "notes", "key"),
		"hookbus.v1.dead.globex",
		"_INBOX_globex.x",
	];
	const other = await bus.as("other tenant's publisher");
	const reached: string[] = [];
	other.subscribe("_INBOX_globex.>", { callback: (_error, message) => reached.push(message.subject) });
	await other.flush();
	for (const reply of targets) publisher.publish("hooks.v1.default.on_after_response.a", "{}", { reply });
	await publisher.flush();
	await waitFor(
		"the stream took them all",
		async () => (await manager.streams.info(EVENT_STREAM)).state.last_seq >= eventsBefore.last_seq + targets.length,
	);
	expect((await manager.streams.info(STATE_STREAM)).state).toMatchObject({
		messages: stateBefore.messages,
		last_seq: stateBefore.last_seq,
	});
	expect(reached).toEqual([]);
}, 60_000);
