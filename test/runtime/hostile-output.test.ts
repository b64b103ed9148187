// What plugins answer, throw and log, at its worst: read in a moment, the same each time, and without a trace in the host.
import { LoadedPlugin, PluginInstance, setEngineFlags } from "@hookbus/runtime";
import { DEFAULT_LIMITS } from "@hookbus/schemas";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyResult } from "../../services/runtime/src/chain/apply-result.js";
import { BadOutput, readResult } from "../../services/runtime/src/chain/read-result.js";
import { ATTACKS, testIdsOf } from "../attack/catalogue.js";
import { hostileModule } from "../attack/hostile-module.js";
import type { OutsideWorld } from "../attack/outside-world.js";
import { quickly, sharedProperties } from "../fuzz/expect-harmless.js";
import { chatEvent } from "../support/events.js";
import { pluginImage } from "../support/plugin-image.js";

setEngineFlags();

const hook = "on_chat_message";

/** The attacks below go nowhere. */
const NOWHERE: OutsideWorld = { sitePort: 0, privatePort: 0, privatePort6: 0, nameServer: "", trespasses: 0 };

const attacksOf = (id: string) =>
	ATTACKS.filter((attack) => testIdsOf(attack).includes(id)).map((attack) => [attack.id, attack] as const);

describe("a failing call", () => {
	test.each(attacksOf("HP-13"))("HP-13 ends the same in 100 runs: %s", async (_id, attack) => {
		const loaded = new LoadedPlugin(await pluginImage(await attack.module(NOWHERE)));
		const endings = new Set<string>();
		for (let run = 0; run < 100; run += 1) {
			const { failure } = await loaded.invoke(hook, '{"text":"x"}');
			endings.add(`${failure?.outcome}: ${failure?.message}`);
		}
		expect([...endings]).toEqual([expect.stringMatching(new RegExp(`^${attack.outcome}: .`))]);
	});

	test.each(attacksOf("HP-11").filter(([, { outcome }]) => outcome === "trap"))(
		"HP-11 leaves an instance that is not used again, and an error of one short line: %s",
		async (_id, attack) => {
			const instance = await PluginInstance.make(await pluginImage(await attack.module(NOWHERE)));
			if (!(instance instanceof PluginInstance)) throw new Error(instance.failure.message);
			const outcome = instance.call(hook, "{}");
			expect(outcome).toMatchObject({ failure: { outcome: "trap", message: expect.stringMatching(/^[ -~]{1,512}$/) } });
			expect(JSON.stringify(outcome)).not.toMatch(/node_modules|file:|\.[jt]s\b|\bat /);
			expect(instance.restore()).toBe(false);
		},
	);
});

describe("a result of the largest size that plugins may answer by default", () => {
	const MOST = DEFAULT_LIMITS.outputBytes;
	const fill = (unit: string, around: (text: string) => string = (text) => text) =>
		around(unit.repeat(Math.floor((MOST - around("").length) / unit.length)));
	const annotated = (json: string) => `{"action":"continue","annotations":{"x":${json}}}`;
	const keys = (name: (index: number) => string) => {
		const list: string[] = [];
		for (let index = 0, bytes = 100; bytes < MOST; index += 1) {
			const pair = `"${name(index)}":0`;
			bytes += pair.length + 1;
			if (bytes < MOST) list.push(pair);
		}
		return annotated(`{${list.join()}}`);
	};
	const texts: readonly [title: string, text: string, isGood: boolean][] = [
		["text that breaks off", fill("x", (text) => `{"action":"continue","reason":"${text}`), false],
		["bytes behind the end", fill(" ", (text) => `{"action":"continue"}${text}x`), false],
		["white space behind the end", fill(" ", (text) => `{"action":"continue"}${text}`), true],
		["one name again and again", keys(() => "a"), true],
		["names upon names", keys((index) => index.toString(36)), true],
		["names that are indexes", keys(String), true],
		["open brackets", fill("["), false],
		["open braces", fill('{"a":'), false],
		["a list in a list", annotated(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), false],
		["an object in an object", annotated(`${'{"a":'.repeat(40_000)}0${"}".repeat(40_000)}`), false],
		["digits", fill("9", (text) => annotated(text)), false],
		["a number that is none", annotated("[1,-1e400]"), false],
		["digits behind the point", fill("3", (text) => annotated(`0.${text}`)), true],
		["a list of numbers", annotated(`[${Array.from({ length: 130_000 }, () => 0).join()}]`), true],
		["a list of objects", annotated(`[${Array.from({ length: 87_000 }, () => "{}").join()}]`), true],
		["escapes", fill("\\u0000", (text) => annotated(`"${text}"`)), true],
		["quotation marks", fill('\\"', (text) => annotated(`"${text}"`)), true],
		["an unknown action", fill("x", (text) => `{"action":"${text}"}`), false],
		[
			"unknown properties",
			keys((index) => index.toString(36))
				.replace('"annotations":{"x":{', "")
				.replace(/\}\}\}$/, "}"),
			true,
		],
	];

	test.each(texts)("HP-15 is read in 50 ms: %s", async (_title, text, isGood) => {
		const bytes = Buffer.from(text);
		expect(bytes.length).toBeLessThanOrEqual(MOST);
		const read = await quickly(() => {
			try {
				return readResult(bytes, MOST);
			} catch (thrown) {
				return thrown;
			}
		});
		if (isGood) expect(read).toMatchObject({ action: "continue" });
		else expect(read).toBeInstanceOf(BadOutput);
	});
});

test("HP-16 names of prototypes anywhere in a result are bad output, and a result never changes what all objects share", () => {
	const names = ["__proto__", "constructor", "prototype"];
	const json = fc.letrec((tie) => ({
		node: fc.oneof(
			{ depthSize: "small" },
			fc.constantFrom("0", "null", '"x"', "[]"),
			fc.array(tie("node"), { maxLength: 2 }).map((items) => `[${items.join()}]`),
			fc
				.array(fc.tuple(fc.constantFrom(...names, "toString", "hasOwnProperty", "a"), tie("node")), { maxLength: 3 })
				.map((pairs) => `{${pairs.map(([name, value]) => `"${name}":${value}`).join()}}`),
		),
	})).node as fc.Arbitrary<string>;
	const place = fc.constantFrom<(value: string) => string>(
		(value) => `{"action":"modify","patch":${value}}`,
		(value) => `{"action":"modify","patch":{"messages":${value}}}`,
		(value) => `{"action":"modify","patch":{"context":{"a":${value}}}}`,
		(value) => `{"action":"continue","annotations":${value}}`,
		(value) => `{"action":"continue","annotations":{"a":${value}}}`,
		(value) => `{"action":"claim","result":{"content":${value}}}`,
		(value) => `{"action":"claim","result":${value}}`,
	);
	const before = sharedProperties();
	const seen = { refused: 0, read: 0 };
	fc.assert(
		fc.property(json, place, (value, around) => {
			const bytes = Buffer.from(around(value));
			try {
				const result = readResult(bytes, 1_000_000);
				seen.read += 1;
				expect(holdsName(JSON.parse(around(value)), names)).toBe(false);
				for (const effect of ["transform", "gate", "claim", "observe"] as const)
					applyResult(chatEvent("x"), result, effect, ["/messages", "/context"], "plugin");
			} catch (thrown) {
				if (!(thrown instanceof BadOutput)) throw thrown;
				seen.refused += 1;
			}
			expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
		}),
		{ numRuns: 1_000, seed: 16 },
	);
	expect(sharedProperties()).toEqual(before);
	expect(Math.min(seen.read, seen.refused), JSON.stringify(seen)).toBeGreaterThan(100);
});

function holdsName(value: unknown, names: readonly string[]): boolean {
	if (typeof value !== "object" || value === null) return false;
	return Object.keys(value).some((key) => names.includes(key) || holdsName((value as Record<string, unknown>)[key], names));
}

describe("a plugin's log", () => {
	async function reportOf(hookBody: string, data: string) {
		const loaded = new LoadedPlugin(await pluginImage(await hostileModule({ hook: hookBody, data, fields: "(memory 40)" })));
		const first = await quickly(() => loaded.invoke(hook, "{}"));
		// What one call was over its limits by is not counted against the next.
		expect((await loaded.invoke(hook, "{}")).report).toEqual(first.report);
		return first.report;
	}

	const flood = (call: string) => `(loop $next ${call}
		(local.set $i (i32.add (local.get $i) (i32.const 1)))
		(br_if $next (i32.lt_u (local.get $i) (i32.const 5000))))
		(call $continue)`;

	test("HP-17 a flood of lines is kept up to 64, the rest is counted, and blocks that do not exist are no lines", async () => {
		const nowhere = "(call $log_info (i64.const -1)) (call $log_error (i64.const 0x7000000000000000))";
		const report = await reportOf(flood(`(call $log_warn (call $data_block)) ${nowhere}`), "line");
		expect([report.logs.length, report.logsDropped]).toEqual([64, 5_000 - 64]);
		expect(new Set(report.logs.map(({ level, text }) => `${level} ${text}`))).toEqual(new Set(["warn line"]));
		expect(await reportOf(flood(nowhere), "")).toMatchObject({ logs: [], logsDropped: 0 });
	});

	test("HP-17 of a flood of long lines 16 KiB are kept", async () => {
		const report = await reportOf(
			flood("(if (i32.lt_u (local.get $i) (i32.const 500)) (then (call $log_debug (call $data_block))))"),
			"x".repeat(1_000),
		);
		expect(report.logs.length + report.logsDropped).toBe(500);
		expect(report.logs.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(16 * 1_024 + 1_024);
	});

	test("HP-18 a line of a mebibyte with line breaks and escapes is one record of at most 4 KiB", async () => {
		const report = await reportOf(
			"(call $log_error (call $data_block)) (call $continue)",
			"\u001b[31mläuft\r\nroot: ok\u0000\u2028".repeat(40_000),
		);
		expect(report).toMatchObject({ logs: [{ level: "error" }], logsDropped: 0 });
		expect(report.logs[0]?.text).toHaveLength(1_024);
		expect(Buffer.byteLength(report.logs[0]?.text ?? "")).toBeLessThanOrEqual(4_096);
		// As it stands in the execution's record: no line of its own.
		expect(JSON.stringify(report)).not.toMatch(/[\r\n\u001b\u0000]/);
	});
});
