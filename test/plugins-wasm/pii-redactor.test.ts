// The plugin pii-redactor as it is installed: compiled, linked and limited like every module, on the runtime's own plugin host.
// One file in spite of its length: tables of what it must find and of what it must leave alone.
import { createHmac } from "node:crypto";
import type { BeforeResponseEvent, ChatMessageEvent, Message, MessagePart, Role } from "@hookbus/schemas";
import type { Static } from "@sinclair/typebox";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { bestOf } from "../support/best-of.js";
import { chatEvent, responseEvent } from "../support/events.js";
import { expectAdmitted } from "../support/expect-admitted.js";
import { type ConfiguredPlugin, type PluginConfig, SamplePlugin } from "../support/sample-plugin.js";

const KINDS = ["secret", "email", "iban", "card", "ip", "phone"] as const;
type Kind = (typeof KINDS)[number];

/** A value of each kind that nothing else takes for something of its own. */
const VALUES: Readonly<Record<Kind, string>> = {
	secret: "sk-proj-abcdEFGH1234567890ijkl",
	email: "jane.doe@example.com",
	iban: "DE89 3704 0044 0532 0130 00",
	card: "4111 1111 1111 1111",
	ip: "192.168.1.10",
	phone: "+49 30 901820",
};

let sample: SamplePlugin;
let standard: ConfiguredPlugin;

beforeAll(async () => {
	sample = await SamplePlugin.build("pii-redactor");
	standard = sample.withConfig();
}, 600_000);

const textPart = (text: string): MessagePart => ({ type: "text", text });
const say = (role: Static<typeof Role>, text: string): Message => ({ role, parts: [textPart(text)] });
const chat = (messages: Message[], changes: Partial<ChatMessageEvent> = {}) => chatEvent("", { data: { messages }, ...changes });
const reply = (text: string, messages: Message[], changes: Partial<BeforeResponseEvent> = {}) =>
	responseEvent("", { data: { response: { message: say("assistant", text) }, messages }, ...changes });

function textOf(message: Message | undefined): string {
	const part = message?.parts[0];
	return part?.type === "text" ? part.text : "";
}

/** What the model sees of a user's text. */
async function redact(text: string, plugin = standard): Promise<string> {
	return textOf((await plugin.send(chat([say("user", text)]))).data.messages[0]);
}

/** What the user sees of a reply. */
async function restore(text: string, messages: Message[], plugin = standard): Promise<string> {
	return textOf((await plugin.send(reply(text, messages))).data.response.message);
}

/** Placeholders without their hashes: `[EMAIL]`. */
const kindsOnly = (text: string) => text.replaceAll(/\[([A-Z]+)_[0-9a-f]{10}\]/g, "[$1]");

/** Runs all texts and compares them at once, so that a failure shows every one that is wrong. */
async function expectRedacted(rows: readonly (readonly [text: string, redacted: string])[]): Promise<void> {
	const got: [string, string][] = [];
	for (const [text] of rows) got.push([text, kindsOnly(await redact(text))]);
	expect(got).toEqual(rows);
}

/** The same for values that stand alone in a sentence. */
async function expectFound(label: string, values: readonly string[]): Promise<void> {
	await expectRedacted(values.map((value) => [`It is: ${value}, ok?`, `It is: [${label}], ok?`]));
}

async function expectLeft(values: readonly string[]): Promise<void> {
	await expectRedacted(values.map((value) => [`It is: ${value}, ok?`, `It is: ${value}, ok?`]));
}

describe("package", () => {
	test("has a valid manifest and a module that the host admits", () => {
		expectAdmitted(sample);
	});
});

describe("e-mail addresses", () => {
	test("are found in the forms in which people write them", async () => {
		await expectFound("EMAIL", [
			"jane.doe@example.com",
			"JANE@EXAMPLE.COM",
			"jane+news@mail.example.co.uk",
			"jane_doe%x@example-company.museum",
			"o'brien@example.ie",
			"4155552671@example.com",
			"a@b.co",
			"müller@exämple.de",
			"josé@correo.es",
			"иван@пример.рф",
			"x@xn--bcher-kva.example",
		]);
	});

	test("end where the sentence goes on", async () => {
		await expectRedacted([
			["Write to jane@example.com.", "Write to [EMAIL]."],
			["(jane@example.com)", "([EMAIL])"],
			["<jane@example.com>;bob@example.com,eve@example.com", "<[EMAIL]>;[EMAIL],[EMAIL]"],
			["mailto:jane@example.com?subject=Hi", "mailto:[EMAIL]?subject=Hi"],
			["https://example.com/?email=jane@example.com&page=2", "https://example.com/?email=[EMAIL]&page=2"],
			['{"email":"jane@example.com"}', '{"email":"[EMAIL]"}'],
			["*jane@example.com*\tand\njane@example.com", "*[EMAIL]*\tand\n[EMAIL]"],
			["邮箱jane@example.com，谢谢", "邮箱[EMAIL]，谢谢"],
			["jane@example.com's account", "[EMAIL]'s account"],
		]);
	});

	test("are not what only looks like one", async () => {
		await expectLeft([
			"@jane",
			"jane@",
			"jane@localhost",
			"@example.com",
			"icon@2x.png",
			"react@18",
			"lodash@4.17.21",
			"git@github.com:owner/name",
			"jane.@example.com",
			"jane@example.c",
			"jane@-example.com",
			"a @ b . com",
		]);
	});
});

describe("phone numbers", () => {
	test("are found in international notation", async () => {
		await expectFound("PHONE", [
			"+49 30 901820",
			"+4930901820",
			"+49-30-901820",
			"+49.30.901820",
			"+49/30/901820",
			"+49 (0)30 901820",
			"+49 (0) 30 90 18 20",
			"0049 30 901820",
			"+1 415 555 2671",
			"+1 (415) 555-2671",
			"+1.415.555.2671",
			"+14155552671",
			"+33 1 23 45 67 89",
			"+34 612 345 678",
			"+39 06 6982 1234",
			"+41 44 668 18 00",
			"+43 1 58858",
			"+44 20 7946 0958",
			"+55 11 98765-4321",
			"+7 495 123-45-67",
			"+81 3-1234-5678",
			"+86 138 1234 5678",
			"+91 98765 43210",
			"+353 1 676 7000",
			"+49\u00a030\u00a0901820",
		]);
	});

	test("are found in national notation", async () => {
		await expectFound("PHONE", [
			"030 901820",
			"030/901820",
			"(030) 901820",
			"030 901820-12",
			"0151 23456789",
			"01512345678",
			"020 7946 0958",
			"07700900123",
			"06 12 34 56 78",
			"06.12.34.56.78",
			"0612345678",
			"(11) 98765-4321",
			"(02) 9374 4000",
			"(415) 555-2671",
			"415-555-2671",
			"415.555.2671",
			"1-415-555-2671",
		]);
	});

	test("are found in any form behind a word that announces one", async () => {
		await expectRedacted([
			["phone: 5551234", "phone: [PHONE]"],
			["Telefon 4711 815", "Telefon [PHONE]"],
			["please call me at 4155552671 today", "please call me at [PHONE] today"],
			["Tel.:030 901820", "Tel.:[PHONE]"],
			["Tel.030 901820", "Tel.[PHONE]"],
			["mon téléphone : 612 345 678", "mon téléphone : [PHONE]"],
			["teléfono 612 345 678", "teléfono [PHONE]"],
			["📞 5551234", "📞 [PHONE]"],
			["电话：5551234567", "电话：[PHONE]"],
			["手机13800138000", "手机[PHONE]"],
		]);
	});

	test("end where something else begins", async () => {
		await expectRedacted([
			["tel:+14155552671", "tel:[PHONE]"],
			["Doe,Jane,+49 30 901820,Berlin", "Doe,Jane,[PHONE],Berlin"],
			["Doe,Jane,030 901820,Berlin", "Doe,Jane,[PHONE],Berlin"],
			["030 901820 on 12.03.2024", "[PHONE] on 12.03.2024"],
			["Tel. 030 901820 Fax 030 901821", "Tel. [PHONE] Fax [PHONE]"],
			["+49 30 901820 / +49 30 901821", "[PHONE] / [PHONE]"],
			["415-555-2671, 415-555-2672.", "[PHONE], [PHONE]."],
			["(+49 30 901820)", "([PHONE])"],
			['{"phone":"+4930901820"}', '{"phone":"[PHONE]"}'],
		]);
	});

	test("are not order numbers, dates, times, prices, coordinates or identifiers", async () => {
		await expectLeft([
			"order 4711-0815",
			"order 123456789",
			"A-1042",
			"INV-0151-2345678",
			"2024-00123",
			"415-555-2671-99",
			"100-200-300",
			"tracking 1Z999AA10123456784",
			"SKU 4006381333931",
			"ISBN 978-3-16-148410-0",
			"no. 0049",
			"2024-01-31",
			"31.01.2024",
			"01/31/2024",
			"31-01-2024",
			"06.12.24",
			"06.12.2024 12:34",
			"born 01 02 1990",
			"2024-01-31T10:15:30Z",
			"12:0301234567",
			"1700000000",
			"1700000000000",
			"20240131101530",
			"file_20240131_101530.txt",
			"1,234.56 EUR",
			"1.234.567,89",
			"€ 1 234 567",
			"1 000 000 000",
			"49.90 + 12.50",
			"2 * 59.90 * (1 - 2.5 / 100)",
			"52.520008",
			"52.5200,13.4049",
			"3+4901234567",
			"(1990) 123456789",
			"0123456789",
			"+49",
			"1-2-3-4-5-6-7-8-9-10",
			"16:00-17:30",
			"550e8400-e29b-41d4-a716-446655440000",
			"https://example.com/order/4155552671",
		]);
	});
});

describe("card numbers", () => {
	const cards = [
		"4111111111111111",
		"4222222222222",
		"5555555555554444",
		"2223003122003222",
		"378282246310005",
		"6011111111111117",
		"3530111333300000",
		"30569309025904",
		"6304000000000000",
	];

	test("are found with their checksum, in one piece and in groups", async () => {
		await expectFound("CARD", [
			...cards,
			"4111 1111 1111 1111",
			"4111-1111-1111-1111",
			"4111\u00a01111\u00a01111\u00a01111",
			"3782 822463 10005",
		]);
	});

	test("are not found with one digit that is off", async () => {
		await expectLeft(cards.map((card) => `${card.slice(0, -1)}${(Number(card.at(-1)) + 1) % 10}`));
		await fc.assert(
			fc.asyncProperty(fc.nat(15), fc.integer({ min: 1, max: 9 }), async (at, by) => {
				const digits = [..."4539578763621486"];
				digits[at] = String((Number(digits[at]) + by) % 10);
				expect(kindsOnly(await redact(`card ${digits.join("")}.`))).toBe(`card ${digits.join("")}.`);
			}),
			{ numRuns: 60 },
		);
	});

	test("are not other long numbers, whatever their checksum", async () => {
		await expectLeft([
			"0000000000000000",
			"4444444444444444",
			"9999999999999995",
			"12345678901234567890",
			"41111111111111110",
			"x4111111111111111",
			"4111111111111111_2",
			"0.4111111111111111",
			"4111111111111111.5",
		]);
	});
});

describe("IBANs", () => {
	const ibans = [
		"DE89370400440532013000",
		"GB82WEST12345698765432",
		"FR1420041010050500013M02606",
		"NO9386011117947",
		"MT84MALT011000012345MTLCAST001S",
		"CH9300762011623852957",
		"BE68539007547034",
		"NL91ABNA0417164300",
		"ES9121000418450200051332",
		"AT611904300234573201",
	];

	test("are found with their checksum and the length of their country, in one piece and in groups", async () => {
		await expectFound("IBAN", [
			...ibans,
			...ibans.map((iban) => iban.replaceAll(/.{4}(?=.)/g, "$& ")),
			"de89 3704 0044 0532 0130 00",
			"DE89-3704-0044-0532-0130-00",
			"DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
		]);
	});

	test("are not found with one character that is off, too short or too long", async () => {
		await expectLeft([
			...ibans.map((iban) => `${iban.slice(0, -1)}${iban.endsWith("0") ? "1" : "0"}`),
			"DE8937040044053201300",
			"DE893704004405320130000",
			"XX89370400440532013000",
			"DE 89",
		]);
	});

	test("are found for every account number of a country", async () => {
		await fc.assert(
			fc.asyncProperty(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), fc.nat(21), async (account, at) => {
				const bban = account.toString().padStart(18, "0");
				// D is 13 and E is 14; the check digits make the whole 1 modulo 97.
				const check = (98n - (BigInt(`${bban}131400`) % 97n)).toString().padStart(2, "0");
				const iban = `DE${check}${bban}`;
				expect(kindsOnly(await redact(`to ${iban}`))).toBe("to [IBAN]");
				if (at < 2) return;
				const wrong = `${iban.slice(0, at)}${(Number(iban[at]) + 1) % 10}${iban.slice(at + 1)}`;
				expect(kindsOnly(await redact(`to ${wrong}`))).toBe(`to ${wrong}`);
			}),
			{ numRuns: 60 },
		);
	});
});

describe("IP addresses", () => {
	test("are found, IPv4 and IPv6", async () => {
		await expectFound("IP", [
			"192.168.1.10",
			"10.0.0.255",
			"203.0.113.195",
			"8.8.4.44",
			"2001:db8::1",
			"2001:0db8:85a3:0000:0000:8a2e:0370:7334",
			"2001:DB8::",
			"fe80::1%eth0",
			"::ffff:192.0.2.128",
		]);
		await expectRedacted([
			["ping 192.168.1.10.", "ping [IP]."],
			["http://192.168.1.10:8080/x", "http://[IP]:8080/x"],
			["203.0.113.0/24", "[IP]/24"],
			["[2001:db8::1]:443", "[[IP]]:443"],
			["10.0.0.5-10.0.0.9, 10.0.0.10", "[IP]-[IP], [IP]"],
		]);
	});

	test("are not versions, times, hardware addresses or addresses that identify nobody", async () => {
		await expectLeft([
			"127.0.0.1",
			"0.0.0.0",
			"255.255.255.0",
			"::1",
			"1.2.3.4",
			"version 10.20.30.40",
			"v10.20.30.40",
			"Chrome/120.0.0.0",
			"10.0.19045.3803",
			"256.10.10.10",
			"10.20.030.40",
			"192.168.1",
			"10.20.30.40.50",
			"12:34:56",
			"00:1a:2b:3c:4d:5e",
			"std::vector",
			"a::b",
		]);
	});
});

describe("secrets", () => {
	test("are found by the shapes of their issuers", async () => {
		await expectFound("SECRET", [
			"sk-proj-abcdEFGH1234567890ijkl",
			"sk-ant-api03-abcdefgh1234567890",
			"sk_live_4eC39HqLyjWDarjtT1zdp7dc",
			"ghp_16C7e42F292c6912E7710c838347Ae178B4a",
			"github_pat_11ABCDEFG0abcdefghijkl",
			"glpat-abcdefghij1234567890",
			"AKIAIOSFODNN7EXAMPLE",
			"xoxb-123456789012-abcdef",
			"AIzaSyD-1234567890abcdefghijklmnopqrstu",
			"npm_abcdefghijklmnopqrstuvwxyz0123456789",
			"hf_abcdefghijklmnopqrstuvwxyzABCD1234",
			"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
			"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
		]);
	});

	test("are found in URLs, headers and settings", async () => {
		await expectRedacted([
			["postgres://admin:s3cr3t@db.example.com/x", "postgres://admin:[SECRET]@db.example.com/x"],
			["Authorization: Bearer sk-proj-abcdEFGH1234567890ijkl", "Authorization: Bearer [SECRET]"],
			["API_KEY=ghp_16C7e42F292c6912E7710c838347Ae178B4a;", "API_KEY=[SECRET];"],
			["key sk-proj-abcdEFGH1234567890ijkl.", "key [SECRET]."],
			["jwt-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "jwt-[SECRET]"],
		]);
	});

	test("are not words that begin like one, nor what stands for a password", async () => {
		await expectLeft([
			"sk-learn",
			"sk-this-is-a-name-with-hyphens",
			"AKIA",
			"AKIAIOSFODNN7EXAMPLEX",
			"eyJ.eyJ.x",
			"ghp_short1",
			"risk-abcdEFGH1234567890ijkl",
			"postgres://db.example.com:5432/x",
			"postgres://admin:<password>@db.example.com/x",
			["postgres://admin:$", "{PASSWORD}@db.example.com/x"].join(""),
			"postgres://admin:***@db.example.com/x",
			"-----BEGIN CERTIFICATE-----",
		]);
	});
});

describe("several values in one text", () => {
	test("are told apart where they overlap: the earlier kind keeps what a later one would also take", async () => {
		await expectRedacted([
			["+4930901820@example.com", "+[EMAIL]"],
			["phone 4111111111111111", "phone [CARD]"],
			["postgres://jane:4111111111111111@10.20.30.40/x", "postgres://jane:[SECRET]@[IP]/x"],
			[
				"https://10.20.30.40/?mail=jane@example.com&key=sk-proj-abcdEFGH1234567890ijkl",
				"https://[IP]/?mail=[EMAIL]&key=[SECRET]",
			],
			["AKIAIOSFODNN7EXAMPLE 4111111111111111 +49 30 901820", "[SECRET] [CARD] [PHONE]"],
			["DE89370400440532013000 4111111111111111", "[IBAN] [CARD]"],
		]);
	});

	test("all get a placeholder, equal ones the same", async () => {
		const text = `${Object.values(VALUES).join(" | ")} | ${VALUES.email}`;
		const { data, annotations } = await standard.send(chat([say("user", text)]));
		const placeholders = textOf(data.messages[0]).split(" | ");
		expect(placeholders.map(kindsOnly)).toEqual([...KINDS.map((kind) => `[${kind.toUpperCase()}]`), "[EMAIL]"]);
		expect(placeholders.at(-1)).toBe(placeholders[1]);
		expect(new Set(placeholders).size).toBe(KINDS.length);
		expect(annotations).toEqual({ redacted: { secret: 1, email: 2, iban: 1, card: 1, ip: 1, phone: 1 } });
	});

	test("placeholders that are there already stay as they are", async () => {
		const text = "Write to [EMAIL_0123456789] or [PHONE_4155552671], not to [EMAIL_xyz].";
		expect(await redact(text)).toBe(text);
		const once = await redact(Object.values(VALUES).join(", "));
		expect(await redact(once)).toBe(once);
	});
});

describe("the rest of the event", () => {
	const message = (part: (value: string) => MessagePart[]): Message => ({
		role: "user",
		id: "4155552671",
		parts: part("jane@example.com"),
	});

	test("is the same afterwards: ids, references, names of tools, other members, other messages", async () => {
		const parts: MessagePart[] = [
			textPart("plain"),
			textPart("Mail jane@example.com"),
			{ type: "image", ref: "https://example.com/jane@example.com.png", mediaType: "image/png" },
			{ type: "file", ref: "file-4155552671", name: "plain.txt" },
			{ type: "tool_call", id: "call-jane@example.com", name: "send_mail", arguments: { n: 1.5, ok: true, nothing: null } },
		];
		const messages: Message[] = [
			say("system", "Answer jane@example.com"),
			say("assistant", "Hello. 12 + 3 = 15"),
			{ role: "user", id: "jane@example.com", parts },
		];
		const data = { messages, historyRef: "jane@example.com", tools: ["send_mail"], parameters: { user: "jane@example.com" } };
		const answer = await standard.send(chatEvent("", { data }));
		expect(answer.paths).toEqual(["/messages"]);
		const redacted = structuredClone(data);
		const [, second] = answer.data.messages[2]?.parts ?? [];
		expect(second).toEqual({ type: "text", text: expect.stringMatching(/^Mail \[EMAIL_[0-9a-f]{10}\]$/) });
		(redacted.messages[2] as Message).parts[1] = second as MessagePart;
		expect(answer.data).toEqual(redacted);
	});

	test("is not touched at all when there is nothing to redact", async () => {
		const event = chat([say("system", "Be kind to jane@example.com"), say("user", "What is 12 + 3?")]);
		expect(await standard.send(event)).toMatchObject({ action: "continue", paths: [], annotations: {}, data: event.data });
	});

	test("in all messages and parts with text: names, files, calls, results, nested values and names of members", async () => {
		const call = {
			type: "tool_call",
			id: "call-1",
			name: "send_mail",
			arguments: { to: ["jane@example.com", { "jane@example.com": "bob@example.com" }], card: 4111111111111111, n: 12345 },
		} as const;
		const messages: Message[] = [
			{ role: "user", name: "jane@example.com", parts: [textPart("bob@example.com"), textPart("10.20.30.40")] },
			{ role: "assistant", parts: [call] },
			{ role: "tool", parts: [{ type: "tool_result", callId: "call-1", content: "sent to jane@example.com" }] },
			{ role: "tool", parts: [{ type: "tool_result", callId: "call-2", content: { rows: [["+49 30 901820"]] }, isError: true }] },
			message((value) => [{ type: "file", ref: "file-1", name: `${value}.txt` }]),
		];
		const { data } = await standard.send(chat(messages));
		const email = expect.stringMatching(/^\[EMAIL_[0-9a-f]{10}\]$/);
		const [first, second, third, fourth, fifth] = JSON.parse(kindsOnly(JSON.stringify(data.messages))) as Message[];
		expect(first).toEqual({ role: "user", name: "[EMAIL]", parts: [textPart("[EMAIL]"), textPart("[IP]")] });
		const args = { to: ["[EMAIL]", { "[EMAIL]": "[EMAIL]" }], card: "[CARD]", n: 12345 };
		expect(second?.parts).toEqual([{ ...call, arguments: args }]);
		expect(third?.parts).toEqual([{ type: "tool_result", callId: "call-1", content: "sent to [EMAIL]" }]);
		expect(fourth?.parts).toEqual([{ type: "tool_result", callId: "call-2", content: { rows: [["[PHONE]"]] }, isError: true }]);
		expect(fifth?.parts).toEqual([{ type: "file", ref: "file-1", name: "[EMAIL]" }]);
		expect(data.messages[0]?.name).toEqual(email);
	});

	test.each([
		["emoji and joiners", "👨‍👩‍👧‍👦 jane@example.com 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👨‍👩‍👧‍👦 [EMAIL] 🏴󠁧󠁢󠁥󠁮󠁧󠁿"],
		["no spaces", "请联系jane@example.com或+49 30 901820。", "请联系[EMAIL]或[PHONE]。"],
		["right to left", "اتصل على +49 30 901820 شكرا", "اتصل على [PHONE] شكرا"],
		["combining marks", "e\u0301 a\u0308 jane@example.com e\u0301", "e\u0301 a\u0308 [EMAIL] e\u0301"],
		["half surrogates", "\ud83d jane@example.com \udc00", "\ud83d [EMAIL] \udc00"],
		["control characters", "\u0000\u001f\u007f jane@example.com\u2028", "\u0000\u001f\u007f [EMAIL]\u2028"],
	])("keeps every other character: %s", async (_name, text, redacted) => {
		expect(kindsOnly(await redact(text))).toBe(redacted);
	});
});

describe("the reply", () => {
	const conversation = [say("user", `I am ${VALUES.email}, call ${VALUES.phone} or ${VALUES.ip}.`)];

	async function placeholdersOf(messages: Message[], plugin = standard): Promise<string[]> {
		const { data } = await plugin.send(chat(messages));
		return data.messages.flatMap((message) => textOf(message).match(/\[[A-Z]+_[0-9a-f]{10}\]/g) ?? []);
	}

	test("gets the originals back, in any order, as often as they stand there", async () => {
		const [email, phone, ip] = await placeholdersOf(conversation);
		const answer = await standard.send(reply(`${ip}: ${email} ${phone}, ${email}${email}.`, conversation));
		expect(textOf(answer.data.response.message)).toBe(
			`${VALUES.ip}: ${VALUES.email} ${VALUES.phone}, ${VALUES.email}${VALUES.email}.`,
		);
		expect(answer.paths).toEqual(["/response/message/parts"]);
		expect(answer.annotations).toEqual({ restored: 5 });
	});

	test("gets them back in a later turn, from what the user said earlier", async () => {
		const [email] = await placeholdersOf(conversation);
		const later = [
			...conversation,
			say("assistant", "Noted."),
			say("user", "And now?"),
			say("assistant", "Wait."),
			say("user", "Well?"),
		];
		// The same placeholder in the later call of the model.
		expect((await placeholdersOf(later))[0]).toBe(email);
		expect(await restore(`I wrote to ${email}.`, later)).toBe(`I wrote to ${VALUES.email}.`);
	});

	test("gets back what a tool brought in", async () => {
		const messages: Message[] = [
			say("user", "Who is it?"),
			{ role: "tool", parts: [{ type: "tool_result", callId: "c", content: { mail: VALUES.email } }] },
		];
		const { data } = await standard.send(chat(messages));
		const placeholder = /\[EMAIL_\w+\]/.exec(JSON.stringify(data))?.[0];
		expect(await restore(`It is ${placeholder}.`, messages)).toBe(`It is ${VALUES.email}.`);
	});

	test("gets them back where the model changed the placeholder's clothes", async () => {
		const [email = ""] = await placeholdersOf(conversation);
		const bare = email.slice(1, -1);
		const rows: [string, string][] = [
			[bare, VALUES.email],
			[email.toLowerCase(), VALUES.email],
			[`**${email}**`, `**${VALUES.email}**`],
			[`_${bare}_`, `_${VALUES.email}_`],
			[email.replace("_", "\\_"), VALUES.email],
			[`\\[${bare.replace("_", "\\_")}\\]`, VALUES.email],
			[`<${bare}>`, `<${VALUES.email}>`],
			[`(${email})`, `(${VALUES.email})`],
			[`[${email}](mailto:${email})`, `[${VALUES.email}](mailto:${VALUES.email})`],
			[`${email}'s`, `${VALUES.email}'s`],
		];
		const got: [string, string][] = [];
		for (const [text] of rows) got.push([text, await restore(text, conversation)]);
		expect(got).toEqual(rows);
	});

	test("keeps placeholders that nobody was given, and words that only look like one", async () => {
		const [email = ""] = await placeholdersOf(conversation);
		for (const text of ["[EMAIL_0000000000]", `x${email.slice(1)}`, `${email.slice(1, -1)}9`, "[EMAIL_]", "EMAIL_12"]) {
			expect(await standard.send(reply(text, conversation)), text).toMatchObject({ action: "continue", paths: [] });
		}
		// Made for the same address, and not in this conversation.
		expect(await restore(`Hello ${email}`, [say("user", "Hi")])).toBe(`Hello ${email}`);
	});

	test("gets them back in the arguments of a tool call, and nowhere else", async () => {
		const [email] = await placeholdersOf(conversation);
		const parts: MessagePart[] = [
			textPart(`For ${email}`),
			{ type: "tool_call", id: `${email}`, name: "send_mail", arguments: { to: [email], [`${email}`]: 1, n: 2.5 } },
			{ type: "image", ref: `${email}` },
		];
		const data = {
			response: { message: { role: "assistant" as const, id: `${email}`, parts }, finishReason: "stop" },
			messages: conversation,
		};
		const answer = await standard.send(responseEvent("", { data }));
		const restored = structuredClone(data);
		restored.response.message.parts[0] = textPart(`For ${VALUES.email}`);
		const args = { to: [VALUES.email], [VALUES.email]: 1, n: 2.5 };
		restored.response.message.parts[1] = { ...parts[1], arguments: args } as MessagePart;
		expect(answer.data).toEqual(restored);
	});

	test("is the text that was redacted, whatever the text", async () => {
		const piece = fc.oneof(
			fc.constantFrom(...Object.values(VALUES), "a@b.co", "[EMAIL_0123456789]", "-----BEGIN PRIVATE KEY-----", "eyJ", "+1 415"),
			fc.string({ unit: "grapheme", maxLength: 12 }),
			fc.string({ unit: fc.constantFrom(..."0123456789 +-.:@/()[]{}_%aesk"), maxLength: 24 }),
		);
		await fc.assert(
			fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.constantFrom("", " ", "\n"), async (pieces, between) => {
				const text = pieces.join(between);
				const messages = [say("user", text)];
				expect(await restore(await redact(text), messages)).toBe(text);
			}),
			{ numRuns: 500 },
		);
	});
});

describe("placeholders", () => {
	/** By another implementation of the same hash. */
	const expected = (label: string, value: string, key: string, tenant: string) =>
		`[${label}_${createHmac("sha256", `${key}\n${tenant}`).update(`${label}:${value}`).digest("hex").slice(0, 10)}]`;

	test.each([
		["no key", ""],
		["a key", "s3cret"],
		["a key of one block", "k".repeat(59)],
		["a key that is longer than a block", "ключ".repeat(40)],
	])("are the HMAC-SHA-256 of kind and value under key and tenant: %s", async (_name, key) => {
		const plugin = sample.withConfig(key === "" ? {} : { pseudonymKey: key });
		for (const tenant of ["acme", "umbrella"]) {
			const secret = `-----BEGIN PRIVATE KEY-----\n${"MIIEowIBAAKCAQEA\n".repeat(30)}-----END PRIVATE KEY-----`;
			const { data } = await plugin.send(chat([say("user", `${VALUES.email} müller@exämple.de ${secret}`)], { tenant }));
			expect(textOf(data.messages[0])).toBe(
				[
					expected("EMAIL", VALUES.email, key, tenant),
					expected("EMAIL", "müller@exämple.de", key, tenant),
					expected("SECRET", secret, key, tenant),
				].join(" "),
			);
		}
	});

	test("of another tenant are restored nowhere", async () => {
		const messages = [say("user", VALUES.email)];
		const { data } = await standard.send(chat(messages, { tenant: "umbrella" }));
		const answer = await standard.send(reply(textOf(data.messages[0]), messages, { tenant: "acme" }));
		expect(answer.action).toBe("continue");
	});
});

describe("configuration", () => {
	const all = Object.values(VALUES).join(" | ");

	test.each(KINDS)("kinds: without %s it stays, and alone it is all that goes", async (kind) => {
		const replaced = (kinds: readonly Kind[]) =>
			KINDS.map((other) => (kinds.includes(other) ? `[${other.toUpperCase()}]` : VALUES[other])).join(" | ");
		for (const kinds of [KINDS.filter((other) => other !== kind), [kind]]) {
			expect(kindsOnly(await redact(all, sample.withConfig({ kinds })))).toBe(replaced(kinds));
		}
	});

	test("kinds: none redacts nothing", async () => {
		expect((await sample.withConfig({ kinds: [] }).send(chat([say("user", all)]))).action).toBe("continue");
	});

	test("without a configuration the defaults of the manifest apply", async () => {
		expect(await redact(all, sample.withWholeConfig({}))).toBe(await redact(all));
	});

	test.each<[name: string, allow: string[], text: string, redacted: string]>([
		[
			"an address, whatever its case",
			["Support@Example.com"],
			"support@example.COM a@example.com",
			"support@example.COM [EMAIL]",
		],
		[
			"all addresses of a domain",
			["@example.com"],
			"x@example.com y@EXAMPLE.com z@sub.example.com",
			"x@example.com y@EXAMPLE.com [EMAIL]",
		],
		["a phone number, whatever its separators", ["+49 30 901820"], "+49-30-901820 +49 30 901821", "+49-30-901820 [PHONE]"],
		["a card", ["4111-1111-1111-1111"], "4111111111111111", "4111111111111111"],
		["an IBAN", ["de89370400440532013000"], "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"],
		["an IP address", ["10.20.30.40"], "10.20.30.40 10.20.30.41", "10.20.30.40 [IP]"],
		["a key", [VALUES.secret], VALUES.secret, VALUES.secret],
		[
			"a value in which another kind could be found",
			["4155552671@example.com"],
			"phone 4155552671@example.com",
			"phone 4155552671@example.com",
		],
	])("allow: %s stays", async (_name, allow, text, redacted) => {
		expect(kindsOnly(await redact(text, sample.withConfig({ allow })))).toBe(redacted);
	});

	test("roles: only messages of these roles are looked through", async () => {
		const roles = ["system", "user", "assistant", "tool"] as const;
		const messages = roles.map((role) => say(role, VALUES.email));
		const seen = async (config: PluginConfig) => {
			const { data } = await sample.withConfig(config).send(chat(messages));
			return roles.filter((_role, index) => textOf(data.messages[index]) !== VALUES.email);
		};
		expect(await seen({})).toEqual(["user", "assistant", "tool"]);
		for (const role of roles) expect(await seen({ roles: [role] })).toEqual([role]);
		expect(await seen({ roles: [] })).toEqual([]);
	});

	test("style mask: part of the value stays readable, and what is masked is masked for good", async () => {
		const plugin = sample.withConfig({ style: "mask" });
		const masked = await redact(all, plugin);
		expect(masked).toBe("******** | j***@***.com | DE** **** 3000 | **** 1111 | *.*.*.* | *** **20");
		expect(await redact(masked, plugin)).toBe(masked);
		const answer = await plugin.send(reply(`You are ${masked}.`, [say("user", all)]));
		expect(answer.action).toBe("continue");
	});

	test.each<[name: string, config: PluginConfig, redacted: string]>([
		["restore false", { restore: false }, "From 4111: [EMAIL]."],
		["style mask", { style: "mask" }, "From 4111: b***@***.com."],
		["restore", {}, "From 4111: bob@example.com."],
	])("the reply of the model itself, %s", async (_name, config, redacted) => {
		const text = await restore("From 4111: bob@example.com.", [say("user", "Hi")], sample.withConfig(config));
		expect(kindsOnly(text)).toBe(redacted);
	});

	test.each<[name: string, config: PluginConfig, fault: RegExp]>([
		["an unknown kind", { kinds: ["email", "dna"] }, /config "kinds\[1\]" must be one of secret, email, iban, card, ip, phone/],
		["an unknown style", { style: "blur" }, /config "style" must be one of placeholder, mask/],
		["a text for a truth value", { restore: "yes" }, /config "restore" must be true or false/],
		["an empty text that is allowed", { allow: [""] }, /config "allow\[0\]" must be a string of 1 to 320 characters/],
		["an unknown role", { roles: ["nobody"] }, /config "roles\[0\]" must be one of/],
		["a number as the key", { pseudonymKey: 5 }, /config "pseudonymKey" must be a string/],
		["two faults", { style: 1, kinds: 2 }, /kinds.*; .*style/],
	])("cannot be activated with %s", async (_name, config, fault) => {
		expect(await sample.withConfig(config).activationFault()).toMatch(fault);
	});
});

describe("bounds", () => {
	const SIZE = 250_000;
	const limitMs = () => sample.manifest.limits?.timeoutMs ?? 0;
	const repeat = (text: string) => text.repeat(Math.ceil(SIZE / Buffer.byteLength(text))).slice(0, SIZE);
	const many = (value: (index: number) => string) => {
		const values: string[] = [];
		for (let size = 0; size < SIZE; size += (values.at(-1)?.length ?? 0) + 1) values.push(value(values.length));
		return values.join(" ");
	};

	test.each<[name: string, text: string]>([
		["prose", repeat("The quick brown fox jumps over the lazy dog, and 12 more. ")],
		["different addresses", many((index) => `u${index.toString(36)}@b.co`)],
		["different IP addresses", many((index) => `10.${(index >> 8) & 255}.${index & 255}.40`)],
		["one phone number again and again", repeat("+49 30 901820, ")],
		["cards", repeat("4111111111111111 ")],
		["IBANs", repeat("DE89370400440532013000 ")],
		["passwords in URLs", repeat("a://b:c@")],
		["the sign @", repeat("@")],
		["beginnings of addresses", repeat("a@a.")],
		["single digits", repeat("1 ")],
		["digits without an end", repeat("1")],
		["zeros", repeat("0 0")],
		["pluses", repeat("+1")],
		["parentheses", repeat("(1")],
		["words before phone numbers", repeat("tel 1234 ")],
		["colons", repeat("1:")],
		["beginnings of keys", repeat("sk-")],
		["beginnings of keys with points", repeat("SG.")],
		["beginnings of tokens", repeat("eyJ-")],
		["tokens that never end", `eyJaaaaaaaaaa.${repeat("eyJ-")}`],
		["beginnings of private keys", repeat("-----BEGIN ")],
		["placeholders", repeat("[EMAIL_0123456789] ")],
	])("a text of 250 KB is redacted inside of the time limit and in its memory: %s", async (_name, text) => {
		const best = await bestOf(5, limitMs(), async () => (await standard.send(chat([say("user", text)]))).cpuMs);
		expect(best).toBeLessThan(limitMs());
	});

	test("a long allow list and thousands of values take no longer", async () => {
		const allow = Array.from({ length: 1_000 }, (_, index) =>
			index % 2 === 0 ? `user${index}@example.com` : `@example${index}.com`,
		);
		const plugin = sample.withConfig({ allow });
		const text = many((index) => `u${index.toString(36)}@b.co`);
		expect(await bestOf(5, limitMs(), async () => (await plugin.send(chat([say("user", text)]))).cpuMs)).toBeLessThan(limitMs());
	});

	test("thousands of placeholders are restored inside of the time limit", async () => {
		const text = many((index) => `u${index.toString(36)}@b.co`).slice(0, SIZE / 3);
		const messages = [say("user", text)];
		const redacted = await redact(text);
		expect(await restore(redacted, messages)).toBe(text);
		const best = await bestOf(5, limitMs(), async () => (await standard.send(reply(redacted, messages))).cpuMs);
		expect(best).toBeLessThan(limitMs());
	});
});
