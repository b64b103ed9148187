// Whatever the caller gives, it becomes a valid event or a named fault; the body keeps its meaning when its deadline changes.
import { isEvent } from "@hookbus/schemas";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildEvent, withDeadline } from "../../sdk/client/src/build-event.js";
import { chat } from "./inputs.js";

const defaults = { tenant: "acme", deadlineMs: 1_000, maxEventBytes: 4_096 };

test("any input becomes an event that the schema accepts, or a fault with a sentence", () => {
	const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, maxDepth: 3 });
	const text = fc.string({ unit: "grapheme" });
	const plausible = fc.record(
		{
			assistant: fc.oneof(fc.constantFrom("support", "a.b", "", "__proto__"), anything),
			id: fc.oneof(text, anything),
			turn: fc.oneof(fc.integer(), anything),
			deadlineMs: fc.oneof(fc.integer(), fc.double(), anything),
			data: fc.oneof(
				text.map((words) => chat(words).data),
				anything,
			),
		},
		{ requiredKeys: [] },
	);
	fc.assert(
		fc.property(fc.oneof(plausible, anything), (input) => {
			const built = buildEvent("on_chat_message", undefined, input as never, defaults);
			if ("failure" in built) {
				expect(["invalid_event", "event_too_large"]).toContain(built.failure);
				expect(built.detail).not.toBe("");
				return;
			}
			expect(built.body.length).toBeLessThanOrEqual(defaults.maxEventBytes);
			const event: unknown = JSON.parse(Buffer.from(built.body).toString("utf8"));
			expect(isEvent("on_chat_message", event)).toBe(true);
			expect(event).toMatchObject({ id: built.id, deadlineMs: built.deadlineMs, tenant: "acme" });
		}),
		{ numRuns: 1_000 },
	);
});

test("a new deadline changes nothing else in the body, and not the body itself", () => {
	fc.assert(
		fc.property(
			fc.integer({ min: 1, max: 40_000 }),
			fc.double({ min: -5, max: 30_000, noNaN: true }),
			fc.string({ unit: "grapheme" }),
			(first, second, words) => {
				const built = buildEvent("on_chat_message", undefined, chat(words, { deadlineMs: first }), {
					...defaults,
					maxEventBytes: 1e6,
				});
				if ("failure" in built) throw new Error(built.detail);
				const original = JSON.parse(Buffer.from(built.body).toString("utf8"));
				const changed = JSON.parse(Buffer.from(withDeadline(built.body, second)).toString("utf8"));
				expect(changed).toEqual({ ...original, deadlineMs: Math.max(1, Math.floor(second)) });
				expect(JSON.parse(Buffer.from(built.body).toString("utf8"))).toEqual(original);
			},
		),
	);
});
