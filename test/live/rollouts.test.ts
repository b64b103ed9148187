// A rollout in a real runtime: each conversation has one version from its first event to its last, a shadow changes nothing, and durable
// events are neither lost nor run twice because there are two versions.
import { bucketOf } from "@hookbus/runtime";
import {
	DEAD_LETTER_SUBJECTS,
	type DeadLetter,
	type ExecutionPage,
	eventSubject,
	type HookEvent,
	type RolloutChange,
	SHARE_BUCKETS,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { afterEvent, chatEvent } from "../support/events.js";
import { fixtureModule, moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf, zipOf } from "../support/plugin-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";

const WAIT = "?wait=applied&waitMs=60000";
const TENANT = { tenant: "default", assistant: "bot" };
const CHAT = [{ hook: "on_chat_message", effect: "gate" }];
const AFTER = [{ hook: "on_after_response", effect: "observe" }];

let control: StartedControlPlane;
let connection: NatsConnection;
const letters: DeadLetter[] = [];

beforeAll(async () => {
	const { url } = await startNats();
	control = await startTestControlPlane({ natsUrl: url });
	await control.admin.ready();
	connection = await connectTo(url);
	connection.subscribe(DEAD_LETTER_SUBJECTS, { callback: (_failure, message) => letters.push(message.json()) });
	const settings = { HOOKBUS_DURABLE_BACKOFF_MS: "20,40", HOOKBUS_BREAKER_FAILURES: "1000" };
	await spawnRuntime({ natsUrl: url, id: "real", settings });
});

type Hooks = readonly Record<string, unknown>[];

/** Runs 1.0.0, has 2.0.0 beside it, and begins the rollout. */
async function rollOut(name: string, hooks: Hooks, current: Uint8Array, candidate: Uint8Array, wanted: Record<string, unknown>) {
	closeAfter(() => control.admin.delete(`/api/v1/plugins/${name}${WAIT}`));
	await installEnabled(control.admin, manifestOf(name, "1.0.0", hooks), current);
	const file = await zipOf(manifestOf(name, "2.0.0", hooks), candidate);
	expect((await control.admin.update(name, { file }, "?activate=false")).status).toBe(200);
	const body = { version: "2.0.0", ...wanted };
	const answer = await control.admin.post<RolloutChange>(`/api/v1/plugins/${name}/rollouts${WAIT}`, body);
	expect([answer.status, answer.body]).toMatchObject([201, { applied: { runtimes: [{ id: "real", faults: [] }] } }]);
	return (end: "promote" | "stop") =>
		control.admin.post(`/api/v1/plugins/${name}/rollouts/${answer.body.rollout.id}/${end}${WAIT}`);
}

const answering = (hook: string, salt: string) => moduleReturning({ [hook]: { action: "continue" }, salt });

test("a conversation has one version in all its turns, the share decides which, and the promotion gives it to all", async () => {
	const [current, candidate] = [await answering("on_chat_message", "1"), await answering("on_chat_message", "2")];
	const end = await rollOut("canary", CHAT, current, candidate, { percentage: 40 });
	const versions = async (conversation: string) =>
		(await ask(connection, chatEvent("hello", { ...TENANT, conversation }))).trail.map(({ version }) => version);
	const seen = new Set<string>();
	for (let index = 0; index < 30; index += 1) {
		const conversation = `conv-${index}`;
		const expected = bucketOf("default", "canary", conversation) < 0.4 * SHARE_BUCKETS ? "2.0.0" : "1.0.0";
		seen.add(expected);
		for (let turn = 0; turn < 2; turn += 1) expect(await versions(conversation)).toEqual([expected]);
	}
	expect(seen.size).toBe(2);
	expect((await end("promote")).status).toBe(200);
	for (let index = 0; index < 10; index += 1) expect(await versions(`conv-${index}`)).toEqual(["2.0.0"]);
});

test("a shadow runs beside the current version, and blocks nothing", async () => {
	const current = await answering("on_chat_message", "1");
	const blocking = await moduleReturning({ on_chat_message: { action: "block", reason: "no", message: "no" } });
	await rollOut("shadowed", CHAT, current, blocking, { percentage: 100, mode: "shadow" });
	const verdict = await ask(connection, chatEvent("hello", TENANT));
	expect(verdict).toMatchObject({
		action: "continue",
		trail: [
			{ version: "1.0.0", mode: "enforce", action: "continue" },
			{ version: "2.0.0", mode: "shadow", action: "block" },
		],
	});
	const records = await waitFor("both executions are stored", async () => {
		const { body } = await control.admin.get<ExecutionPage>(`/api/v1/plugin-executions?event=${verdict.id}`);
		return body.items.length === 2 ? body.items : undefined;
	});
	expect(records.map(({ version, arm }) => [version, arm]).sort()).toEqual([
		["1.0.0", undefined],
		["2.0.0", "candidate"],
	]);
});

async function publish(event: HookEvent): Promise<void> {
	await connection.jetstream().publish(eventSubject(event), JSON.stringify(event));
}

async function recordsOf(event: HookEvent) {
	const { body } = await control.admin.get<ExecutionPage>(`/api/v1/plugin-executions?event=${event.id}`);
	return body.items.map(({ version, outcome, attempt }) => `${version} ${outcome} ${attempt}`).sort();
}

/** Waits until an event has exactly these records: version, outcome and attempt. */
async function recorded(event: HookEvent, ...expected: string[]): Promise<void> {
	const same = async () => (await recordsOf(event)).join() === expected.join();
	await waitFor(`recorded is ${expected.join()}`, same);
}

test("durable: a shadow that succeeds does not count for the current version, which is tried again until its dead letter", async () => {
	await rollOut("failing", AFTER, await fixtureModule("trap"), await answering("on_after_response", "2"), {
		percentage: 100,
		mode: "shadow",
	});
	const event = afterEvent(TENANT);
	await publish(event);
	await waitFor("the dead letter is there", () => letters.some(({ eventId }) => eventId === event.id));
	expect(letters.find(({ eventId }) => eventId === event.id)?.plugins).toEqual([{ plugin: "failing", outcome: "trap" }]);
	await recorded(event, "1.0.0 trap 3", "2.0.0 ok 1");
});

test("durable: a shadow that fails makes no dead letter, and is not tried again", async () => {
	await rollOut("trying", AFTER, await answering("on_after_response", "1"), await fixtureModule("trap"), {
		percentage: 100,
		mode: "shadow",
	});
	const event = afterEvent(TENANT);
	await publish(event);
	await recorded(event, "1.0.0 ok 1", "2.0.0 trap 1");
	await new Promise((resolve) => setTimeout(resolve, 300));
	expect(await recordsOf(event)).toEqual(["1.0.0 ok 1", "2.0.0 trap 1"]);
	expect(letters.filter(({ eventId }) => eventId === event.id)).toEqual([]);
});

test("durable: an event that one version has handled is not handled by the other when it comes again", async () => {
	const end = await rollOut("once", AFTER, await answering("on_after_response", "1"), await answering("on_after_response", "2"), {
		percentage: 100,
	});
	const event = afterEvent(TENANT);
	await publish(event);
	await recorded(event, "2.0.0 ok 1");
	expect((await end("stop")).status).toBe(200);
	await publish(event);
	const next = afterEvent(TENANT);
	await publish(next);
	await recorded(next, "1.0.0 ok 1");
	expect(await recordsOf(event)).toEqual(["2.0.0 ok 1"]);
});
