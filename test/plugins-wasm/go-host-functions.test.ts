// What a plugin may ask of the host, from standard Go: the official Extism PDK, with the functions of this host imported beside it.
import { inspectModule, moduleFaults, USER_IMPORTS, USER_MODULE } from "@hookbus/foundation";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { buildGoPlugin, hasGo, needsGo } from "../support/build-go-plugin.js";
import { runScripted } from "../support/scripted-host.js";

let module: Uint8Array;

beforeAll(() => {
	if (hasGo()) module = buildGoPlugin("./host-functions");
}, 600_000);

beforeEach(needsGo);

test("a plugin in Go imports the host's functions with the types that the host offers, and is admitted", () => {
	const imported = inspectModule(module).imports.filter((entry) => entry.module === USER_MODULE);
	expect(Object.fromEntries(imported.map(({ name, type }) => [name, type]))).toEqual(USER_IMPORTS);
	expect(moduleFaults(module, { requiredExports: ["on_chat_message"], memoryPages: 256 })).toEqual([]);
});

test("a plugin in Go passes texts and numbers to the host, and gets its answers", async () => {
	const { code, output, error, calls } = await runScripted(module, "on_chat_message", "{}", {
		state_get: (key) => (key === "absent" ? undefined : "wört"),
		state_set: () => 1,
		state_delete: () => undefined,
		state_increment: () => -9_007_199_254_740_993n,
		once: () => 1,
		file_read: () => "",
		file_write: () => 0,
		file_delete: () => undefined,
		file_list: () => '["notes/ü.txt"]',
		publish: () => undefined,
		http_request: (request) =>
			request.includes("nobody") ? { status: 0 } : { status: 201, headers: { "content-type": "text/plain" }, body: "schön" },
	});
	expect([code, error]).toEqual([0, undefined]);
	const request = { url: "https://api.example.com/v1", method: "POST", headers: { "content-type": "text/plain" } };
	expect(calls).toEqual([
		["state_get", "kept/ü"],
		["state_get", "absent"],
		["state_set", "kept/ü", Buffer.from("wört"), 60_000n],
		["state_delete", "absent"],
		["state_increment", "count", -2n, 0n],
		["once", "first", 1_000n],
		["file_read", "notes/ü.txt"],
		["file_write", "notes/ü.txt", Buffer.alloc(0)],
		["file_delete", "old.txt"],
		["file_list", "notes/"],
		["publish", "notes.written", Buffer.from('{"path":"notes/ü.txt"}')],
		["http_request", JSON.stringify(request), Buffer.from("bödy")],
		["http_request", expect.stringContaining('"GET"'), undefined],
	]);
	// Read as text: the sum has more digits than a number of JavaScript.
	expect(output).toContain('"sum":-9007199254740993,');
	expect(JSON.parse(output ?? "")).toMatchObject({
		action: "continue",
		annotations: {
			kept: "wört",
			absent: null,
			set: false,
			first: true,
			file: "",
			written: true,
			paths: ["notes/ü.txt"],
			status: 201,
			headers: { "content-type": "text/plain" },
			body: "schön",
			unanswered: 0,
		},
	});
});
