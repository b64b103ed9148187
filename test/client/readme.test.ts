// The README says what the code says, and its example runs.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CLIENT_ERRORS, FAILURES, OPTION_NAMES } from "@hookbus/client";
import { expect, test, vi } from "vitest";
import { NUMBER_OPTIONS } from "../../sdk/client/src/client-options.js";
import { startNats } from "../support/start-nats.js";
import { createEventStream, storedEvents } from "./event-stream.js";
import { chat, response } from "./inputs.js";
import { putPolicy } from "./put-policy.js";
import { startScriptedRuntime } from "./scripted-runtime.js";

// Real servers on a busy machine: the limit is for what hangs, not for what is slow.
vi.setConfig({ testTimeout: 120_000 });

const readme = readFileSync(new URL("../../sdk/client/README.md", import.meta.url), "utf8");

/** Rows of the table under a heading: first cell without backquotes, then the other cells. */
function table(heading: string): [string, ...string[]][] {
	const section = readme.slice(readme.indexOf(heading));
	const lines = section.split("\n");
	const start = lines.findIndex((line) => line.startsWith("|---"));
	const rows: [string, ...string[]][] = [];
	for (const line of lines.slice(start + 1)) {
		if (!line.startsWith("| ")) break;
		const cells = line.slice(2, -2).split(" | ");
		rows.push([(cells[0] ?? "").replaceAll("`", ""), ...cells.slice(1)]);
	}
	return rows;
}

test("the README lists every failure code and every error code with the meaning that the code gives", () => {
	expect(Object.fromEntries(table("### Failure codes"))).toEqual(FAILURES);
	expect(Object.fromEntries(table("### Errors"))).toEqual(CLIENT_ERRORS);
});

test("the README lists every option, and numbers with their defaults", () => {
	const rows = table("## Options");
	expect(rows.map(([name]) => name).sort()).toEqual([...OPTION_NAMES].sort());
	for (const [name, [standard]] of Object.entries(NUMBER_OPTIONS)) {
		expect([name, rows.find((row) => row[0] === name)?.[1]]).toEqual([name, String(standard)]);
	}
});

async function runExample(url: string): Promise<{ stdout: string; stderr: string }> {
	const example = /```js\n(.*?)```/s.exec(readme)?.[1] ?? "";
	// Run from the repository's top level, where the package's name resolves.
	const cwd = fileURLToPath(new URL("../..", import.meta.url));
	const env = { ...process.env, NATS_URL: url };
	return await promisify(execFile)(process.execPath, ["--input-type=module", "-e", example], { cwd, env, timeout: 60_000 });
}

test("the README's example runs against a runtime that changes the message and the reply", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	await putPolicy(nats.url, "acme", {
		on_chat_message: { all: "closed", assistants: {} },
		on_before_response: { all: "closed", assistants: {} },
	});
	await startScriptedRuntime(nats.url, "acme", (call) => {
		if (call.event.hook === "on_chat_message") call.verdict({ action: "modified", data: chat("[GREETING]").data });
		else if (call.event.hook === "on_before_response") {
			const reply = call.event.data.response.message.parts.map((part) => ("text" in part ? part.text : "")).join("");
			call.verdict({ action: "modified", data: response(`${reply}!`).data });
		}
	});
	const { stdout, stderr } = await runExample(nats.url);
	expect(stdout).toBe("You said: [GREETING]!\n");
	expect(stderr.trim().split("\n")).toEqual(["connected", "policy", "closed"]);
	expect(await storedEvents(nats.url)).toMatchObject([{ body: { hook: "on_after_response", data: { outcome: "ok" } } }]);
});

test("the README's example runs where nothing is installed and nobody listens", async () => {
	const nats = await startNats();
	await createEventStream(nats.url);
	const { stdout } = await runExample(nats.url);
	expect(stdout).toBe("You said: Hello\n");
});
