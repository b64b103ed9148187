// Events of plugins' own: they reach who listens, under the plugin's own subject, and never anything that would start a plugin.
import { setTimeout as delay } from "node:timers/promises";
import { ensureBus } from "@hookbus/foundation";
import { createPublishFunction, PERMISSION_OF } from "@hookbus/runtime";
import { EVENT_STREAM, isSubjectToken } from "@hookbus/schemas";
import fc from "fast-check";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { connectTo } from "../support/connect.js";
import { ask, refusal, rightsOf } from "../support/keeping-plugin.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { waitFor } from "../support/wait-for.js";

type Publisher = (topic: string, body?: string | Uint8Array, signal?: AbortSignal) => Promise<unknown>;

function publisher(connection: NatsConnection, rights = rightsOf("acme", "notes")): Publisher {
	const { publish } = createPublishFunction(connection);
	return (topic, body = "", signal) => ask(publish, { type: "publish", topic, body: Buffer.from(body) }, rights, signal);
}

let nats: StartedNats;
let connection: NatsConnection;
let publish: Publisher;
/** Everything that was published, by whomever. */
const heard: { subject: string; text: string }[] = [];

beforeAll(async () => {
	nats = await startNats();
	connection = await connectTo(nats.url);
	await ensureBus(connection, { replicas: 1, ackWaitMs: 30_000 });
	const listener = await connectTo(nats.url);
	listener.subscribe(">", {
		callback: (_failure, message) => {
			if (/^(\$JS|_INBOX)/.test(message.subject)) return;
			heard.push({ subject: message.subject, text: message.string() });
		},
	});
	await listener.flush();
	publish = publisher(connection);
});

describe("what a plugin publishes", () => {
	test("reaches who listens, under tenant, plugin and topic", async () => {
		await publish("order.paid", '{"total":3}');
		await publish("a.b.c.D_-9", Buffer.alloc(64 * 1024, "x"));
		await publish("empty");
		await waitFor("all of it is heard", () => heard.length >= 3);
		expect(heard.splice(0)).toEqual([
			{ subject: "hookbus.v1.published.acme.notes.order.paid", text: '{"total":3}' },
			{ subject: "hookbus.v1.published.acme.notes.a.b.c.D_-9", text: "x".repeat(64 * 1024) },
			{ subject: "hookbus.v1.published.acme.notes.empty", text: "" },
		]);
	});

	test("has at most 64 KiB", async () => {
		expect(await refusal(publish("large", Buffer.alloc(64 * 1024 + 1)))).toEqual({
			outcome: "guest_error",
			message: "publish: the body has 65537 bytes; at most 65536 are allowed",
		});
	});

	test.each([
		"",
		".",
		"a.",
		".a",
		"a..b",
		"*",
		">",
		"a.>",
		"a.*",
		"a b",
		"a\r\nPUB x 0",
		"ä",
		"a.b.c.d.e",
		"x".repeat(65),
		"x".repeat(100_000),
	])("cannot have the topic %j", async (topic) => {
		const { outcome, message } = await refusal(publish(topic));
		expect(outcome).toBe("guest_error");
		expect(message).toMatch(/^publish: the topic ".*" is not valid; a topic is 1 to 4 words joined by dots/);
		expect(message.length).toBeLessThan(300);
	});

	test("is refused at once when its topic is longer than any can be", () => {
		const { publish: asked } = createPublishFunction(connection);
		const topic = ".".repeat(5_000_000);
		const times = Array.from({ length: 5 }, () => {
			const startedAt = performance.now();
			expect(() => asked.prepare({ type: "publish", topic, body: new Uint8Array() }, rightsOf("acme", "notes"))).toThrow(
				/is not valid/,
			);
			return performance.now() - startedAt;
		});
		expect(Math.min(...times)).toBeLessThan(10);
	});

	test("BB-07 is never an event: topics that look like one stay below the plugin's own subject, and start nothing", async () => {
		const events = await (await connection.jetstreamManager()).streams.info(EVENT_STREAM);
		await publish("hooks.v1.acme.on_chat_message");
		await publish("on_after_response");
		for (const topic of ["hooks.v1.acme.on_after_response.a", "$JS.API.STREAM.DELETE.X", "_INBOX.a>", "../hooks"]) {
			expect(await refusal(publish(topic))).toMatchObject({ outcome: "guest_error" });
		}
		await waitFor("both are heard", () => heard.length >= 2);
		expect(heard.splice(0).map(({ subject }) => subject)).toEqual([
			"hookbus.v1.published.acme.notes.hooks.v1.acme.on_chat_message",
			"hookbus.v1.published.acme.notes.on_after_response",
		]);
		const after = await (await connection.jetstreamManager()).streams.info(EVENT_STREAM);
		expect(after.state.messages).toBe(events.state.messages);
	});

	test("BB-07 whatever the topic is: it is refused, or the subject is the plugin's own", () => {
		const { publish } = createPublishFunction(connection);
		const word = fc.oneof(
			fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
			fc.constantFrom("*", ">", "hooks", "v1", "$JS"),
			fc.string(),
		);
		const topic = fc.oneof(
			fc.string({ unit: "binary" }),
			fc.array(word, { maxLength: 6 }).map((words) => words.join(".")),
		);
		const own = "hookbus.v1.published.acme.notes.";
		fc.assert(
			fc.property(topic, (text) => {
				let subject: string;
				try {
					subject = publish.prepare({ type: "publish", topic: text, body: Buffer.alloc(0) }, rightsOf("acme", "notes")).subject;
				} catch (thrown) {
					expect(thrown).toMatchObject({ name: "HostCallError", outcome: "guest_error" });
					return;
				}
				expect(subject).toBe(`${own}${text}`);
				expect(subject.split(".").every(isSubjectToken)).toBe(true);
			}),
			{ numRuns: 2_000 },
		);
	});

	test("needs the permission publish, 16 times in an invocation at most", () => {
		const { publish } = createPublishFunction(connection);
		expect([PERMISSION_OF.publish, publish.callsPerInvocation]).toEqual(["publish", 16]);
	});
});

describe("when the bus is away", () => {
	test("FT-06 nothing is published late: the call fails, and works again when the bus is back", async () => {
		const server = await startNats();
		const late = publisher(await connectTo(server.url));
		await late("before");
		await server.kill9();
		await waitFor("it is known", async () => (await refusal(late("lost"))).message === "the bus is not connected");
		expect((await refusal(late("lost"))).outcome).toBe("host_error");
		await server.restart();
		const subjects: string[] = [];
		const listener = await connectTo(server.url);
		listener.subscribe("hookbus.>", { callback: (_failure, { subject }) => subjects.push(subject) });
		await listener.flush();
		await waitFor("it is back", async () => (await late("after").catch(() => undefined)) !== undefined);
		await waitFor("it is heard", () => subjects.length > 0);
		expect(subjects).toEqual(["hookbus.v1.published.acme.notes.after"]);
	});

	test("a bus that stands still costs the call its own time and no more", async () => {
		const server = await startNats();
		const hurried = publisher(await connectTo(server.url));
		await hurried("before");
		server.pause();
		const time = new AbortController();
		const call = hurried("slow", "", time.signal).then(
			() => "published",
			(thrown: unknown) => thrown,
		);
		await delay(30);
		time.abort();
		expect(await call).toBe(time.signal.reason);
		expect((await refusal(hurried("slow"))).message).toBe(
			"the event cannot be published: the bus did not take it within 2000 ms",
		);
		server.resume();
		await waitFor("it answers", async () => (await hurried("after").catch(() => undefined)) !== undefined);
	});
});
