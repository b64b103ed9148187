// Bad input on the bus: it gets a clear answer, nothing else happens, and the subscription lives on.
import { setEngineFlags } from "@hookbus/runtime";
import { eventSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask, askBytes } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";

setEngineFlags();

const subject = eventSubject({ tenant: "acme", hook: "on_chat_message", assistant: "support" });

describe("bad input on the bus", () => {
	let connection: NatsConnection;
	let natsUrl: string;

	beforeAll(async () => {
		const nats = await startNats();
		natsUrl = nats.url;
		connection = await connectTo(nats.url);
		await startRuntimeHere({ natsUrl: nats.url });
		const module = await moduleReturning({ on_chat_message: { action: "continue" } });
		await new TestRoutes(connection).apply([{ name: "plain", module, bindings: [{ hook: "on_chat_message", effect: "gate" }] }]);
	});

	beforeEach(async () => {
		// Whatever the test before sent: good events are still answered.
		expect((await ask(connection, chatEvent("still there?"))).action).toBe("continue");
	});

	const valid = chatEvent("hello");
	const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
	const cases: [string, string | Uint8Array, string][] = [
		["an empty body", "", "event_not_json"],
		["no JSON", "hello", "event_not_json"],
		["truncated JSON", JSON.stringify(valid).slice(0, -5), "event_not_json"],
		["bytes after the JSON", `${JSON.stringify(valid)}{}`, "event_not_json"],
		[
			"invalid UTF-8",
			Buffer.concat([Buffer.from('{"spec":"1","x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
			"event_not_json",
		],
		["another version of the format", JSON.stringify({ ...valid, spec: "9" }), "event_invalid"],
		["a list", "[]", "event_invalid"],
		["null", "null", "event_invalid"],
		["a missing id", JSON.stringify({ ...valid, id: undefined }), "event_invalid"],
		["no messages", JSON.stringify({ ...valid, data: { messages: [] } }), "event_invalid"],
		["a deep bomb", nested(100_000), "event_invalid"],
		["deep data", JSON.stringify(valid).replace('"parts":[', `"x":${nested(200)},"parts":[`), "event_invalid"],
		["__proto__", JSON.stringify(valid).replace('"data":{', '"data":{"__proto__":{"polluted":true},'), "event_invalid"],
		[
			"an escaped __proto__",
			JSON.stringify(valid).replace('"data":{', '"data":{"\\u005f_proto__":{"polluted":true},'),
			"event_invalid",
		],
	];

	test.each(cases)("BB-01 %s is refused with a code", async (_name, body, code) => {
		const problem = await askBytes(connection, subject, body);
		expect(problem.code).toBe(code);
		expect(problem.status).toBeGreaterThanOrEqual(400);
		expect(problem.detail).not.toContain("node_modules");
		expect(({} as Record<string, unknown>).polluted).toBeUndefined();
	});

	test("BB-01 an event over the size limit is refused before any plugin runs, one at the limit is taken", async () => {
		const fill = (bytes: number) => {
			const event = chatEvent("");
			const empty = Buffer.byteLength(JSON.stringify(event));
			return {
				...event,
				data: { messages: [{ role: "user" as const, parts: [{ type: "text" as const, text: "x".repeat(bytes - empty) }] }] },
			};
		};
		const limit = 256 * 1024;
		expect((await ask(connection, fill(limit))).action).toBe("continue");
		expect((await askBytes(connection, subject, JSON.stringify(fill(limit + 1)))).code).toBe("event_too_large");
	});

	test.each([0, -1, 1e12, "NaN", 1.5])("BB-02 a deadline of %s is refused", async (deadlineMs) => {
		const body = JSON.stringify({ ...chatEvent("hello"), deadlineMs });
		expect(await askBytes(connection, subject, body)).toMatchObject({ code: "event_invalid", errors: [{ path: "/deadlineMs" }] });
	});

	test("BB-02 headers that nobody asked for change nothing", async () => {
		const { headers } = await import("nats");
		const head = headers();
		head.append("Nats-Msg-Id", "a");
		head.append("Nats-Msg-Id", "b");
		head.append("X-Long", "y".repeat(60_000));
		const reply = await connection.request(subject, JSON.stringify(chatEvent("hello")), { timeout: 2_000, headers: head });
		expect(reply.json()).toMatchObject({ action: "continue" });
	});

	test.each([{ tenant: "other" }, { assistant: "sales" }])(
		"BB-03 an event that says %j on another's subject is refused",
		async (changes) => {
			const problem = await askBytes(connection, subject, JSON.stringify(chatEvent("hello", changes)));
			expect(problem.code).toBe("event_misaddressed");
		},
	);

	test("BB-04 a request whose reply subject is no inbox of the tenant's clients is not answered", async () => {
		const manager = await connection.jetstreamManager();
		await manager.streams.add({ name: "PRECIOUS", subjects: ["precious"] });
		await connection.jetstream().publish("precious", "keep me");
		const refused = [
			"$JS.API.STREAM.DELETE.PRECIOUS",
			"$JS.API.STREAM.PURGE.PRECIOUS",
			"_INBOX_other.abc",
			"_INBOX_acmex.abc",
			"_INBOX.",
			"_INBOX.a..b",
			"precious",
			subject,
			"hookbus.v1.executions.acme",
		];
		const spy = await connectTo(natsUrl);
		const seen: string[] = [];
		for (const reply of refused.filter((candidate) => !candidate.endsWith(".") && !candidate.includes(".."))) {
			spy.subscribe(reply, { callback: (_failure, message) => seen.push(`${reply} <- ${message.string().slice(0, 60)}`) });
		}
		await spy.flush();
		for (const reply of refused) connection.publish(subject, JSON.stringify(chatEvent("crafted")), { reply });
		connection.publish(subject, JSON.stringify(chatEvent("no reply at all")));
		await connection.flush();
		// An answered request afterwards shows that the crafted ones have been dealt with.
		expect((await ask(connection, chatEvent("after"))).action).toBe("continue");
		await spy.flush();
		expect(seen.filter((line) => line.includes('"action"'))).toEqual([]);
		expect((await manager.streams.info("PRECIOUS")).state.messages).toBe(1);
	});

	test("BB-04 inboxes of any NATS client and of the tenant are answered", async () => {
		for (const inbox of ["_INBOX.plainClient", "_INBOX_acme.abc.1"]) {
			const subscription = connection.subscribe(inbox, { max: 1 });
			connection.publish(subject, JSON.stringify(chatEvent("hello")), { reply: inbox });
			for await (const message of subscription) expect(message.json()).toMatchObject({ action: "continue" });
		}
	});
});
