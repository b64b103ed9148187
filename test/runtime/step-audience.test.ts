// A step for a part of the events: who gets it, always the same ones, and no trace of it anywhere else.
import { bucketOf, type HookCall, isForEvent, setEngineFlags, type ThreadStep } from "@hookbus/runtime";
import { type HookEvent, SHARE_BUCKETS, type Verdict } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { settleUnrun } from "../../services/runtime/src/threads/settle-in-main.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";

setEngineFlags();

describe("buckets", () => {
	// Written down, because runtimes of different releases must agree: never change these numbers.
	const known: [string, string, string, number][] = [
		["acme", "guard", "conv-1", 58_186],
		["acme", "guard", "conv-2", 281_530],
		["acme", "other", "conv-1", 215_085],
		["beta", "guard", "ü", 460_547],
	];
	test.each(known)("tenant %s, plugin %s, %s: %i", (tenant, plugin, subject, bucket) => {
		expect(bucketOf(tenant, plugin, subject)).toBe(bucket);
	});

	test("conversations spread evenly, and each plugin has its own ones", () => {
		const tenth = (plugin: string) =>
			Array.from({ length: 20_000 }, (_, index) => bucketOf("acme", plugin, `conv-${index}`) < SHARE_BUCKETS / 10);
		const [one, two] = [tenth("one"), tenth("two")] as const;
		const count = (values: boolean[]) => values.filter(Boolean).length;
		expect(count(one)).toBeGreaterThan(1_800);
		expect(count(one)).toBeLessThan(2_200);
		const both = count(one.map((value, index) => value && two[index] === true));
		expect(both).toBeGreaterThan(120);
		expect(both).toBeLessThan(280);
	});

	test("ranges that touch share out every event, each to exactly one", () => {
		const event = (index: number) => chatEvent("x", { conversation: `c-${index}` }) as HookEvent;
		const steps = [0, 50_000, 400_000].map((from, index, all) => ({
			name: "p",
			share: { from, below: all[index + 1] ?? SHARE_BUCKETS },
		}));
		for (let index = 0; index < 2_000; index += 1) {
			expect(steps.filter((step) => isForEvent(step, event(index)))).toHaveLength(1);
		}
	});
});

describe("an event that waited until its deadline", () => {
	const step = (name: string, optedIn?: ReadonlySet<string>): ThreadStep => ({
		plugin: name,
		name,
		image: name,
		version: "1.0.0",
		digest: "ab".repeat(32),
		effect: "gate",
		mode: "enforce",
		onError: "closed",
		order: 1,
		timeoutMs: 100,
		paths: [],
		...(optedIn === undefined ? {} : { optedIn }),
	});

	/** What is answered when no step has run. */
	function unrun(user: string): Verdict {
		const event = chatEvent("hello", { user: { id: user } });
		const call: HookCall = {
			kind: "reply",
			address: { tenant: "acme", hook: event.hook, assistant: event.assistant },
			chain: { id: 1, tenant: "acme", hook: event.hook, revision: 1, waits: false, steps: [step("mine", new Set(["u-1"]))] },
			receivedAt: 0,
			attempt: 1,
			checkExpiry: false,
			body: Buffer.from(JSON.stringify(event)),
			crashes: 0,
			nextFrameAt: Number.POSITIVE_INFINITY,
			dueAt: undefined,
			finish: () => undefined,
		};
		const { reply } = settleUnrun(call, "timeout", "no time was left", "runtime-1", 100);
		return JSON.parse(Buffer.from(reply ?? []).toString()) as Verdict;
	}

	test("is blocked by a closed gate that is there for it", () => {
		expect(unrun("u-1")).toMatchObject({ action: "blocked", trail: [{ plugin: "mine", outcome: "timeout" }] });
	});

	test("is not blocked by one that is not", () => {
		expect(unrun("u-2")).toMatchObject({ action: "continue", trail: [] });
	});
});

describe("in a runtime", () => {
	const hook = "on_chat_message" as const;
	let connection: NatsConnection;
	let routes: TestRoutes;

	beforeAll(async () => {
		const { url } = await startNats();
		connection = await connectTo(url);
		await startRuntimeHere({ natsUrl: url });
		routes = new TestRoutes(connection);
	});

	const ran = async (changes: Parameters<typeof chatEvent>[1]) =>
		(await ask(connection, chatEvent("hello", changes))).trail.map(({ plugin }) => plugin);

	test("a share runs for its conversations, in every turn, and leaves no trail entry for the others", async () => {
		const module = await moduleReturning({ [hook]: { action: "continue" } });
		const below = 500_000;
		await routes.apply([
			{ name: "always", module, bindings: [{ hook, effect: "gate", order: 1 }] },
			{ name: "half", module, bindings: [{ hook, effect: "gate", order: 2, share: { from: 0, below } }] },
		]);
		for (let index = 0; index < 20; index += 1) {
			const conversation = `conv-${index}`;
			const expected = bucketOf("acme", "half", conversation) < below ? ["always", "half"] : ["always"];
			expect(await ran({ conversation })).toEqual(expected);
			expect(await ran({ conversation })).toEqual(expected);
		}
		// Without a conversation the event itself decides.
		const { conversation: _none, ...alone } = chatEvent("hello");
		const { trail } = await ask(connection, alone);
		expect(trail).toHaveLength(bucketOf("acme", "half", alone.id) < below ? 2 : 1);
	});

	test("a step with opt-in runs for users in its list and for nobody else", async () => {
		const module = await moduleReturning({ [hook]: { action: "continue" } });
		await routes.apply([{ name: "beta", module, bindings: [{ hook, effect: "gate", users: ["u-1", "u-2"] }] }]);
		expect(await ran({ user: { id: "u-1" } })).toEqual(["beta"]);
		expect(await ran({ user: { id: "u-3" } })).toEqual([]);
		expect(await ran({})).toEqual([]);
	});
});
