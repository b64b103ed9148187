// The template as it is installed, and what its README shows of it: whoever copies it begins with what is tested here.
import { readFileSync } from "node:fs";
import { moduleFaults } from "@hookbus/foundation";
import { type ChatMessageEvent, type Message, manifestFaults, type PluginResult } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { chatEvent } from "../support/events.js";
import { SamplePlugin } from "../support/sample-plugin.js";

const STANDARD = "Answer in the language of the user's last message.";

let sample: SamplePlugin;

beforeAll(async () => {
	sample = await SamplePlugin.build("hello-world");
}, 600_000);

const instruction = (text: string): Message => ({ role: "system", parts: [{ type: "text", text }] });

test("has a valid manifest and a module that the host admits", () => {
	const { manifest, bytes } = sample;
	expect(manifestFaults(manifest)).toEqual([]);
	const rules = { requiredExports: ["on_chat_message"], memoryPages: manifest.limits?.memoryPages ?? 256 };
	expect(moduleFaults(bytes, rules)).toEqual([]);
});

describe("the instruction", () => {
	test.each([
		["of the manifest", {}, STANDARD],
		["of the admin", { instruction: "Sé breve. 短く。 👋" }, "Sé breve. 短く。 👋"],
	])("%s stands in front of the conversation, and everything else is as it was", async (_name, config, text) => {
		const messages: Message[] = [
			{ role: "system", parts: [{ type: "text", text: "You help customers." }] },
			{
				role: "user",
				id: "m-1",
				name: "Jane",
				parts: [
					{ type: "text", text: "Hallo!" },
					{ type: "image", ref: "https://example.com/x" },
				],
			},
			{ role: "assistant", parts: [{ type: "tool_call", id: "c", name: "t", arguments: { a: [1, 2.5, null, "é"] } }] },
			{ role: "tool", parts: [{ type: "tool_result", callId: "c", content: { b: true }, isError: true }] },
		];
		const event = chatEvent("", { data: { messages, tools: ["t"], parameters: { temperature: 0.2 } } });
		const answer = await sample.withConfig(config).send(event);
		expect(answer.action).toBe("modify");
		expect(answer.paths).toEqual(["/messages"]);
		expect(answer.data).toEqual({ ...event.data, messages: [instruction(text), ...messages] });
	});

	test("is the manifest's when there is no configuration at all", async () => {
		const answer = await sample.withWholeConfig({}).send(chatEvent("Hi"));
		expect(answer.data.messages[0]).toEqual(instruction(STANDARD));
	});

	test.each([
		["a number", { instruction: 5 }, 'guest_error: config "instruction" must be a string'],
		["a list", { instruction: ["a"] }, 'guest_error: config "instruction" must be a string'],
		["too long", { instruction: "x".repeat(2_001) }, 'guest_error: config "instruction" must have at most 2000 characters'],
	])("that is %s fails the call, and the operator is told why", async (_name, config, fault) => {
		await expect(sample.withWholeConfig(config).send(chatEvent("Hi"))).rejects.toThrow(fault);
	});
});

test("the greeting is an annotation", async () => {
	expect((await sample.withConfig().send(chatEvent("Hi"))).annotations).toEqual({ greeting: "Hello from your first plugin!" });
});

test("every event begins anew: the instruction is never added to what an earlier event left", async () => {
	const plugin = sample.withConfig();
	for (let event = 0; event < 3; event += 1) expect((await plugin.send(chatEvent("Hi"))).data.messages).toHaveLength(2);
});

test("the README shows what it does", async () => {
	const readme = readFileSync(new URL("../../plugins-wasm/hello-world/README.md", import.meta.url), "utf8");
	const [event, result] = [...readme.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => JSON.parse(json ?? "") as unknown) as [
		Pick<ChatMessageEvent, "data">,
		PluginResult,
	];
	const answer = await sample.withConfig().send(chatEvent("", { data: event.data }));
	expect({ action: answer.action, patch: { messages: answer.data.messages }, annotations: answer.annotations }).toEqual(result);
});
