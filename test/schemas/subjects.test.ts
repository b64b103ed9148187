// The grammar of subjects: what is built can be parsed, and what could address something else is refused.
import {
	eventSubject,
	HOOK_NAMES,
	isSubjectToken,
	parseEventSubject,
	parseReplySubject,
	publishedSubject,
	storedName,
	storeSubject,
	storeSubjects,
	tenantInboxPrefix,
} from "@hookbus/schemas";
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

describe("subjects of one tenant are never those of another", () => {
	// Names that begin like others, and pieces that mean something to NATS.
	const names = fc.oneof(token, fc.constantFrom("acme", "acme_x", "acme-x", "acm", "_INBOX", "frames", "a"));
	const piece = fc.oneof(names, fc.constantFrom("*", ">", "", " ", "\n", "\0", "$JS", "API", "ä", "frames", "x".repeat(65)));
	const twoTenants = fc.tuple(names, names).filter(([own, other]) => own !== other);
	const runs = { numRuns: 3_000, seed: 4 };

	test("a reply is sent to inboxes of the own tenant, or to those that belong to nobody, and to one subject only", () => {
		let answered = 0;
		fc.assert(
			fc.property(names, fc.array(piece, { maxLength: 9 }), fc.boolean(), (owner, rest, tenantOnly) => {
				for (const prefix of [tenantInboxPrefix(owner), "_INBOX", owner, "$JS.API"]) {
					for (const tenant of [owner, "acme", "other"]) {
						const reply = [prefix, ...rest].join(".");
						if (parseReplySubject(reply, tenant, tenantOnly) === undefined) continue;
						answered += 1;
						const [inbox, ...tokens] = reply.split(".");
						expect([tenantInboxPrefix(tenant), ...(tenantOnly ? [] : ["_INBOX"])]).toContain(inbox);
						expect(tokens.length).toBeGreaterThan(0);
						expect(tokens.every(isSubjectToken)).toBe(true);
					}
				}
			}),
			runs,
		);
		expect(answered).toBeGreaterThan(200);
	});

	test("any text as a reply subject is answered only as such an inbox", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary" }), fc.constantFrom("_INBOX.", "_INBOX_acme.", "_INBOX_", ""), (text, prefix) => {
				if (parseReplySubject(prefix + text, "acme", false) === undefined) return;
				expect(prefix + text).toMatch(/^_INBOX(_acme)?(\.[A-Za-z0-9_-]{1,64}){1,8}$/);
			}),
			runs,
		);
	});

	test("an event's subject names one tenant, which is not the other", () => {
		fc.assert(
			fc.property(twoTenants, fc.constantFrom(...HOOK_NAMES), names, ([own, other], hook, assistant) => {
				const subject = eventSubject({ tenant: own, hook, assistant });
				expect(parseEventSubject(subject)?.tenant).toBe(own);
				expect(subject).not.toBe(eventSubject({ tenant: other, hook, assistant }));
			}),
			runs,
		);
	});

	test("what a plugin keeps stands below its own tenant and plugin, under one token for any name, and comes back by that name", () => {
		const anyName = fc.oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.constantFrom("*", ">", "a.b", " ", "\0", "../x"));
		fc.assert(
			fc.property(
				names,
				names,
				anyName,
				anyName,
				fc.constantFrom("state" as const, "files" as const),
				(tenant, plugin, a, b, kind) => {
					const subject = storeSubject(kind, tenant, plugin, a);
					const all = storeSubjects(kind, tenant, plugin);
					expect(subject.startsWith(all.slice(0, -1))).toBe(true);
					expect(subject.slice(all.length - 1)).toMatch(/^[A-Za-z0-9_-]+$/);
					expect(storedName(subject)).toBe(a);
					expect(storeSubject(kind, tenant, plugin, b) === subject).toBe(a === b);
				},
			),
			runs,
		);
	});

	test("what a plugin publishes stands below its own tenant and plugin, or is refused", () => {
		let published = 0;
		fc.assert(
			fc.property(names, names, fc.array(piece, { minLength: 1, maxLength: 6 }), (tenant, plugin, tokens) => {
				let subject: string;
				try {
					subject = publishedSubject(tenant, plugin, tokens.join("."));
				} catch (thrown) {
					expect(thrown).toBeInstanceOf(TypeError);
					return;
				}
				published += 1;
				const own = `hookbus.v1.published.${tenant}.${plugin}.`;
				expect(subject.startsWith(own)).toBe(true);
				expect(subject.slice(own.length)).toMatch(/^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,3}$/);
			}),
			runs,
		);
		expect(published).toBeGreaterThan(200);
	});
});
