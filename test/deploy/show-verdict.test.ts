import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { HookVerdict } from "@hookbus/client";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readConversation } from "../../deploy/demo/read-conversation.js";
import { findChanges } from "../../deploy/local/show/find-changes.js";
import { showVerdict } from "../../deploy/local/show/show-verdict.js";
import { table, terminalFor, wrap } from "../../deploy/local/show/terminal.js";
import { diffText } from "../../deploy/local/show/text-diff.js";

const plain = terminalFor({ isTTY: false } as unknown as NodeJS.WriteStream);

function verdict(more: Partial<HookVerdict<unknown>>): HookVerdict<unknown> {
	const base = { id: "e-1", hook: "on_chat_message", action: "continue", data: {}, annotations: {}, trail: [], durationMs: 2.5 };
	return { ...base, attempts: 1, source: "bus", revision: 3, ...more } as HookVerdict<unknown>;
}

describe("a verdict in plain text", () => {
	test("shows what changed, and only that, as before and after", () => {
		const sent = { messages: [{ text: "Write to jane@example.com, please." }, { text: "And to nobody else." }] };
		const data = { messages: [{ text: "Write to [EMAIL_1], please." }, { text: "And to nobody else." }] };
		const lines = showVerdict(verdict({ action: "modified", data }), sent, plain);
		expect(lines).toEqual([
			"  ~ modified in 2.50 ms",
			"    /messages/0/text",
			"      Write to [-jane@example.com-]{+[EMAIL_1]+}, please.",
		]);
	});

	test("says who blocked and why", () => {
		const reason = { code: "instruction_override", plugin: "prompt-guard", message: "That is not allowed." };
		expect(showVerdict(verdict({ action: "blocked", reason }), {}, plain)[0]).toBe(
			"  ✗ blocked in 2.50 ms by prompt-guard — instruction_override: That is not allowed.",
		);
	});

	test("gives each plugin a line with a bar as long as its time", () => {
		const entry = { version: "1.0.0", effect: "gate", mode: "enforce", outcome: "ok", action: "continue", startMs: 0 } as const;
		const trail = [
			{ ...entry, plugin: "fast", durationMs: 1 },
			{ ...entry, plugin: "slow", durationMs: 4, outcome: "timeout", skipped: true } as const,
		];
		const lines = showVerdict(verdict({ trail }), {}, plain).slice(1);
		expect(lines[0]).toMatch(/fast\s+1\.0\.0\s+gate\s+continue\s+={3}\s+1\.00 ms/);
		expect(lines[1]).toMatch(/slow\s+1\.0\.0\s+gate\s+timeout, skipped\s+={12}\s+4\.00 ms/);
	});

	test("holds no escape sequence", () => {
		const text = showVerdict(verdict({ action: "claimed", result: "4" }), {}, plain).join("\n");
		expect(text).toContain("answer: 4");
		expect(text).not.toContain("\u001b");
	});
});

describe("the difference of two texts", () => {
	test("leads from the one to the other, whatever they are", () => {
		const text = fc.array(fc.constantFrom("a", "b", "mail", " ", ", ", ".", "\n")).map((words) => words.join(""));
		fc.assert(
			fc.property(text, text, (before, after) => {
				const parts = diffText(before, after);
				const without = (kind: string) =>
					parts
						.filter((part) => part.kind !== kind)
						.map((part) => part.text)
						.join("");
				expect(without("added")).toBe(before);
				expect(without("removed")).toBe(after);
			}),
		);
	});
});

test("an element that was put into a list or taken out of it is one change, whatever moved", () => {
	const [system, user, other] = [
		{ role: "system", text: "s" },
		{ role: "user", text: "u" },
		{ role: "user", text: "o" },
	];
	const changed = { role: "user", text: "U" };
	expect(findChanges([user, other], [system, user, other])).toEqual([{ path: "/0", before: undefined, after: system }]);
	expect(findChanges([user], [system, changed])).toEqual([
		{ path: "/0", before: undefined, after: system },
		{ path: "/1/text", before: "u", after: "U" },
	]);
	expect(findChanges([user, other], [changed, other, system])).toEqual([
		{ path: "/0/text", before: "u", after: "U" },
		{ path: "/2", before: undefined, after: system },
	]);
	expect(findChanges([system, user, other], [user, other])).toEqual([{ path: "/0", before: system, after: undefined }]);
	expect(findChanges([system, user], [])).toHaveLength(2);
	expect(findChanges([], [system])).toEqual([{ path: "/0", before: undefined, after: system }]);
});

test("changes are found where they are, with JSON Pointers", () => {
	expect(findChanges({ a: [1, { "b/c": 2 }], gone: 1 }, { a: [1, { "b/c": 3 }], come: 2 })).toEqual([
		{ path: "/a/1/b~1c", before: 2, after: 3 },
		{ path: "/gone", before: 1, after: undefined },
		{ path: "/come", before: undefined, after: 2 },
	]);
});

test("tables line up and texts are wrapped between words", () => {
	expect(
		table([
			["a", "b"],
			["long", "c"],
		]),
	).toEqual(["  a     b", "  long  c"]);
	expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
});

test("the recorded conversation can be read, and a broken one is named", () => {
	const file = resolve(import.meta.dirname, "../../deploy/demo/conversation.json");
	const types = readConversation(file).steps.map(({ type }) => type);
	expect(new Set(types)).toEqual(new Set(["user", "reply", "toolCall", "toolResult"]));
	expect(JSON.parse(readFileSync(file, "utf8"))).toBeTypeOf("object");
	expect(() => readConversation(resolve(import.meta.dirname, "../fixtures/events/on_tool_call.json"))).toThrow(
		"is no recorded conversation",
	);
});
