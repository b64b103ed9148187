// What the SDK for AssemblyScript makes of bytes: JSON held against JSON.parse, events, results and the configuration. Compiled by
// the real compiler; the hooks run on the runtime's own plugin host, everything else on a host that the test plays.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { LoadedPlugin, type PluginImage, PluginInstance } from "@hookbus/runtime";
import type { HookEvent, Message } from "@hookbus/schemas";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { buildModule } from "../../plugins-wasm/build-plugin.js";
import { afterEvent, chatEvent, responseEvent, toolEvent } from "../support/events.js";
import { pluginImage } from "../support/plugin-image.js";
import { type HostScript, runScripted } from "../support/scripted-host.js";
import { tempDir } from "../support/temp-dir.js";

const MAX_DEPTH = 128;

let module: Uint8Array;
let image: PluginImage;

beforeAll(async () => {
	const { wasm } = await buildModule(resolve(import.meta.dirname, "sdk-module"), tempDir("sdk-module"));
	module = readFileSync(wasm);
	image = await pluginImage(module);
}, 600_000);

/** What an export makes of an input; its error begins with "fault: ". */
async function run(name: string, input: string | Uint8Array = "", script: HostScript = {}): Promise<string> {
	const { code, output, error } = await runScripted(module, name, input, script);
	expect([code, output === undefined, error === undefined]).toEqual(code === 0 ? [0, false, true] : [1, true, false]);
	return output ?? `fault: ${error}`;
}

async function runJson(name: string, input: unknown, script: HostScript = {}): Promise<unknown> {
	return JSON.parse(await run(name, JSON.stringify(input), script));
}

// ---- texts ---------------------------------------------------------------------------------------------------------------

/** Numbers as JSON may write them. */
const numeral = fc.oneof(
	fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
	fc.stringMatching(/^-?(0|[1-9]\d{0,25})(\.\d{1,25})?([eE][+-]?\d{1,3})?$/),
);

/** Strings as JSON may write them: every kind of escape, half surrogates, and whatever needs no escape. */
const stringToken = fc
	.array(
		fc.oneof(
			fc.string({ unit: "binary", maxLength: 6 }).map((text) => JSON.stringify(text).slice(1, -1)),
			fc.constantFrom('\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "12345678", "é", "語", "😀", "\u2028", "\ufeff"),
			fc.integer({ min: 0, max: 0xffff }).map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`),
			fc.constantFrom("\\ud83d", "\\uDE00", "\\ud83d\\ude00", "\\u0000"),
		),
		{ maxLength: 5 },
	)
	.map((parts) => `"${parts.join("")}"`);

const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });

/** JSON texts of every shape, with white space wherever it may stand. Names can stand twice. */
const { text: jsonText } = fc.letrec<{ text: string }>((tie) => ({
	text: fc.oneof(
		{ maxDepth: 4, depthSize: "small" },
		fc.oneof(numeral, stringToken, fc.constantFrom("true", "false", "null", "[]", "{}")),
		fc
			.tuple(fc.array(tie("text"), { maxLength: 5 }), space)
			.map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
		fc
			.tuple(fc.array(fc.tuple(stringToken, tie("text")), { maxLength: 5 }), space)
			.map(([members, gap]) => `{${gap}${members.map(([name, value]) => `${name}${gap}:${gap}${value}`).join(`${gap},`)}${gap}}`),
	),
}));

/** Comparable whatever the names: `toEqual` would take `__proto__` for something else. */
const canonical = (json: string) => JSON.stringify(JSON.parse(json));

function isJson(bytes: Uint8Array): boolean {
	try {
		JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
		return true;
	} catch {
		return false;
	}
}

describe("JSON", () => {
	test("that nobody looks into comes out as the bytes that came in, without the space around it", async () => {
		await fc.assert(
			fc.asyncProperty(jsonText, space, async (text, around) => {
				expect(await run("copy", `${around}${text}${around}`)).toBe(text);
			}),
			{ numRuns: 300 },
		);
	});

	test("that is opened means the same afterwards, and every number has its digits", async () => {
		await fc.assert(
			fc.asyncProperty(jsonText, async (text) => {
				const opened = await run("open", text);
				expect(canonical(opened)).toBe(canonical(text));
				const numbers = (json: string) => json.replaceAll(/"(\\.|[^"\\])*"/g, "").match(/-?\d[\d.eE+-]*/g);
				expect(numbers(opened)).toEqual(numbers(text));
			}),
			{ numRuns: 300 },
		);
	});

	test("that is built anew from its parts means the same", async () => {
		await fc.assert(
			fc.asyncProperty(jsonText, async (text) => {
				expect(canonical(await run("rebuild", text))).toBe(canonical(text));
			}),
			{ numRuns: 300 },
		);
	});

	test("is taken when JSON.parse takes it, and refused when JSON.parse refuses it", async () => {
		const broken = fc
			.tuple(jsonText, fc.nat(), fc.nat(2), fc.constantFrom(..."{}[]:,\"\\ \n\u0000\u001f0-+.eEtnfua'/\ufeff\u00a0"))
			.map(([text, at, what, letter]) => {
				const index = at % (text.length + 1);
				return `${text.slice(0, index)}${what === 0 ? "" : letter}${text.slice(what === 1 ? index : index + 1)}`;
			});
		await fc.assert(
			fc.asyncProperty(broken, async (text) => {
				const bytes = new TextEncoder().encode(text);
				expect((await run("copy", bytes)).startsWith("fault: JSON ")).toBe(!isJson(bytes));
			}),
			{ numRuns: 1_000 },
		);
	});

	test("is taken when its bytes are UTF-8, and only then", async () => {
		// The borders of what is UTF-8: shortest forms, surrogates, the last character, sequences that are cut off.
		const byte = fc.constantFrom(
			0x41,
			0x7f,
			0x80,
			0x8f,
			0x90,
			0x9f,
			0xa0,
			0xbf,
			0xc0,
			0xc1,
			0xc2,
			0xdf,
			0xe0,
			0xed,
			0xef,
			0xf0,
			0xf4,
			0xf5,
			0xff,
		);
		await fc.assert(
			fc.asyncProperty(fc.array(byte, { maxLength: 12 }), async (inside) => {
				const bytes = Uint8Array.from([0x22, ...inside, 0x22]);
				const copied = await run("copy", bytes);
				if (isJson(bytes)) expect(Buffer.from(copied)).toEqual(Buffer.from(bytes));
				else expect(copied).toMatch(/^fault: JSON is not valid UTF-8 at byte \d+$/);
			}),
			{ numRuns: 1_000 },
		);
	});

	test.each([
		["", "ends where a value should be", 0],
		["  ", "ends where a value should be", 2],
		["[1,]", "has no value", 3],
		["[1 2]", "has neither a comma nor a closing bracket", 3],
		['{"a":1,}', "has no member name", 7],
		['{"a" 1}', "has no colon after a member name", 5],
		['{"a":1 "b"', "has neither a comma nor a closing brace", 7],
		["{a:1}", "has no member name", 1],
		["tru", "has no value", 0],
		["nul!", "has no value", 0],
		["01", "goes on after its end", 1],
		["-", "has a number without digits", 1],
		["1.", "has a number without digits after its point", 2],
		["1e+", "has a number without digits in its exponent", 3],
		['"a', "ends inside a string", 2],
		['"a\\', "ends inside a string", 2],
		['"\\u12', "ends inside a string", 1],
		['"\\u12g4"', "has an escape \\u without four hex digits", 1],
		['"\\x41"', "has an unknown escape", 1],
		['"é\n"', "has a control character in a string", 3],
		["1 2", "goes on after its end", 2],
	])("%j is refused with what is wrong and where", async (text, what, at) => {
		expect(await run("copy", text)).toBe(`fault: JSON ${what} at byte ${at}`);
	});

	test("is read down to a depth, and no deeper", async () => {
		for (const [open, close] of [
			["[", "]"],
			['{"a":', "}"],
		] as const) {
			const nested = (depth: number) => `${open.repeat(depth)}${open === "[" ? "" : "1"}${close.repeat(depth)}`;
			for (const name of ["copy", "open", "rebuild"]) expect(await run(name, nested(MAX_DEPTH))).toBe(nested(MAX_DEPTH));
			const at = open.length * MAX_DEPTH;
			expect(await run("copy", nested(MAX_DEPTH + 1))).toBe(`fault: JSON nests deeper than ${MAX_DEPTH} levels at byte ${at}`);
			expect(await run("copy", open.repeat(100_000))).toMatch(/nests deeper/);
		}
	});

	test("of 250 KB is read and written", async () => {
		for (const value of [
			"é😀".repeat(40_000),
			Array.from({ length: 60_000 }, (_, index) => index % 10),
			Object.fromEntries(
				Array.from({ length: 4_000 }, (_, index) => [`name ${index}`, { value: String(index), "ü\u0001": [null] }]),
			),
		]) {
			const text = JSON.stringify(value);
			expect(await run("copy", text)).toBe(text);
			expect(await run("open", text)).toBe(text);
		}
	});

	test("half surrogates never leave it as bytes", async () => {
		expect(await run("rebuild", '["\\ud83d", "x\\udc00y", {"\\ud83d": "\\ud83d\\ude00"}]')).toBe(
			'["\\ud83d","x\\udc00y",{"\\ud83d":"😀"}]',
		);
	});
});

describe("numbers", () => {
	test("keep their digits, and are the nearest double that they name", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(numeral, { minLength: 1, maxLength: 40 }), async (numerals) => {
				const read = JSON.parse(await run("numbers", `[${numerals.join(", ")}]`)) as { numeral: string; number: number | null }[];
				expect(read.map((entry) => entry.numeral)).toEqual(numerals);
				const doubles = numerals.map((text) => (Number.isFinite(Number(text)) ? Number(text) + 0 : null));
				expect(read.map((entry) => entry.number)).toEqual(doubles);
			}),
			{ numRuns: 200 },
		);
	});

	test("are the nearest double at the borders: ties, the largest, the smallest, digits without end", async () => {
		const numerals = [
			"9007199254740993",
			"9007199254740992.999999999999999999999999999999999999999999",
			"9007199254740993.000000000000000000000000000000000000000001",
			"1.3743749646976649e+40",
			"1e22",
			"1e23",
			"8.5e22",
			"1.7976931348623157e308",
			"1.7976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633028641669288791094655554785194040e308",
			"1.7976931348623159e308",
			"5e-324",
			"2.4703282292062327e-324",
			"2.4703282292062328e-324",
			"2.2250738585072011e-308",
			"1e400",
			"-1e400",
			"1e-400",
			"0e999999999999",
			"1e-999999999999",
			`0.${"0".repeat(5_000)}1e5001`,
			`${"1".repeat(900)}e-899`,
			`0.5${"0".repeat(900)}1`,
			`1.00000000000000011102230246251565404236316680908203125${"0".repeat(900)}1`,
			"1.00000000000000011102230246251565404236316680908203125",
		];
		const read = JSON.parse(await run("numbers", `[${numerals.join(",")}]`)) as { number: number | null }[];
		const doubles = numerals.map(Number).map((value) => (Number.isFinite(value) ? value : null));
		expect(read.map(({ number }) => number)).toEqual(doubles);
	});

	test.each([
		["0", 0],
		["-7", -7],
		["12e2", 1200],
		["1.0", 1],
		["9007199254740992", 9_007_199_254_740_992],
		["-9007199254740992", -9_007_199_254_740_992],
		["9007199254740994", -1],
		["1.5", -1],
		["1e400", -1],
		['"5"', -1],
		["null", -1],
	])("%s as an integer is %i, where -1 stands for none", async (text, integer) => {
		expect(await runJson("numbers", JSON.parse(`[${text.replace("1e400", "1e308")}]`))).toMatchObject([{ integer }]);
		expect(JSON.parse(await run("numbers", `[${text}]`))).toMatchObject([{ integer }]);
	});

	test("are written again with the digits that they had, and null where there are none", async () => {
		expect(await run("numbers", "[0.10, 1e5]")).toContain('"again":0.10');
		expect(await runJson("numbers", ["x"])).toEqual([{ numeral: "", number: null, integer: -1, again: null }]);
	});
});

describe("members", () => {
	test("are found by their name however it is written; of a name that stands twice the last counts", async () => {
		const object = '{"a":1,"\\u0062":2,"é":3,"a":4,"":5,"a\\"b":6}';
		expect(await run("members", `[${object},"a","b","\\u00e9","","a\\"b","A","c"]`)).toBe('[4,2,3,5,6,"(none)","(none)"]');
	});

	test("of what is no object are none", async () => {
		for (const value of [[1], "a", 1, true, null])
			expect(await runJson("members", [value, "a", "0", "length"])).toEqual(Array(3).fill("(none)"));
	});

	test("can be set, removed, renamed and replaced, and the rest is as it was", async () => {
		const given = '{ "list": [1.0, 2], "old": 1e0, "drop": 2, "drop": 3, "keep": "é", "rest": { "a" : [ ] } }';
		expect(await run("edit", given)).toBe(
			'{"list":[null,true,2,"end"],"new":1e0,"keep":"😀\\"\\\\\\n\\u0001","rest":{ "a" : [ ] },"added":[]}',
		);
	});
});

test("a text that is built piece by piece is all of its pieces", async () => {
	const text = "añby".repeat(1_000);
	expect(await runJson("build", null)).toEqual({ length: text.length, text });
});

test("log lines are UTF-8, with their level", async () => {
	const { calls } = await runScripted(module, "logs", "");
	expect(calls).toEqual([
		["log_debug", "debug"],
		["log_info", "info: é, 語, 😀"],
		["log_warn", "warn"],
		["log_error", "half: \ufffd"],
	]);
});

describe("events", () => {
	async function ask(event: HookEvent) {
		const { result, failure } = await new LoadedPlugin(image).invoke(event.hook, JSON.stringify(event));
		return result ?? { outcome: failure?.outcome, message: failure?.message };
	}

	const envelope = {
		id: "evt-1",
		tenant: "acme",
		assistant: "support",
		conversation: "conv-ü",
		turn: 3,
		user: { id: "u-1", roles: ["customer", "vip"] },
		origin: "user" as const,
		time: "2026-01-02T03:04:05.000Z",
		deadlineMs: 750,
		model: "some/model",
	};

	test("on_chat_message: envelope, messages, tools, parameters", async () => {
		const messages: Message[] = [
			{ role: "system", parts: [] },
			{
				role: "user",
				name: "Jane",
				parts: [
					{ type: "text", text: "é" },
					{ type: "image", ref: "r" },
					{ type: "text", text: "2" },
				],
			},
		];
		const data = { messages, tools: ["calculate"], parameters: { temperature: 0.5 } };
		const { user, ...flat } = envelope;
		expect(await ask(chatEvent("", { ...envelope, data }))).toEqual({
			action: "continue",
			annotations: {
				envelope: { ...flat, hook: "on_chat_message", userId: user.id, userRoles: user.roles },
				texts: ["system::", "user:Jane:é\n2"],
				tools: ["calculate"],
				parameters: true,
			},
		});
	});

	test("on_chat_message: what the chat service left out has its default", async () => {
		const { conversation: _conversation, deadlineMs: _deadline, ...event } = chatEvent("Hi");
		expect(await ask(event as HookEvent)).toMatchObject({
			annotations: {
				envelope: { conversation: "", turn: -1, userId: "", userRoles: [], origin: "", deadlineMs: 1000, model: "" },
				texts: ["user::Hi"],
				tools: [],
				parameters: false,
			},
		});
	});

	test("on_tool_call: the call in phase request, a claim for an answer", async () => {
		expect(await ask(toolEvent("add", { a: 1.5, b: ["ü"] }))).toEqual({
			action: "claim",
			result: { content: 'add/call-1/{"a":1.5,"b":["ü"]}' },
		});
		expect(await ask(toolEvent("add", {}))).toEqual({ action: "claim", result: { content: "add/call-1/{}", isError: true } });
	});

	test.each([
		["a text", "fine", false],
		["a value", { rows: [1, null] }, true],
		["null", null, false],
	])("on_tool_call: the result in phase result, a block for an answer: %s", async (_name, content, isError) => {
		const data = { call: { id: "c", name: "add", arguments: {} }, result: { content, isError } };
		expect(await ask(toolEvent("add", {}, { phase: "result", data }))).toEqual({
			action: "block",
			reason: "bad_result",
			message: JSON.stringify(content),
			annotations: { isError },
		});
	});

	test("a message for the user is cut to what the host takes", async () => {
		const data = { call: { id: "c", name: "add", arguments: {} }, result: { content: "x".repeat(5_000) } };
		expect(await ask(toolEvent("add", {}, { phase: "result", data }))).toMatchObject({ message: `"${"x".repeat(1_999)}` });
	});

	test("on_before_response: the reply, a patch of it for an answer", async () => {
		const parts = [{ type: "text" as const, text: "Hi" }];
		const message: Message = { role: "assistant", id: "m-1", parts };
		const data = { response: { message, finishReason: "stop" }, messages: chatEvent("Hello").data.messages };
		expect(await ask(responseEvent("", { data }))).toEqual({
			action: "modify",
			patch: { response: { message: { ...message, parts: [{ type: "text", text: "Hi!" }] } } },
			annotations: { messages: 1, finishReason: "stop" },
		});
		expect(await ask(responseEvent("Hi"))).toMatchObject({ annotations: { messages: 0, finishReason: "" } });
	});

	test("on_after_response: the outcome and the reply, a failure for an answer", async () => {
		expect(await ask(afterEvent())).toEqual({ outcome: "guest_error", message: "outcome ok, done" });
		expect(await ask(afterEvent({ data: { outcome: "aborted" } }))).toEqual({
			outcome: "guest_error",
			message: "outcome aborted, no reply",
		});
	});

	test.each([
		["no JSON", "[1,", /^event: JSON ends where a value should be at byte 3 \(/],
		["no object", "[]", /^event: must be a JSON object \(/],
		["nothing", "", /^event: JSON ends where a value should be at byte 0 \(/],
	])("%s instead of an event ends the call, and a log line says why and where", async (_name, input, line) => {
		const { failure, report } = await new LoadedPlugin(image).invoke("on_chat_message", input);
		expect(failure?.outcome).toBe("trap");
		expect(report.logs).toEqual([{ level: "error", text: expect.stringMatching(line) }]);
	});
});

describe("configuration", () => {
	const DEFAULTS = { text: "fallback", choice: "red", flag: true, count: 7, list: [], some: ["a", "b"] };

	test.each([
		["nothing at all", undefined],
		["an empty text", ""],
		["an empty object", "{}"],
		["nothing but null", '{"text":null,"flag":null,"count":null,"list":null,"some":null}'],
		["values that nobody asks for", '{"other":[1]}'],
	])("%s: every value has its default, and nothing is wrong", async (_name, config) => {
		const script = config === undefined ? {} : { config };
		expect(await runJson("configuration", null, script)).toEqual({ ...DEFAULTS, fault: "" });
	});

	test("values that fit are taken", async () => {
		const config = { text: "é語😀x", choice: "green", flag: false, count: 10, list: ["abc", "語"], some: ["b"] };
		expect(await runJson("configuration", null, { config: JSON.stringify(config) })).toEqual({ ...config, fault: "" });
		const empty = { text: "", choice: "red", flag: true, count: 0, list: [], some: [] };
		expect(await runJson("configuration", null, { config: JSON.stringify(empty) })).toEqual({ ...empty, fault: "" });
	});

	test.each<[config: object, fault: string]>([
		[{ text: 5 }, 'config "text" must be a string'],
		[{ text: "123456" }, 'config "text" must have at most 5 characters'],
		[{ choice: "blue" }, 'config "choice" must be one of red, green'],
		[{ choice: 1 }, 'config "choice" must be a string'],
		[{ flag: "true" }, 'config "flag" must be true or false'],
		[{ flag: 0 }, 'config "flag" must be true or false'],
		[{ count: 11 }, 'config "count" must be an integer from 0 to 10'],
		[{ count: -1 }, 'config "count" must be an integer from 0 to 10'],
		[{ count: 1.5 }, 'config "count" must be an integer from 0 to 10'],
		[{ count: "7" }, 'config "count" must be an integer from 0 to 10'],
		[{ list: "a" }, 'config "list" must be a list of at most 2 strings'],
		[{ list: ["a", "b", "c"] }, 'config "list" must be a list of at most 2 strings'],
		[{ list: [""] }, 'config "list[0]" must be a string of 1 to 3 characters'],
		[{ list: ["a", "abcd"] }, 'config "list[1]" must be a string of 1 to 3 characters'],
		[{ list: [1] }, 'config "list[0]" must be a string of 1 to 3 characters'],
		[{ some: ["a", "c"] }, 'config "some[1]" must be one of a, b'],
		[
			{ flag: 1, count: 99, choice: "x" },
			'config "choice" must be one of red, green; config "flag" must be true or false; config "count" must be an integer from 0 to 10',
		],
	])("%j is refused: in the values that are read, and at the activation", async (config, fault) => {
		expect(await runJson("configuration", null, { config: JSON.stringify(config) })).toMatchObject({ fault });
		const loaded = new LoadedPlugin({ ...image, config: { config: JSON.stringify(config) } });
		expect(await loaded.prepare()).toMatchObject({ outcome: "guest_error", message: fault });
	});

	test("without a fault it is activated", async () => {
		const loaded = new LoadedPlugin({ ...image, config: { config: '{"text":"fine"}' } });
		expect(await loaded.prepare()).toBeUndefined();
	});

	test.each([
		["[1]", /^config: must be a JSON object \(/],
		['{"a":}', /^config: JSON has no value at byte 5 \(/],
	])("%s is none: the activation fails, and a log line says why", async (config, line) => {
		const instance = await PluginInstance.make({ ...image, config: { config } });
		if (instance instanceof PluginInstance) throw new Error("it was activated");
		expect(instance.failure.outcome).toBe("trap");
		expect(instance.report.logs).toEqual([{ level: "error", text: expect.stringMatching(line) }]);
	});
});
