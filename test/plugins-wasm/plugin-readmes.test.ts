// What the sample plugins' READMEs say to admins is what their manifests and their code say: tables are compared, examples run.
import { existsSync, readFileSync } from "node:fs";
import type { HookEntry, HookEvent, Manifest } from "@hookbus/schemas";
import { eventSubject, isEventData } from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { chatEvent, responseEvent, toolEvent } from "../support/events.js";
import { SamplePlugin } from "../support/sample-plugin.js";

const FOLDER = new URL("../../plugins-wasm/", import.meta.url);

/** Not everything in the folder: somebody's own plugin may stand beside them. */
const SAMPLES = ["hello-world", "math-solver", "pii-redactor", "prompt-guard"];

interface Property {
	readonly default?: unknown;
	readonly items?: { readonly enum?: readonly string[] };
}

const readmeOf = (name: string) => readFileSync(new URL(`${name}/README.md`, FOLDER), "utf8");
const manifestOf = (name: string) => parse(readFileSync(new URL(`${name}/plugin.yaml`, FOLDER), "utf8")) as Manifest;
const withoutTicks = (text: string) => text.replaceAll("`", "");
/** What stands between backquotes. */
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? "");

/** Cells of the rows of the table whose first column has this title. */
function table(readme: string, title: string): string[][] {
	const lines = readme.split("\n");
	const start = lines.findIndex((line) => line.startsWith(`| ${title} |`));
	if (start === -1) throw new Error(`there is no table "${title}"`);
	const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
	return lines.slice(start + 2, end).map((line) =>
		line
			.slice(2, -2)
			.split(/ \| /)
			.map((cell) => cell.replaceAll("\\|", "|")),
	);
}

test.each(SAMPLES)("%s has a README that begins with its name", (name) => {
	expect(existsSync(new URL(`${name}/README.md`, FOLDER))).toBe(true);
	expect(readmeOf(name)).toMatch(new RegExp(`^# ${name}\n`));
});

describe.each(SAMPLES)("the README of %s", (name) => {
	const readme = readmeOf(name);
	const manifest = manifestOf(name);

	test("has every configuration value with its default, and no other", () => {
		const properties = (manifest.config?.["properties"] ?? {}) as Readonly<Record<string, Property>>;
		const written = ({ default: value, items }: Property): string[] => {
			if (value === undefined) return ["none"];
			const json = typeof value === "string" && value !== "" ? value : JSON.stringify(value);
			const left = items?.enum?.filter((choice) => Array.isArray(value) && !value.includes(choice));
			if (left === undefined) return [json];
			return left.length === 0 ? ["all of them"] : [json, `all but ${left.join(", ")}`];
		};
		const rows = table(readme, "config").map(([property = "", , standard = ""]) => [
			withoutTicks(property),
			withoutTicks(standard),
		]);
		expect(rows.map(([property]) => property)).toEqual(Object.keys(properties));
		for (const [property = "", standard] of rows) {
			expect(written(properties[property] ?? {}), `the default of ${property}`).toContain(standard);
		}
	});
});

describe.each(SAMPLES.filter((name) => name !== "hello-world"))("the README of %s", (name) => {
	const readme = readmeOf(name);
	const manifest = manifestOf(name);

	test("has every hook with its effect, order, phases and paths", () => {
		const code = ({ hook, effect, phases = [], paths = [] }: HookEntry) => [hook, effect, ...phases, ...paths];
		const rows = table(readme, "hook");
		expect(rows.map((row) => quoted(row.slice(0, -1).join(" ")))).toEqual(manifest.hooks.map(code));
		manifest.hooks.forEach(({ order }, index) => {
			expect(/order (\d+)/.exec(rows[index]?.[1] ?? "")?.[1]).toBe(order === undefined ? undefined : String(order));
		});
	});

	test("has every permission", () => {
		const asked = manifest.permissions ?? [];
		const listed = asked.length === 0 ? [] : table(readme, "permission").map(([permission = ""]) => withoutTicks(permission));
		expect(listed).toEqual(asked);
		if (asked.length === 0) expect(readme).toContain("It asks for no permission");
	});

	test("shows an event that any NATS client can send, and that the plugin acts on", async () => {
		const [, subject, body] = /nats request (\S+) '(\{.*?\n\})'/s.exec(readme) ?? [];
		const event = JSON.parse((body ?? "").replace(/'"\$\(date[^)]*\)"'/, new Date().toISOString())) as HookEvent;
		expect(eventSubject(event)).toBe(subject);
		expect(isEventData(event.hook, event.data)).toBe(true);
		expect((await (await SamplePlugin.build(name)).withConfig().send(event)).action).not.toBe("continue");
	});

	test("shows a configuration that the plugin takes", async () => {
		for (const [, body] of readme.matchAll(/ -d '(\{.*?\})' \\\n/g)) {
			const { config } = JSON.parse(body ?? "") as { config: Record<string, unknown> };
			expect(await (await SamplePlugin.build(name)).withConfig(config).activationFault()).toBeUndefined();
		}
	});
});

test("the examples of pii-redactor are what it does", async () => {
	const plugin = (await SamplePlugin.build("pii-redactor")).withConfig();
	const tenant = { tenant: "default" };
	const [asked, answered, left] = table(readmeOf("pii-redactor"), "before").map((row) =>
		row.flatMap((cell) => quoted(cell).slice(0, 1)),
	);
	const [said = "", seen = ""] = asked ?? [];
	const textOf = (message: unknown) => (message as { parts: { text: string }[] }).parts[0]?.text;
	const redacted = await plugin.send(chatEvent(said, tenant));
	expect(textOf(redacted.data.messages[0])).toBe(seen);
	const [reply = "", shown] = answered ?? [];
	const { messages } = chatEvent(said).data;
	const event = responseEvent(reply, tenant);
	const restored = await plugin.send({ ...event, data: { ...event.data, messages } });
	expect(textOf(restored.data.response.message)).toBe(shown);
	expect((await plugin.send(chatEvent(left?.[0] ?? ""))).action).toBe("continue");
});

test("the examples of prompt-guard are what it does", async () => {
	const plugin = (await SamplePlugin.build("prompt-guard")).withConfig();
	const rows = table(readmeOf("prompt-guard"), "before");
	expect(rows).toHaveLength(5);
	for (const [before = "", after = ""] of rows) {
		const [text = ""] = quoted(before);
		const call = { id: "c", name: "fetch_page", arguments: {} };
		const answer = before.startsWith("a tool's result")
			? await plugin.send(toolEvent("fetch_page", {}, { phase: "result", data: { call, result: { content: text } } }))
			: await plugin.send(chatEvent(text));
		expect(answer.action, text).toBe(after.startsWith("blocked") ? "block" : "continue");
		const [code] = quoted(after);
		if (after.startsWith("blocked")) expect(answer.reason?.code, text).toBe(code);
		else if (code !== undefined) expect(answer.annotations, text).toEqual(JSON.parse(code));
		const message = /"(This was stopped.*?)"/.exec(after)?.[1];
		if (message !== undefined) expect(answer.reason?.message).toBe(message);
	}
});

describe("math-solver", () => {
	const calculate = async (given: Record<string, unknown>) => {
		const plugin = (await SamplePlugin.build("math-solver")).withConfig();
		return (await plugin.send(toolEvent("calculate", given))).claim as { content: Record<string, unknown>; isError?: boolean };
	};

	test("the examples are what it does", async () => {
		for (const [before = "", after = ""] of table(readmeOf("math-solver"), "before")) {
			const [content = ""] = quoted(after);
			expect(await calculate(JSON.parse(quoted(before)[0] ?? ""))).toEqual({
				content: JSON.parse(content),
				...(after.includes("error") ? { isError: true } : {}),
			});
		}
	});

	test("the functions and constants are those of the plugin", async () => {
		const { content } = await calculate({ expression: "nothing(1)" });
		const names = (text: string) => text.replaceAll(/\([^)]*\)/g, "").match(/[a-z]+\d*/g) ?? [];
		const [, functions = "", constants = ""] = /Functions: (.*?)\. Constants: (.*?)\./.exec(String(content["message"])) ?? [];
		const rows = new Map(
			readmeOf("math-solver")
				.split("\n")
				.map((line) => line.split(" | ") as [string, string]),
		);
		expect(new Set(names(rows.get("| functions") ?? ""))).toEqual(new Set(names(functions)));
		expect(names(rows.get("| constants") ?? "")).toEqual(names(constants));
	});
});
