// The recorder by itself: what it takes is bounded, what it drops is counted, and nothing that happens to a copy reaches an event.
import { type EventAddress, type RoutedRecording, recordedSubject } from "@hookbus/schemas";
import { ErrorCode, type JetStreamClient, NatsError } from "nats";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { EventRecorder } from "../../services/runtime/src/recording/event-recorder.js";
import { waitFor } from "../support/wait-for.js";

const ADDRESS: EventAddress = { tenant: "acme", hook: "on_chat_message", assistant: "bot" };
const RECORDING: RoutedRecording = { id: "rec", maxEvents: 1_000, until: "2099-01-01T00:00:00Z" };
const BODY = Buffer.from("{}");

function recorderOn(publish: (subject: string) => Promise<void>) {
	const counts = { recorded: 0, dropped: 0 };
	const recorder = new EventRecorder({
		js: { publish: async (subject: string) => await publish(subject) } as unknown as JetStreamClient,
		metrics: {
			recorded: (result) => {
				counts[result] += 1;
			},
		},
		logger: pino({ level: "silent" }),
	});
	return { recorder, counts };
}

/** As the server refuses a second message on a subject that takes one. */
function taken(): NatsError {
	const refused = new NatsError("maximum messages per subject exceeded", ErrorCode.ApiError);
	refused.api_error = { code: 400, err_code: 10_077, description: "maximum messages per subject exceeded" };
	return refused;
}

describe("the recorder", () => {
	test.each([
		["events", BODY, 1_000, 256],
		["bytes", Buffer.alloc(1024 * 1024), 20, 8],
	])("HP-34 holds a bounded number of %s while the bus stands still, and counts the rest", async (_what, body, offered, kept) => {
		const { recorder, counts } = recorderOn(() => new Promise(() => undefined));
		for (let n = 0; n < offered; n += 1) recorder.offer([RECORDING], ADDRESS, body);
		expect(counts).toEqual({ recorded: 0, dropped: offered - kept });
	});

	test("keeps its own copy of what it was offered", async () => {
		const sent: string[] = [];
		const recorder = new EventRecorder({
			js: {
				publish: async (_subject: string, body: Uint8Array) => sent.push(Buffer.from(body).toString()),
			} as unknown as JetStreamClient,
			metrics: { recorded: () => undefined },
			logger: pino({ level: "silent" }),
		});
		const body = Buffer.from("first");
		recorder.offer([RECORDING], ADDRESS, body);
		body.fill("x");
		await waitFor("it is sent", () => sent.length > 0);
		expect(sent).toEqual(["first"]);
	});

	test("passes over places that others took, and ends with the last place", async () => {
		const tried: string[] = [];
		const { recorder, counts } = recorderOn(async (subject) => {
			tried.push(subject);
			if (!subject.endsWith(".3")) throw taken();
		});
		const recording = { ...RECORDING, maxEvents: 4 };
		for (let n = 0; n < 3; n += 1) recorder.offer([recording], ADDRESS, BODY);
		await waitFor("all places were tried", () => tried.length === 4);
		recorder.offer([recording], ADDRESS, BODY);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(tried).toEqual([1, 2, 3, 4].map((place) => recordedSubject("acme", "rec", place)));
		expect(counts).toEqual({ recorded: 1, dropped: 0 });
	});

	test("drops and counts an event that the bus does not take, and goes on with the next at the same place", async () => {
		const tried: string[] = [];
		const { recorder, counts } = recorderOn(async (subject) => {
			tried.push(subject);
			if (tried.length === 1) throw new NatsError("timeout", ErrorCode.Timeout);
		});
		for (let n = 0; n < 2; n += 1) recorder.offer([RECORDING], ADDRESS, BODY);
		await waitFor("both were tried", () => tried.length === 2);
		expect(tried).toEqual(Array(2).fill(recordedSubject("acme", "rec", 1)));
		await waitFor("both are counted", () => counts.recorded === 1 && counts.dropped === 1);
	});

	test.each([
		["another hook", { hook: "on_tool_call" as const }],
		["another assistant", { assistant: "other" }],
		["a time that is over", { until: "2020-01-01T00:00:00Z" }],
	])("takes nothing for a recording of %s", async (_what, changes) => {
		const tried: string[] = [];
		const { recorder } = recorderOn(async (subject) => void tried.push(subject));
		recorder.offer([{ ...RECORDING, ...changes }], ADDRESS, BODY);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(tried).toEqual([]);
	});
});
