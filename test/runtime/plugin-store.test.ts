// What plugins keep: values, keys used once and files, from several runtimes at the same time, each plugin inside its own limits
// and out of reach of all others, and what happens when the bus is away.
import { setTimeout as delay } from "node:timers/promises";
import { ensureBus } from "@hookbus/foundation";
import { PERMISSION_OF, STORE_PACE } from "@hookbus/runtime";
import { STATE_STREAM, STATE_SUBJECTS, storedName, storeSubject, storeSubjects } from "@hookbus/schemas";
import fc from "fast-check";
import { connect, DiscardPolicy, type JetStreamManager, type NatsConnection, RetentionPolicy } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { type KeepingPlugin, type KeepingRuntime, keepingRuntime, refusal, rightsOf } from "../support/keeping-plugin.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { waitFor } from "../support/wait-for.js";

const BUS = { replicas: 1, ackWaitMs: 30_000 };
/** Nothing waits long, so that a test sees it. */
const QUICK = { sweepMs: 50, graceMs: 100, idleMs: 60_000, countMs: 60_000 };

let nats: StartedNats;
let manager: JetStreamManager;
/** Two runtimes whose clock moves only when a test says so: no test is slower or faster than what it keeps. */
let one: KeepingRuntime;
let two: KeepingRuntime;
let now = Date.now();
const clock = () => now;

function pass(ms: number): void {
	now += ms;
}

beforeAll(async () => {
	nats = await startNats();
	const connection = await connectTo(nats.url);
	await ensureBus(connection, BUS);
	manager = await connection.jetstreamManager();
	one = await keepingRuntime(nats.url, { clock });
	two = await keepingRuntime(nats.url, { clock });
});

let plugins = 0;

/** A plugin that has kept nothing, in both runtimes. */
function freshPlugin(limits: Parameters<typeof rightsOf>[2] = {}, tenant = "acme"): [KeepingPlugin, KeepingPlugin] {
	plugins += 1;
	const rights = rightsOf(tenant, `plugin-${plugins}`, limits);
	return [one.plugin(rights), two.plugin(rights)];
}

/** Subjects that have a message, of everybody or of one plugin. */
async function subjects(filter = STATE_SUBJECTS): Promise<string[]> {
	const { state } = await manager.streams.info(STATE_STREAM, { subjects_filter: filter });
	return Object.keys(state.subjects ?? {});
}

function subjectsOf({ rights }: KeepingPlugin): Promise<string[]> {
	return subjects(storeSubjects("state", rights.tenant, rights.plugin));
}

async function untilDisconnected(connection: NatsConnection): Promise<void> {
	for await (const { type } of connection.status()) if (type === "disconnect") return;
}

describe("values", () => {
	test("are kept, replaced and removed, and every runtime sees that at once", async () => {
		const [here, there] = freshPlugin();
		expect(await here.get("colour")).toBeUndefined();
		expect(await here.set("colour", "red")).toBe(true);
		expect(await there.get("colour")).toBe("red");
		expect(await there.set("colour", "blue")).toBe(true);
		expect(await here.get("colour")).toBe("blue");
		await here.delete("colour");
		expect(await there.get("colour")).toBeUndefined();
		await there.delete("colour");
		await there.delete("was never there");
		expect(await there.set("colour", "")).toBe(true);
		expect(await here.get("colour")).toBe("");
	});

	test("of any bytes come back as they were, up to 64 KiB", async () => {
		const [{ functions, rights, ...plugin }] = freshPlugin();
		const value = Uint8Array.from({ length: 64 * 1024 }, (_, index) => (index * 7) % 256);
		expect(await plugin.set("bytes", value)).toBe(true);
		const { value: kept } = await functions.state_get.run({ type: "state_get", key: "bytes" }, rights, {
			signal: AbortSignal.timeout(10_000),
		});
		expect(Buffer.compare(kept as Uint8Array, value)).toBe(0);
		expect(await refusal(plugin.set("bytes", Buffer.alloc(64 * 1024 + 1)))).toEqual({
			outcome: "guest_error",
			message: "state_set: the value has 65537 bytes; at most 65536 are allowed",
		});
	});

	test("end when their time is over", async () => {
		const [here, there] = freshPlugin();
		await here.set("short", "1", 1_000);
		await here.set("long", "1", 60_000);
		pass(999);
		expect([await here.get("short"), await there.get("short")]).toEqual(["1", "1"]);
		pass(1);
		expect([await here.get("short"), await there.get("short"), await there.get("long")]).toEqual([undefined, undefined, "1"]);
		await there.set("short", "2");
		expect(await here.get("short")).toBe("2");
	});

	test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 4_000 * 24 * 3_600_000])(
		"cannot be kept for %d ms",
		async (ttlMs) => {
			const [plugin] = freshPlugin();
			expect(await refusal(plugin.set("key", "value", ttlMs))).toMatchObject({ outcome: "guest_error" });
			expect(await refusal(plugin.increment("key", 1, ttlMs))).toMatchObject({ outcome: "guest_error" });
		},
	);
});

describe("what is gone", () => {
	test("leaves the stream soon: what was removed, what has ended, and what another runtime left behind", async () => {
		const runtime = await keepingRuntime(nats.url, { pace: QUICK });
		const rights = rightsOf("acme", "tidy");
		const plugin = runtime.plugin(rights);
		for (let index = 0; index < 20; index += 1) await plugin.set(`removed-${index}`, "x");
		for (let index = 0; index < 20; index += 1) await plugin.set(`ended-${index}`, "x", 20);
		await plugin.set("stays", "x");
		for (let index = 0; index < 20; index += 1) await plugin.delete(`removed-${index}`);
		const kept = storeSubject("state", "acme", "tidy", "sstays");
		await waitFor("only what is alive is left", async () => (await subjectsOf(plugin)).join() === kept);
		expect(await plugin.get("stays")).toBe("x");
	});

	test("is taken out by whoever meets it, when nobody else did", async () => {
		const [reader] = freshPlugin();
		const writer = await keepingRuntime(nats.url, { clock });
		await writer.plugin(reader.rights).set("ended", "x", 1_000);
		writer.stop();
		pass(1_000 + STORE_PACE.graceMs - 1);
		expect(await reader.get("ended")).toBeUndefined();
		expect(await subjectsOf(reader)).toHaveLength(1);
		pass(1);
		expect(await reader.get("ended")).toBeUndefined();
		await waitFor("it is gone", async () => (await subjectsOf(reader)).length === 0, { timeoutMs: 5_000 });
	});

	test("is taken out by the next who keeps something, when the runtime that wrote it is gone", async () => {
		const [plugin] = freshPlugin();
		const writer = await keepingRuntime(nats.url, { clock });
		await writer.plugin(plugin.rights).set("ended", "x", 1_000);
		writer.stop();
		pass(1_000 + 3 * 60_000);
		const next = await keepingRuntime(nats.url, { clock, pace: QUICK });
		await next.plugin(plugin.rights).set("alive", "x");
		await waitFor("only what is alive is left", async () => (await subjectsOf(plugin)).length === 1, { timeoutMs: 5_000 });
		expect(await plugin.get("alive")).toBe("x");
	});

	test("stays gone for a runtime whose clock is slow", async () => {
		const [plugin] = freshPlugin();
		await plugin.set("key", "value");
		await plugin.delete("key");
		expect(await subjectsOf(plugin)).toHaveLength(1);
		const slow = await keepingRuntime(nats.url, { clock: () => now - 3_600_000 });
		expect(await slow.plugin(plugin.rights).get("key")).toBeUndefined();
		expect(await slow.plugin(plugin.rights).set("other", "value")).toBe(true);
	});

	test("never piles up: a flood of values that are removed or end at once is bounded on the disk", async () => {
		const [plugin] = freshPlugin({ stateBytes: 100_000 });
		const churn = async (from: number) => {
			for (let index = 0; index < 400; index += 1) {
				await plugin.set(`removed-${from}-${index}`, "x");
				await plugin.delete(`removed-${from}-${index}`);
				await plugin.set(`ended-${from}-${index}`, "x", 1);
				pass(1);
			}
		};
		await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(churn));
		expect((await subjectsOf(plugin)).length).toBeLessThan(2_500);
	});
});

describe("sums", () => {
	test("from two runtimes at once lose nothing: 2 × 200 additions are 400, each with a sum of its own", async () => {
		const [here, there] = freshPlugin();
		const sums = await Promise.all(
			[here, there].flatMap((plugin) => Array.from({ length: 200 }, () => plugin.increment("visits"))),
		);
		expect([...sums].sort((a, b) => Number(a - b))).toEqual(Array.from({ length: 400 }, (_, index) => BigInt(index + 1)));
		expect(await here.get("visits")).toBe("400");
	});

	test("go down and past 53 bits, and begin with what was set", async () => {
		const [plugin] = freshPlugin();
		expect(await plugin.increment("down", -5)).toBe(-5n);
		await plugin.set("big", "9007199254740993");
		expect(await plugin.increment("big", 2)).toBe(9007199254740995n);
	});

	test.each(["", "1.5", "ten", " 1", "9223372036854775808", "1".repeat(100)])("need a whole number, not %j", async (value) => {
		const [plugin] = freshPlugin();
		await plugin.set("key", value);
		expect(await refusal(plugin.increment("key"))).toEqual({
			outcome: "guest_error",
			message: 'state_increment: what is kept under "key" is no whole number of 64 bits',
		});
		expect(await plugin.get("key")).toBe(value);
	});

	test("that leave 64 bits are refused", async () => {
		const [plugin] = freshPlugin();
		await plugin.set("key", String(2n ** 63n - 1n));
		expect((await refusal(plugin.increment("key"))).message).toBe('state_increment: the sum under "key" leaves 64 bits');
		expect(await plugin.increment("key", -1)).toBe(2n ** 63n - 2n);
	});

	test("live as long as the first addition said, and begin anew", async () => {
		const [here, there] = freshPlugin();
		expect(await here.increment("window", 1, 1_000)).toBe(1n);
		pass(999);
		expect(await there.increment("window", 1, 60_000)).toBe(2n);
		pass(1);
		expect(await there.increment("window", 1, 60_000)).toBe(1n);
	});
});

describe("once", () => {
	test("of 50 callers in two runtimes exactly one is the first, for each key", async () => {
		const [here, there] = freshPlugin();
		for (const key of ["mail-1", "mail-2", "mail-3"]) {
			const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? here : there).once(key)));
			expect(answers.filter((isFirst) => isFirst)).toHaveLength(1);
		}
		expect(await there.once("mail-1")).toBe(false);
	});

	test("a key is new again when its time is over, for one of 50", async () => {
		const [here, there] = freshPlugin();
		for (let round = 0; round < 3; round += 1) {
			const answers = await Promise.all(
				Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? here : there).once("job", 1_000)),
			);
			expect(answers.filter((isFirst) => isFirst)).toHaveLength(1);
			pass(1_000);
		}
	});

	test("a key that was used and a key of state are two things", async () => {
		const [plugin] = freshPlugin();
		await plugin.set("x", "value");
		expect(await plugin.once("x")).toBe(true);
		expect(await plugin.get("x")).toBe("value");
		await plugin.delete("x");
		expect(await plugin.once("x")).toBe(false);
		expect([await plugin.get("ox"), await plugin.get("sx"), await plugin.once("ox"), await plugin.once("sx")]).toEqual([
			undefined,
			undefined,
			true,
			true,
		]);
	});

	test.each([0, -1, 1.5, Number.NaN, 7 * 24 * 3_600_000 + 1])("does not take a time of %d ms", async (ttlMs) => {
		const [plugin] = freshPlugin();
		expect(await refusal(plugin.once("key", ttlMs))).toEqual({
			outcome: "guest_error",
			message: `once: the time is ${ttlMs} ms; 1 to 604800000 ms are allowed`,
		});
	});
});

describe("limits", () => {
	test("a flood of state is held to its limit, and nobody else notices", async () => {
		const [here, there] = freshPlugin({ stateBytes: 20_000 });
		const [neighbour] = freshPlugin();
		const sameNameElsewhere = one.plugin(rightsOf("globex", here.rights.plugin));
		await neighbour.set("key", "neighbour");
		await sameNameElsewhere.set("key-1", "elsewhere");
		const flood = async (plugin: KeepingPlugin, from: string) => {
			let kept = 0;
			for (let index = 0; index < 100; index += 1) if (await plugin.set(`${from}${index}`, "x".repeat(997))) kept += 1;
			return kept;
		};
		const [first, second] = await Promise.all([flood(here, "a"), flood(there, "b")]);
		// 20 values of 1,000 bytes fit; each runtime may pass that by what the other wrote in the last milliseconds.
		expect(first + second).toBeGreaterThanOrEqual(19);
		expect(first + second).toBeLessThanOrEqual(30);
		expect(await subjectsOf(here)).toHaveLength(first + second);
		expect(await neighbour.set("more", "x".repeat(60_000))).toBe(true);
		expect(await sameNameElsewhere.set("more", "x".repeat(60_000))).toBe(true);
		expect([await neighbour.get("key"), await sameNameElsewhere.get("key-1")]).toEqual(["neighbour", "elsewhere"]);
	});

	test("what does not fit is not kept, what was there stays, and what is not larger still fits", async () => {
		const [plugin] = freshPlugin({ stateBytes: 100 });
		// One byte of each name says that it is a key of state.
		expect(await plugin.set("four", "x".repeat(95))).toBe(true);
		expect(await plugin.set("four", "y".repeat(96))).toBe(false);
		expect(await plugin.get("four")).toBe("x".repeat(95));
		expect(await plugin.set("k", "")).toBe(false);
		expect(await plugin.set("four", "z".repeat(95))).toBe(true);
		expect(await plugin.set("four", "z".repeat(90))).toBe(true);
		expect(await plugin.set("k", "abc")).toBe(true);
		expect(await plugin.set("k", "abcd")).toBe(false);
	});

	test("a sum and a key used once that do not fit are errors that name the limit", async () => {
		const [plugin] = freshPlugin({ stateBytes: 30 });
		expect(await plugin.increment("count")).toBe(1n);
		expect(await plugin.once("job")).toBe(true);
		expect(await plugin.set("fill", "x".repeat(14))).toBe(true);
		const limit =
			"the plugin may keep 30 bytes of names and values (limits.stateBytes) under 10000 names, as long as its tenant has room left";
		expect(await refusal(plugin.increment("other"))).toEqual({
			outcome: "guest_error",
			message: `state_increment: the sum under "other" does not fit: ${limit}`,
		});
		expect(await refusal(plugin.once("other"))).toEqual({
			outcome: "guest_error",
			message: `once: the key "other" does not fit: ${limit}`,
		});
		expect(await plugin.once("job")).toBe(false);
		expect(await plugin.increment("count")).toBe(2n);
	});

	test("removing makes room at once, here and in the other runtime", async () => {
		const [here, there] = freshPlugin({ stateBytes: 100 });
		expect(await here.set("a", "x".repeat(90))).toBe(true);
		await waitFor("the other runtime knows", async () => !(await there.set("b", "x".repeat(90))));
		await here.delete("a");
		expect(await here.set("b", "x".repeat(90))).toBe(true);
		await here.delete("b");
		await waitFor("the other runtime knows", () => there.set("c", "x".repeat(90)));
		expect(await here.get("c")).toBe("x".repeat(90));
	});

	test("what has ended makes room", async () => {
		const [here, there] = freshPlugin({ stateBytes: 100 });
		expect(await here.set("a", "x".repeat(90), 1_000)).toBe(true);
		await waitFor("the other runtime knows", async () => !(await there.set("b", "x".repeat(90))));
		pass(999);
		expect(await here.set("b", "x".repeat(90))).toBe(false);
		pass(1);
		expect(await there.set("b", "x".repeat(90))).toBe(true);
		expect(await there.set("c", "x".repeat(90))).toBe(false);
	});

	test("what an operator took out of the stream makes room", async () => {
		const [plugin] = freshPlugin({ stateBytes: 100 });
		expect(await plugin.set("a", "x".repeat(90))).toBe(true);
		await manager.streams.purge(STATE_STREAM, { filter: storeSubjects("state", "acme", plugin.rights.plugin) });
		expect(await plugin.set("b", "x".repeat(90))).toBe(false);
		pass(1_000);
		expect(await plugin.set("b", "x".repeat(90))).toBe(true);
	});

	test("there is an end to names too", async () => {
		const [plugin] = freshPlugin({ stateBytes: 10_000_000 });
		const { tenant, plugin: name } = plugin.rights;
		const js = one.connection.jetstream();
		for (let from = 0; from < 9_998; from += 1_000) {
			const count = Math.min(1_000, 9_998 - from);
			await Promise.all(
				Array.from({ length: count }, (_, index) => js.publish(storeSubject("state", tenant, name, `s${from + index}`), "x")),
			);
		}
		expect([await plugin.set("a", "x"), await plugin.once("b"), await plugin.set("c", "x")]).toEqual([true, true, false]);
		expect((await refusal(plugin.once("d"))).message).toContain("under 10000 names");
		expect(await plugin.set("17", "another")).toBe(true);
		await plugin.delete("17");
		expect(await plugin.set("c", "x")).toBe(true);
	});

	test("a bounded number of ledgers is followed, none for long, and none after the stop", async () => {
		const server = await startNats();
		const connection = await connectTo(server.url);
		await ensureBus(connection, BUS);
		const { streams } = await connection.jetstreamManager();
		const runtime = await keepingRuntime(server.url, { pace: { ...QUICK, idleMs: 1_500 }, maxLedgers: 128 });
		const followed = async () => (await streams.info(STATE_STREAM)).state.consumer_count;
		let most = 0;
		for (let index = 0; index < 160; index += 1) {
			await runtime.plugin(rightsOf("many", `p${index}`)).set("key", "value");
			if (index % 10 === 9) most = Math.max(most, await followed());
		}
		expect(most).toBeGreaterThan(100);
		expect(most).toBeLessThanOrEqual(130);
		await waitFor("nothing is used any more", async () => (await followed()) === 0);
		runtime.stop();
		const patient = await keepingRuntime(server.url);
		await patient.plugin(rightsOf("many", "p0")).set("key", "again");
		expect(await followed()).toBe(1);
		patient.stop();
		await waitFor("nothing is followed", async () => (await followed()) === 0, { timeoutMs: 4_000 });
	});
});

describe("names", () => {
	test("HP-29 two tenants with the same plugin and the same keys never see each other's", async () => {
		const sides = ["acme", "globex"].map((tenant) => ({
			canary: `canary of ${tenant}`,
			plugin: one.plugin(rightsOf(tenant, "twin", { stateBytes: 1_000_000 })),
		}));
		const keys = ["a", "a.b", "*", ">", "../twin", "twin.key", "hookbus.v1.state.globex.twin.YQ"];
		const files = ["a", "a.b", "*", ">", "twin/key"];
		await Promise.all(
			sides.flatMap(({ canary, plugin }) => [
				...keys.map((key) => plugin.set(key, canary)),
				...files.map((path) => plugin.writeFile(path, canary)),
				plugin.writeFile(`only-${canary}`, canary),
			]),
		);
		for (const { canary, plugin } of sides) {
			for (const key of keys) expect(await plugin.get(key)).toBe(canary);
			for (const path of files) expect(await plugin.readFile(path)).toBe(canary);
			expect(await plugin.listFiles()).toEqual([...files, `only-${canary}`].sort());
			expect(await plugin.increment("count")).toBe(1n);
			expect(await plugin.once("job")).toBe(true);
		}
		const [acme, globex] = sides;
		for (const key of keys) await acme?.plugin.delete(key);
		for (const key of keys) expect(await globex?.plugin.get(key)).toBe(globex?.canary);
	});

	test.each(["a.b.c", "*", ">", "a.>", " ", "\u0000", "a\u0000b", "\r\n", "ключ", "鍵", "🔑", "__proto__", "k".repeat(256)])(
		"%j is a key like any other",
		async (key) => {
			const [here, there] = freshPlugin();
			await here.set(key, "value");
			expect(await there.get(key)).toBe("value");
			expect(await there.increment(`${key.slice(0, 200)}#`)).toBe(1n);
			expect(await here.once(key)).toBe(true);
			await there.delete(key);
			expect(await here.get(key)).toBeUndefined();
		},
	);

	test.each([
		["", "is empty"],
		["k".repeat(257), "has more than 256 bytes"],
		["鍵".repeat(86), "has more than 256 bytes"],
		["\ud800", "is no valid Unicode text"],
	])("%j is no key", async (key, rule) => {
		const [plugin] = freshPlugin();
		const calls = [plugin.get(key), plugin.set(key, "x"), plugin.delete(key), plugin.increment(key), plugin.once(key)];
		const refusals = await Promise.all(calls.map(refusal));
		const names = ["state_get", "state_set", "state_delete", "state_increment", "once"];
		expect(refusals).toEqual(names.map((name) => ({ outcome: "guest_error", message: `${name}: the key ${rule}` })));
	});

	test("any text is a key that comes back and stays inside its plugin's subjects", async () => {
		const [plugin] = freshPlugin({ stateBytes: 10_000_000 });
		const { tenant, plugin: name } = plugin.rights;
		const own = storeSubjects("state", tenant, name).slice(0, -1);
		const before = new Set(await subjects());
		const key = fc
			.oneof(
				fc.string({ unit: "binary", minLength: 1 }),
				fc.string({ unit: "grapheme", minLength: 1 }),
				fc.string({ minLength: 1 }),
			)
			.filter((text) => Buffer.byteLength(text) <= 256);
		const keys = new Set<string>();
		await fc.assert(
			fc.asyncProperty(key, async (text) => {
				keys.add(text);
				await plugin.set(text, `value of ${text}`);
				expect(await plugin.get(text)).toBe(`value of ${text}`);
				const stored = storeSubject("state", tenant, name, `s${text}`);
				expect(stored.startsWith(own)).toBe(true);
				expect(stored.slice(own.length)).toMatch(/^[A-Za-z0-9_-]+$/);
				expect(storedName(stored)).toBe(`s${text}`);
			}),
			{ numRuns: 300 },
		);
		expect(await subjectsOf(plugin)).toHaveLength(keys.size);
		expect((await subjects()).filter((subject) => !subject.startsWith(own) && !before.has(subject))).toEqual([]);
	});
});

describe("files", () => {
	test("are written, read, listed in order and removed, and every runtime sees that", async () => {
		const [here, there] = freshPlugin();
		expect(await here.readFile("a.txt")).toBeUndefined();
		for (const path of ["b/2.txt", "a.txt", "b/1.txt", "b", "c/ä.txt"]) {
			expect(await here.writeFile(path, `content of ${path}`)).toBe(true);
			expect(await here.listFiles()).toContain(path);
		}
		expect(await here.listFiles()).toEqual(["a.txt", "b", "b/1.txt", "b/2.txt", "c/ä.txt"]);
		expect(await there.listFiles("b/")).toEqual(["b/1.txt", "b/2.txt"]);
		expect(await there.listFiles("nothing")).toEqual([]);
		expect(await there.readFile("c/ä.txt")).toBe("content of c/ä.txt");
		await there.deleteFile("b/1.txt");
		expect(await there.listFiles("b")).toEqual(["b", "b/2.txt"]);
		await waitFor("the other runtime knows", async () => (await here.listFiles("b/")).join() === "b/2.txt");
		expect(await here.readFile("b/1.txt")).toBeUndefined();
	});

	test("have up to 512 KiB each and together what the plugin was given", async () => {
		const [plugin] = freshPlugin({ fileBytes: 1_100_000 });
		const content = "x".repeat(512 * 1024);
		expect(await plugin.writeFile("a", content)).toBe(true);
		expect(await plugin.readFile("a")).toBe(content);
		expect(await plugin.writeFile("b", content)).toBe(true);
		expect(await plugin.writeFile("c", content)).toBe(false);
		expect(await plugin.listFiles()).toEqual(["a", "b"]);
		expect((await refusal(plugin.writeFile("d", `${content}x`))).message).toBe(
			"file_write: the file has 524289 bytes; at most 524288 are allowed",
		);
		// State has a limit of its own.
		expect(await plugin.set("key", "value")).toBe(true);
	});

	test("a list has the first 1,000 paths; a prefix finds the others", async () => {
		const [here, there] = freshPlugin();
		const paths = Array.from({ length: 1_200 }, (_, index) => `part-${index % 2}/${String(index).padStart(4, "0")}`).sort();
		await Promise.all(paths.map((path) => here.writeFile(path, "")));
		for (const plugin of [here, there]) {
			expect(await plugin.listFiles()).toEqual(paths.slice(0, 1_000));
			expect(await plugin.listFiles("part-1/")).toEqual(paths.slice(600));
		}
	});

	test.each([
		["", "is empty"],
		["/a", '"/a" begins with a slash; paths begin with a name'],
		["a//b", '"a//b" has an empty part'],
		["a/", '"a/" has an empty part'],
		["../a", '"../a" has a part "." or ".."'],
		["a/../../b", '"a/../../b" has a part "." or ".."'],
		["./a", '"./a" has a part "." or ".."'],
		["..", '".." has a part "." or ".."'],
		["a\u0000b", '"a\\u0000b" has a control character'],
		["a\nb", '"a\\nb" has a control character'],
		["p".repeat(257), "has more than 256 bytes"],
	])("%j is no path", async (path, rule) => {
		const [plugin] = freshPlugin();
		const refusals = await Promise.all(
			[plugin.readFile(path), plugin.writeFile(path, "x"), plugin.deleteFile(path)].map(refusal),
		);
		const names = ["file_read", "file_write", "file_delete"];
		expect(refusals).toEqual(names.map((name) => ({ outcome: "guest_error", message: `${name}: the path ${rule}` })));
	});

	test.each(["a..b", "...", ".hidden", "a.b/c", "*", "a/>", "C:\\x", "名前/ファイル"])("%j is a path", async (path) => {
		const [plugin] = freshPlugin();
		await plugin.writeFile(path, "content");
		expect(await plugin.readFile(path)).toBe("content");
		expect(await plugin.listFiles(path)).toEqual([path]);
	});
});

describe("when the bus is away", () => {
	test("FT-06 calls fail with a reason, and work again when it is back, with the limits that were", async () => {
		const server = await startNats();
		await ensureBus(await connectTo(server.url), BUS);
		const plugin = (await keepingRuntime(server.url)).plugin(rightsOf("acme", "patient", { stateBytes: 1_000 }));
		await plugin.set("key", "x".repeat(900));
		await plugin.writeFile("file", "content");
		await server.kill9();
		const calls = () => [plugin.get("key"), plugin.set("key", "y"), plugin.delete("key"), plugin.once("job"), plugin.listFiles()];
		const startedAt = performance.now();
		const refusals = await Promise.all(calls().map(refusal));
		expect(refusals.map(({ outcome }) => outcome)).toEqual([
			"host_error",
			"host_error",
			"host_error",
			"host_error",
			"host_error",
		]);
		await waitFor("it is known", async () => (await refusal(plugin.get("key"))).message === "the bus is not connected");
		expect(performance.now() - startedAt).toBeLessThan(6_000);
		await server.restart();
		await waitFor("it is back", async () => (await plugin.get("key")) === "x".repeat(900), { timeoutMs: 30_000 });
		expect(await plugin.set("more", "x".repeat(200))).toBe(false);
		expect(await plugin.set("more", "x".repeat(50))).toBe(true);
		expect(await plugin.once("job")).toBe(true);
		expect(await plugin.listFiles()).toEqual(["file"]);
	});

	test("what others removed while the connection was lost makes room when it is back", async () => {
		const connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 2_000 });
		closeAfter(() => connection.close());
		const [other] = freshPlugin({ stateBytes: 100 });
		const plugin = (await keepingRuntime(connection, { clock })).plugin(other.rights);
		expect(await plugin.set("a", "x".repeat(90))).toBe(true);
		const lost = untilDisconnected(connection);
		await connection.reconnect();
		await lost;
		expect((await refusal(plugin.get("a"))).message).toBe("the bus is not connected");
		const tidy = await keepingRuntime(nats.url, { clock, pace: { ...QUICK, graceMs: 0 } });
		await tidy.plugin(other.rights).delete("a");
		await waitFor("nothing of it is left", async () => (await subjectsOf(other)).length === 0);
		await waitFor("it is back", async () => (await plugin.get("a").catch(() => "lost")) === undefined);
		expect(await plugin.set("b", "x".repeat(90))).toBe(true);
	});

	test("a bus that stands still costs a call its own time and no more", async () => {
		const server = await startNats();
		await ensureBus(await connectTo(server.url), BUS);
		const plugin = (await keepingRuntime(server.url)).plugin(rightsOf("acme", "hurried"));
		await plugin.set("key", "value");
		await plugin.writeFile("file", "content");
		server.pause();
		const ended = async (call: (signal: AbortSignal) => Promise<unknown>): Promise<number> => {
			const time = new AbortController();
			const startedAt = performance.now();
			const answer = call(time.signal).then(
				() => "answered",
				(thrown: unknown) => thrown,
			);
			await delay(30);
			time.abort();
			expect(await answer).toBe(time.signal.reason);
			return performance.now() - startedAt;
		};
		const times = await Promise.all([
			ended((signal) => plugin.get("key", signal)),
			ended((signal) => plugin.set("key", "other", 0, signal)),
			ended((signal) => plugin.increment("count", 1, 0, signal)),
			ended((signal) => plugin.increment("count", 1, 0, signal)),
			ended((signal) => plugin.once("job", 1_000, signal)),
			ended((signal) => plugin.delete("key", signal)),
			ended((signal) => plugin.readFile("file", signal)),
		]);
		expect(Math.max(...times)).toBeLessThan(500);
		expect((await refusal(plugin.get("key"))).message).toBe(
			"what the plugin keeps cannot be read: the bus did not answer within 2000 ms",
		);
		const late = AbortSignal.abort();
		await expect(plugin.set("key", "never", 0, late)).rejects.toBe(late.reason);
		server.resume();
		await waitFor("it answers", async () => (await plugin.get("key")) !== undefined || true);
		expect(await plugin.get("key")).not.toBe("never");
	});

	test("FT-12 a stream that is full is the host's failure, and what is in it can still be removed", async () => {
		const server = await startNats();
		const connection = await connectTo(server.url);
		const streams = (await connection.jetstreamManager()).streams;
		await streams.add({
			name: STATE_STREAM,
			subjects: [STATE_SUBJECTS],
			retention: RetentionPolicy.Limits,
			discard: DiscardPolicy.New,
			max_msgs_per_subject: 1,
			max_bytes: 3_000,
		});
		await ensureBus(connection, BUS);
		const plugin = (await keepingRuntime(server.url, { tenantBytes: 1_000_000 })).plugin(rightsOf("acme", "unlucky"));
		for (let index = 0; index < 20; index += 1) await plugin.set(`small-${index}`, "").catch(() => undefined);
		expect(await refusal(plugin.set("large", "x".repeat(3_000)))).toEqual({
			outcome: "host_error",
			message:
				"what the plugin keeps cannot be written: its stream on the bus is full (maximum bytes exceeded); an operator can give it more room",
		});
		await plugin.delete("small-0");
		expect(await plugin.get("small-0")).toBeUndefined();
	});

	test("a missing stream is named as such", async () => {
		const server = await startNats();
		const plugin = (await keepingRuntime(server.url)).plugin(rightsOf("acme", "early"));
		expect((await refusal(plugin.get("key"))).message).toBe(
			'what the plugin keeps cannot be read: the bus said "stream not found"',
		);
		expect(await refusal(plugin.set("key", "x"))).toMatchObject({ outcome: "host_error" });
	});
});

test("it is said of each function which permission it needs and how often it may be called", () => {
	const { functions } = one.plugin(rightsOf("acme", "any"));
	const rules = Object.entries(functions).map(([type, { callsPerInvocation }]) => [
		type,
		PERMISSION_OF[type as keyof typeof PERMISSION_OF],
		callsPerInvocation,
	]);
	expect(rules).toEqual([
		["state_get", "state", 64],
		["state_set", "state", 64],
		["state_delete", "state", 64],
		["state_increment", "state", 64],
		["once", "state", 16],
		["file_read", "write_files", 16],
		["file_write", "write_files", 16],
		["file_delete", "write_files", 16],
		["file_list", "write_files", 16],
	]);
});
