// The grammar of subjects: what is built can be parsed, and what could address something else is refused.
import { eventSubject, HOOK_NAMES, isSubjectToken, parseEventSubject, parseReplySubject } from "@hookbus/schemas";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

describe("event subjects", () => {
	test("parsing is the inverse of building", () => {
		fc.assert(
			fc.property(token, fc.constantFrom(...HOOK_NAMES), token, (tenant, hook, assistant) => {
				expect(parseEventSubject(eventSubject({ tenant, hook, assistant }))).toEqual({ tenant, hook, assistant });
			}),
		);
	});

	test("any string is an address with valid tokens, or none at all", () => {
		fc.assert(
			fc.property(
				fc.oneof(
					fc.string(),
					fc.string().map((text) => `hooks.v1.${text}`),
				),
				(subject) => {
					const address = parseEventSubject(subject);
					if (address === undefined) return;
					expect(eventSubject(address)).toBe(subject);
				},
			),
			{ numRuns: 2_000 },
		);
	});

	test.each(["", "a.b", "*", ">", "a b", "ä", "x".repeat(65)])("token %j cannot stand in a subject", (value) => {
		expect(isSubjectToken(value)).toBe(false);
		expect(() => eventSubject({ tenant: value, hook: "on_chat_message", assistant: "a" })).toThrow(/cannot stand in a subject/);
	});
});

describe("reply subjects", () => {
	test.each([
		["_INBOX.Hv8QpGl1.Hv8Q", false, { frames: false }],
		["_INBOX_acme.abc.1", false, { frames: false }],
		["_INBOX_acme.frames.abc.1", false, { frames: true }],
		["_INBOX.frames.abc.1", false, { frames: false }],
		["_INBOX_acme.abc.1", true, { frames: false }],
		["_INBOX.Hv8QpGl1.Hv8Q", true, undefined],
		["_INBOX_other.abc", false, undefined],
		["_INBOX_acme", false, undefined],
		["_INBOX_acme.", false, undefined],
		["_INBOX_acme.*", false, undefined],
		["_INBOX_acme.>", false, undefined],
		["_INBOX.a b", false, undefined],
		["_INBOX.a..b", false, undefined],
		["$JS.API.STREAM.DELETE.X", false, undefined],
		["hooks.v1.acme.on_chat_message.a", false, undefined],
		[`_INBOX.${"a".repeat(300)}`, false, undefined],
	])("%s (tenant inboxes only: %s) is %j", (reply, tenantOnly, expected) => {
		expect(parseReplySubject(reply, "acme", tenantOnly)).toEqual(expected);
	});
});
