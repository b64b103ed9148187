// The parts of a replay in a runtime, each by itself: host functions that do nothing, differences as pointers, and requests that are taken
// one after the other and never answered elsewhere.
import { createMasterKeys } from "@hookbus/foundation";
import { monotonicMs, ReplayBench, secretForms, setEngineFlags } from "@hookbus/runtime";
import { type ReplayFrame, type RoutedPlugin, type RouteTable, replayAnswerSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import pino from "pino";
import { describe, expect, test } from "vitest";
import type { HostFunctions } from "../../services/runtime/src/host-calls/host-function.js";
import type { PluginRights } from "../../services/runtime/src/host-calls/plugin-rights.js";
import { dryRunFunctions } from "../../services/runtime/src/replay/dry-run.js";
import { findDifferences } from "../../services/runtime/src/replay/find-differences.js";
import { ReplayIntake } from "../../services/runtime/src/replay/replay-intake.js";
import { closeAfter } from "../support/close-after.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { buildTable, digestOf, TEST_MASTER_KEY } from "../support/route-tables.js";
import { tempDir } from "../support/temp-dir.js";
import { makeTenantBox } from "../support/tenant-box.js";
import { waitFor } from "../support/wait-for.js";

setEngineFlags();

describe("differences", () => {
	test.each<[unknown, unknown, string[]]>([
		[{ a: 1, b: [1, { c: "x" }] }, { b: [1, { c: "x" }], a: 1 }, []],
		[{ a: undefined }, {}, []],
		[{ a: 1, z: 1 }, { a: 2, b: 1, z: 1 }, ["/a", "/b"]],
		[{ list: [1, 2] }, { list: [1, 3, 4] }, ["/list/1", "/list/2"]],
		[{ "a/b": { "~": 1 } }, { "a/b": { "~": 2 } }, ["/a~1b/~0"]],
		[{ a: [] }, { a: {} }, ["/a"]],
		[{ a: null }, { a: { b: 1 } }, ["/a"]],
		[1, 2, [""]],
	])("%j and %j differ at %j", (a, b, pointers) => {
		expect(findDifferences(a, b)).toEqual(pointers);
		expect(findDifferences(b, a)).toEqual(pointers);
	});

	test("many, long and deep ones are bounded", () => {
		const many = (value: number) => Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, value]));
		expect(findDifferences(many(1), many(2))).toHaveLength(64);
		const long = { ["x".repeat(300)]: { a: 1, b: 1 } };
		expect(findDifferences({ in: long }, { in: { ["x".repeat(300)]: { a: 2, b: 2 } } })).toEqual(["/in"]);
		const deep = (end: number) => JSON.parse(`${"[".repeat(50_000)}${end}${"]".repeat(50_000)}`) as unknown;
		const [pointer = "", ...others] = findDifferences(deep(1), deep(2));
		expect([pointer.length <= 256, others]).toEqual([true, []]);
	});
});

describe("secrets in the names of what differs", () => {
	const SECRET = 'to/k~e"n-of-acme';

	test("are masked, and the pointer stays one that is no longer than it may be", () => {
		const under = (value: number) => ({
			[`x${SECRET}`]: { [SECRET]: value },
			"~0abc": value,
			abcd: { ["y".repeat(250)]: value },
		});
		const pointers = findDifferences(under(1), under(2), secretForms([SECRET, "0abc", "abcd"]));
		expect(pointers).toEqual(["/[secret]", "/x[secret]/[secret]", "/~0[secret]"]);
	});

	test("are masked in what a replay hands back", async () => {
		const modules = new Map<string, Uint8Array>();
		const { box, dataKeys } = await makeTenantBox("acme", TEST_MASTER_KEY);
		const tableOf = async (version: string, value: number): Promise<RouteTable> => {
			const module = await moduleReturning({
				on_chat_message: { action: "continue", annotations: { [SECRET]: value, about: { [SECRET]: value } } },
			});
			modules.set(digestOf(module), module);
			const bindings = [{ hook: "on_chat_message" as const, effect: "gate" as const }];
			const table = buildTable("acme", 1, [{ name: "p", version, module, grants: ["read_secrets"], bindings }]);
			const plugin = table.plugins["p"] as RoutedPlugin;
			plugin.secrets["token"] = await box.seal(SECRET, { tenant: "acme", plugin: "p", field: "token" });
			return { ...table, dataKeys };
		};
		const bench = new ReplayBench({
			functions: {} as HostFunctions,
			masterKeys: createMasterKeys(TEST_MASTER_KEY),
			ceiling: new Set(["read_secrets"]),
			userConfigsMs: 1_000,
			cacheDirectory: tempDir("replay"),
			modules: { fetch: async (digest) => modules.get(digest) as Uint8Array },
			observer: { threadEnded() {}, hopeless() {} },
			runtime: "rt-test",
			payloadBytes: 1_000_000,
			clock: monotonicMs,
			logger: pino({ level: "silent" }),
		});
		closeAfter(() => bench.stop());
		const address = { tenant: "acme", hook: "on_chat_message", assistant: "bot" } as const;
		const event = Buffer.from(JSON.stringify(chatEvent("hello", { tenant: "acme", assistant: "bot" })));
		const compared = await bench.compare(address, event, await tableOf("2.0.0", 2), await tableOf("1.0.0", 1));
		expect(compared).toMatchObject({ version: { outcome: "ok" }, against: { outcome: "ok" } });
		expect(compared.differences).toEqual(["/annotations/p/about/[secret]", "/annotations/p/[secret]"]);
	});
});

describe("SE-05 host functions of a replay", () => {
	const RIGHTS = {} as PluginRights;
	const CONTEXT = { signal: new AbortController().signal };
	const types = [
		"http_request",
		...["state_get", "state_set", "state_delete", "state_increment", "once"],
		...["file_read", "file_write", "file_delete", "file_list", "publish"],
	] as const;

	function dryRun(kept: string | undefined) {
		const ran: string[] = [];
		const prepared: string[] = [];
		const live = Object.fromEntries(
			types.map((type) => [
				type,
				{
					permission: "state",
					callsPerInvocation: 1,
					prepare: (request: unknown) => {
						prepared.push(type);
						return request;
					},
					run: async () => {
						ran.push(type);
						return { value: kept === undefined ? undefined : Buffer.from(kept) };
					},
				},
			]),
		) as unknown as HostFunctions;
		return { functions: dryRunFunctions(live), ran, prepared };
	}

	test.each([
		["http_request", { status: 0 }],
		["state_set", { kept: true }],
		["state_delete", {}],
		["once", { isFirst: true }],
		["file_write", { kept: true }],
		["file_delete", {}],
		["publish", {}],
	] as const)("%s is checked as ever, answered, and not done", async (type, answer) => {
		const { functions, ran, prepared } = dryRun(undefined);
		const request = functions[type].prepare({ type } as never, RIGHTS);
		expect(await functions[type].run(request as never, RIGHTS, CONTEXT)).toMatchObject(answer);
		expect([ran, prepared]).toEqual([[], [type]]);
	});

	test.each(["state_get", "file_read", "file_list"] as const)("%s reads what there is", async (type) => {
		const { functions, ran } = dryRun("kept");
		await functions[type].run({} as never, RIGHTS, CONTEXT);
		expect(ran).toEqual([type]);
	});

	test.each([
		[undefined, 5n],
		["37", 42n],
	])("state_increment of %s is answered with the sum that would be kept", async (kept, sum) => {
		const { functions, ran } = dryRun(kept);
		const answer = await functions.state_increment.run({ key: "n", delta: 5n } as never, RIGHTS, CONTEXT);
		expect([answer, ran]).toEqual([{ sum }, ["state_get"]]);
	});

	test("state_increment of what is no number is the plugin's mistake, as ever", async () => {
		const { functions } = dryRun("text");
		const answer = functions.state_increment.run({ key: "n", delta: 5n } as never, RIGHTS, CONTEXT);
		await expect(answer).rejects.toMatchObject({ outcome: "guest_error" });
	});
});

describe("requests to replay", () => {
	const HEAD = JSON.stringify({ spec: "1", subject: "hooks.v1.acme.on_chat_message.bot" });

	function intakeOn(compare: (body: string, table: RouteTable | undefined) => Promise<void>) {
		const frames: [subject: string, type: ReplayFrame["type"]][] = [];
		let deliver = (_subject: string, _body: string) => {};
		const connection = {
			isClosed: () => false,
			publish: (subject: string, body: Uint8Array) =>
				frames.push([subject, (JSON.parse(Buffer.from(body).toString()) as ReplayFrame).type]),
			subscribe: (_subject: string, { callback }: { callback: (failure: null, message: unknown) => void }) => {
				deliver = (reply, body) => callback(null, { reply, data: Buffer.from(body) });
				return { unsubscribe: () => undefined };
			},
		} as unknown as NatsConnection;
		const intake = new ReplayIntake({
			connection,
			bench: {
				compare: async (_address, body, version) => {
					await compare(Buffer.from(body).toString(), version);
					return { differences: [] };
				},
				stop: async () => undefined,
			},
			isBusy: () => false,
			clock: () => performance.now(),
			logger: pino({ level: "silent" }),
		});
		intake.start();
		return { intake, frames, send: (reply: string, body: string) => deliver(reply, body) };
	}

	test("are answered where control planes listen, and nowhere else", async () => {
		const { intake, frames, send } = intakeOn(async () => undefined);
		for (const reply of [
			"",
			"_INBOX.x",
			"$JS.API.STREAM.PURGE.HOOKBUS_STATE",
			"hookbus.v1.replays.answers.a.b",
			"hookbus.v1.replays.answers.*",
		]) {
			send(reply, `${HEAD}\n{}`);
		}
		const good = replayAnswerSubject("good");
		send(good, `${HEAD}\n{"text":"a\\nb"}`);
		await waitFor("it is answered", () => frames.length >= 2);
		expect(frames).toEqual([
			[good, "working"],
			[good, "done"],
		]);
		await intake.stop();
	});

	test("run one at a time; what is too much, and what is in hand at a stop, is handed back", async () => {
		let running = 0;
		let most = 0;
		const { intake, frames, send } = intakeOn(async () => {
			running += 1;
			most = Math.max(most, running);
			await new Promise((resolve) => setTimeout(resolve, 5));
			running -= 1;
		});
		for (let n = 0; n < 20; n += 1) send(replayAnswerSubject(`r${n}`), `${HEAD}\n{}`);
		expect(frames.filter(([, type]) => type === "failed")).toHaveLength(4);
		await waitFor("some are done", () => frames.filter(([, type]) => type === "done").length >= 2);
		await intake.stop();
		const last = new Map(frames);
		expect([...last.values()].every((type) => type !== "working")).toBe(true);
		expect([last.size, most]).toEqual([20, 1]);
	});

	test("that are none are handed back with the reason", async () => {
		const { intake, frames, send } = intakeOn(async () => undefined);
		for (const [n, body] of ["", "{", `${HEAD}`, '{"spec":"2"}\n{}', '{"spec":"1","subject":"x"}\n{}'].entries()) {
			send(replayAnswerSubject(`bad${n}`), body);
		}
		await waitFor("all are answered", () => frames.filter(([, type]) => type === "failed").length === 5);
		await intake.stop();
	});
});
