// Requests that api-call makes of endpoints and arguments, and what it makes of the responses, against a host that the test plays.
// That it does so through a real runtime is shown in test/parity/manifests.test.ts.
import { readFileSync } from "node:fs";
import { moduleFaults } from "@hookbus/foundation";
import { type Manifest, manifestFaults } from "@hookbus/schemas";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { buildPlugin } from "../../plugins-wasm/build-plugin.js";
import { toolEvent } from "../support/events.js";
import { type HttpAnswer, runScripted } from "../support/scripted-host.js";

let module: Uint8Array;

beforeAll(async () => {
	module = readFileSync((await buildPlugin("api-call")).wasm);
}, 600_000);

interface Sent {
	readonly url: string;
	readonly method: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly timeoutMs: number;
	readonly body: string | undefined;
}

interface Called {
	/** Undefined: nothing was sent. */
	readonly sent: Sent | undefined;
	readonly content: unknown;
	readonly isError: boolean;
}

const OK: HttpAnswer = { status: 200, headers: { "content-type": "application/json" }, body: '{"ok":true}' };

async function call(
	endpoint: Readonly<Record<string, unknown>>,
	args: Record<string, unknown> = {},
	{ answer = OK, config = {}, deadlineMs = 30_000 }: { answer?: HttpAnswer; config?: object; deadlineMs?: number } = {},
): Promise<Called> {
	const event = JSON.stringify(toolEvent("t", args, { deadlineMs }));
	const endpoints = [
		{ name: "other", url: "https://other.example.com" },
		{ name: "t", ...endpoint },
	];
	const run = await runScripted(module, "on_tool_call", event, {
		http_request: () => answer,
		config: JSON.stringify({ ...config, endpoints }),
	});
	expect([run.code, run.error]).toEqual([0, undefined]);
	const { action, result } = JSON.parse(run.output ?? "") as { action: string; result: { content: unknown; isError?: boolean } };
	expect(action).toBe("claim");
	const [, head, body] = run.calls.find(([name]) => name === "http_request") ?? [];
	const sent = head === undefined ? undefined : { ...(JSON.parse(String(head)) as Omit<Sent, "body">), body: body?.toString() };
	return { sent, content: result.content, isError: result.isError === true };
}

/** Half surrogates as UTF-8 has them: replaced. */
const wellFormed = (text: string) => Buffer.from(text).toString();

const URL_OF_T = "https://api.example.com/v1/items/{{id}}";

test("has a valid manifest and a module that the host admits", () => {
	const folder = new URL("../../plugins-wasm/api-call/", import.meta.url);
	const manifest = parse(readFileSync(new URL("plugin.yaml", folder), "utf8")) as Manifest;
	expect(manifestFaults(manifest)).toEqual([]);
	expect(moduleFaults(module, { requiredExports: ["on_tool_call"], memoryPages: 256 })).toEqual([]);
});

describe("a request", () => {
	test("has values in path, query, headers and body", async () => {
		const { sent } = await call(
			{
				method: "post",
				url: URL_OF_T,
				query: { q: "{{q}}", lang: "{{config.lang}}", fixed: "a b", page: "{{page}}", tag: "{{tags}}", no: "{{none}}" },
				headers: { "X-Trace": "t-{{id}}", "X-None": "{{none}}" },
				body: { q: "{{q}}", n: "{{n}}", text: "id {{id}}!", none: "{{none}}", list: ["{{n}}", "{{none}}", 1], on: true },
				defaults: { page: 2 },
			},
			{ id: "7/8", q: "ä&b=c", n: 1.5, tags: ["x", "y z"] },
			{ config: { lang: "de" } },
		);
		expect(sent).toMatchObject({
			method: "POST",
			url: "https://api.example.com/v1/items/7%2F8?q=%C3%A4%26b%3Dc&lang=de&fixed=a%20b&page=2&tag=x&tag=y%20z",
			headers: { "content-type": "application/json", "x-trace": "t-7/8" },
			timeoutMs: 8_000,
		});
		expect(JSON.parse(sent?.body ?? "")).toEqual({ q: "ä&b=c", n: 1.5, text: "id 7/8!", list: [1.5, 1], on: true });
	});

	test("has a form or a text as its body", async () => {
		const form = await call({ method: "POST", url: "https://a.example.com", form: { a: "{{a}}", b: "x&y" } }, { a: "1 2" });
		expect(form.sent).toMatchObject({
			url: "https://a.example.com/",
			headers: { "content-type": "application/x-www-form-urlencoded" },
			body: "a=1%202&b=x%26y",
		});
		const headers = { "Content-Type": "text/csv" };
		const text = await call(
			{ method: "PUT", url: "https://a.example.com/x", text: "{{a}};{{b}}", headers },
			{ a: "1", b: { c: 2 } },
		);
		expect(text.sent).toMatchObject({ headers: { "content-type": "text/csv" }, body: '1;{"c":2}' });
	});

	test("takes a member of an argument, and never reads a value as a template", async () => {
		const endpoint = { url: URL_OF_T, query: { a: "{{a.b}}" } };
		const { sent } = await call(endpoint, { id: "{{a.b}}", a: { b: "{{config.key}}" } }, { config: { key: "hidden" } });
		expect(sent?.url).toBe("https://api.example.com/v1/items/%7B%7Ba.b%7D%7D?a=%7B%7Bconfig.key%7D%7D");
	});

	test("waits as long as the endpoint says, and never so long that the caller is gone", async () => {
		expect((await call({ url: "https://a.example.com", timeoutMs: 1_234 })).sent?.timeoutMs).toBe(1_234);
		expect((await call({ url: "https://a.example.com" }, {}, { deadlineMs: 1_000 })).sent?.timeoutMs).toBe(900);
	});

	test("carries any text to where it belongs and nowhere else", async () => {
		const endpoint = { method: "POST", url: `${URL_OF_T}/end`, query: { q: "{{q}}" }, body: { a: "{{q}}", b: "<{{q}}>" } };
		const text = fc.oneof(
			fc.string({ unit: "binary", maxLength: 30 }),
			fc.stringMatching(/^[./\\%2eEfF5cC?#&=:@;{}"' \r\n]{1,12}$/),
		);
		await fc.assert(
			fc.asyncProperty(text, text, async (id, q) => {
				const { sent, isError } = await call(endpoint, { id, q });
				if (sent === undefined) {
					expect(isError).toBe(true);
					expect(id === "" || /\.|%(25)*2e/i.test(id)).toBe(true);
					return;
				}
				const url = new URL(sent.url);
				expect(url.origin).toBe("https://api.example.com");
				const [empty, v1, items, segment, end, ...more] = url.pathname.split("/");
				expect([empty, v1, items, end, more]).toEqual(["", "v1", "items", "end", []]);
				expect(decodeURIComponent(segment ?? "")).toBe(wellFormed(id));
				expect([...url.searchParams]).toEqual([["q", wellFormed(q)]]);
				expect(url.hash).toBe("");
				expect(JSON.parse(sent.body ?? "")).toEqual({ a: q, b: `<${q}>` });
			}),
			{ numRuns: 300 },
		);
	}, 60_000);
});

describe("a value that cannot stand in its place is told to the model, and nothing is sent:", () => {
	const rows: [string, Record<string, unknown>, Record<string, unknown>, string][] = [
		["an empty part of the path", { url: URL_OF_T }, { id: "" }, "id must not be empty: it is a part of the address"],
		["a missing part of the path", { url: URL_OF_T }, {}, "id must not be empty: it is a part of the address"],
		...["..", ".", "../x", "a/../b", "..\\x", "%2e%2e", "%252e.", "..;x", "a%2f.."].map(
			(id): [string, Record<string, unknown>, Record<string, unknown>, string] => [
				`${id} in the path`,
				{ url: URL_OF_T },
				{ id },
				"id must not have . or .. between slashes: it is a part of the address",
			],
		),
		[
			"two dots side by side",
			{ url: "https://a.example.com/{{a}}{{b}}" },
			{ a: ".", b: "x" },
			"a must not have . or .. between slashes: it is a part of the address",
		],
		...["a\r\nx: y", "a\nb", "\u0000", "ä"].map((h): [string, Record<string, unknown>, Record<string, unknown>, string] => [
			`${JSON.stringify(h)} in a header`,
			{ url: "https://a.example.com", headers: { "x-h": "{{h}}" } },
			{ h },
			"h must be printable ASCII without line breaks: it goes into the header x-h",
		]),
	];
	test.each(rows)("%s", async (_what, endpoint, args, message) => {
		expect(await call(endpoint, args)).toEqual({
			sent: undefined,
			isError: true,
			content: { code: "invalid_argument", message },
		});
	});
});

describe("a response", () => {
	const json = { "content-type": "application/json; charset=utf-8" };
	const plain = { "content-type": "text/plain" };
	const answers: [string, HttpAnswer, unknown][] = [
		["with JSON", { status: 200, headers: json, body: '{"a":[1,2.50,"ä"]}' }, { a: [1, 2.5, "ä"] }],
		["with JSON that is none", { status: 200, headers: json, body: "{" }, "{"],
		["with text", { status: 201, headers: plain, body: "héllo" }, "héllo"],
		["with JSON and no type", { status: 200, headers: {}, body: "[1]" }, [1]],
		["with text and no type", { status: 200, body: "plain" }, "plain"],
		["with nothing", { status: 204, headers: {}, body: "" }, { status: 204 }],
		[
			"with an image",
			{ status: 200, headers: { "content-type": "image/png" }, body: "\u0001" },
			{ contentType: "image/png", bytes: 1 },
		],
		["that is too long", { status: 200, headers: plain, body: "ä".repeat(20) }, { truncated: true, bytes: 40, text: "äääää" }],
	];
	test.each(answers)("%s is the tool's answer", async (_what, answer, content) => {
		const called = await call(
			{ url: "https://a.example.com", maxBytes: 11 + 10 * Number(answer.body?.length !== 20) },
			{},
			{ answer },
		);
		expect([called.isError, called.content]).toEqual([false, content]);
	});

	test.each<[HttpAnswer, Record<string, unknown>]>([
		[
			{ status: 404, headers: json, body: '{"error":"no such city"}' },
			{
				code: "http_status",
				message: "a.example.com:8443 answered with status 404",
				status: 404,
				body: { error: "no such city" },
			},
		],
		[
			{ status: 503, headers: plain, body: "x".repeat(5_000) },
			{ code: "http_status", status: 503, body: { truncated: true, bytes: 5_000, text: "x".repeat(4_096) } },
		],
		[
			{ status: 304, headers: {}, body: "" },
			{ code: "http_status", status: 304, body: { status: 304 } },
		],
		[{ status: 0 }, { code: "no_response", message: expect.stringContaining("took longer than 8000 ms") }],
	])("that is no success is an error with what came: %j", async (answer, content) => {
		const called = await call({ url: "https://a.example.com:8443/x" }, {}, { answer });
		expect(called.isError).toBe(true);
		expect(called.content).toMatchObject(content);
	});

	test("of the most bytes, all of them escaped, fits into the output", async () => {
		const body = "\u0001".repeat(160_000);
		const called = await call(
			{ url: "https://a.example.com", maxBytes: 160_000 },
			{},
			{ answer: { status: 200, headers: plain, body } },
		);
		expect(called.content).toBe(body);
		expect(JSON.stringify(body).length).toBeLessThan(1_048_576);
	});
});

test("a tool that is not its own, and the result of one, go on as they are", async () => {
	const config = { endpoints: [{ name: "t", url: "https://a.example.com" }] };
	for (const event of [toolEvent("other", {}), toolEvent("t", {}, { phase: "result" })]) {
		const run = await runScripted(module, "on_tool_call", JSON.stringify(event), { config: JSON.stringify(config) });
		expect([run.code, run.output]).toEqual([0, '{"action":"continue"}']);
	}
});

describe("a configuration", () => {
	const rows: [string, unknown, string][] = [
		["without endpoints", {}, 'config "endpoints" must be a list of at most 64 endpoints'],
		["with a host in places", { url: "https://{{host}}/x" }, 'config "endpoints[0].url" must begin with https:// or http://'],
		["with a part of the host in places", { url: "https://api.{{host}}" }, 'config "endpoints[0].url" must begin with'],
		["with another scheme", { url: "ftp://a.example.com" }, 'config "endpoints[0].url" must begin with'],
		["with a query in the URL", { url: "https://a.example.com/?a=1" }, 'config "endpoints[0].url" must have no ? and no #'],
		[
			"with a method that is none",
			{ url: "https://a.example.com", method: "BREW" },
			'config "endpoints[0].method" must be one of GET',
		],
		["with a place that does not end", { url: "https://a.example.com/{{a" }, 'config "endpoints[0].url" has {{ without }}'],
		["with a place without a name", { url: "https://a.example.com/{{a b}}" }, "has a place without a proper name: {{a b}}"],
		["with a field that is unknown", { url: "https://a.example.com", retries: 3 }, 'config "endpoints[0].retries" is not known'],
		["with two bodies", { url: "https://a.example.com", body: {}, text: "x" }, "must be the only one of body, form and text"],
		["with a time that is too long", { url: "https://a.example.com", timeoutMs: 60_000 }, "must be an integer from 1 to 9500"],
		["with a template in the body that is none", { url: "https://a.example.com", body: [{ a: "{{" }] }, "has {{ without }}"],
	];
	test.each(rows)("%s fails the activation, and says what is wrong", async (_what, endpoint, fault) => {
		const config = _what === "without endpoints" ? {} : { endpoints: [{ name: "t", ...(endpoint as object) }] };
		const run = await runScripted(module, "initialize", JSON.stringify(config));
		expect(run.code).toBe(1);
		expect(run.error).toContain(fault);
	});
});
