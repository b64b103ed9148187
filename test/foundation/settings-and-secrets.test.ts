// Settings that are wrong are refused with name and way out; secrets open only in the place that they were sealed for.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createOrderedStop, createSecretBox, isSafeNatsVersion, readSettings } from "@hookbus/foundation";
import { Type } from "@sinclair/typebox";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { makeTempDir, removeDir } from "../support/temp-dir.js";

const schema = Type.Object({
	HOOKBUS_PORT: Type.Integer({ default: 8_080, minimum: 1, maximum: 65_535 }),
	HOOKBUS_SAFE: Type.Boolean({ default: false }),
	HOOKBUS_KEY: Type.Optional(Type.String()),
});

describe("settings", () => {
	test("defaults are filled in and texts converted", () => {
		expect(readSettings(schema, { HOOKBUS_SAFE: "true" })).toEqual({ HOOKBUS_PORT: 8_080, HOOKBUS_SAFE: true });
	});

	test("an unknown variable is refused by name", () => {
		expect(() => readSettings(schema, { HOOKBUS_PROT: "1" })).toThrow(/HOOKBUS_PROT is no setting/);
		expect(readSettings(schema, { HOOKBUS_OTHER: "1" }, { known: ["HOOKBUS_OTHER"] })).toMatchObject({ HOOKBUS_PORT: 8_080 });
	});

	test("a value outside of its bounds is refused by name", () => {
		expect(() => readSettings(schema, { HOOKBUS_PORT: "70000" })).toThrow(/HOOKBUS_PORT/);
		expect(() => readSettings(schema, { HOOKBUS_PORT: "many" })).toThrow(/HOOKBUS_PORT/);
	});

	test("_FILE reads a secret from a file, and both together are refused", () => {
		const dir = makeTempDir("settings");
		closeAfter(() => removeDir(dir));
		const file = join(dir, "key");
		writeFileSync(file, "from the file\n");
		expect(readSettings(schema, { HOOKBUS_KEY_FILE: file }).HOOKBUS_KEY).toBe("from the file");
		expect(() => readSettings(schema, { HOOKBUS_KEY_FILE: file, HOOKBUS_KEY: "x" })).toThrow(/both set/);
		expect(() => readSettings(schema, { HOOKBUS_KEY_FILE: join(dir, "none") })).toThrow(/cannot be read/);
	});
});

describe("a secret box", () => {
	const key = Buffer.alloc(32, 1).toString("base64");
	const place = { tenant: "acme", plugin: "pii-redactor", field: "pseudonymKey" };

	test("opens what it sealed, and seals the same text differently each time", async () => {
		const box = createSecretBox(key);
		const [one, two] = [await box.seal("hush", place), await box.seal("hush", place)];
		expect(one).not.toEqual(two);
		expect(await box.open(one, place)).toBe("hush");
		expect(JSON.stringify(one)).not.toContain("hush");
	});

	test.each([{ tenant: "other" }, { plugin: "other" }, { field: "other" }])(
		"a sealed secret does not open in another place: %j",
		async (moved) => {
			const box = createSecretBox(key);
			const sealed = await box.seal("hush", place);
			await expect(box.open(sealed, { ...place, ...moved })).rejects.toMatchObject({ code: "secret_unreadable" });
		},
	);

	test("another key and changed bytes do not open it", async () => {
		const sealed = await createSecretBox(key).seal("hush", place);
		await expect(createSecretBox(Buffer.alloc(32, 2).toString("base64")).open(sealed, place)).rejects.toMatchObject({
			code: "secret_unreadable",
		});
		const changed = { jwe: { ...sealed.jwe, ciphertext: `A${String(sealed.jwe.ciphertext).slice(1)}B` } };
		await expect(createSecretBox(key).open(changed, place)).rejects.toMatchObject({ code: "secret_unreadable" });
	});

	test("a master key of another length is refused", () => {
		expect(() => createSecretBox("c2hvcnQ=")).toThrow(/5 bytes.*needs 32/);
	});
});

describe("an ordered stop", () => {
	test("runs every step in order, once, and reports those that failed or hung", async () => {
		const ran: string[] = [];
		const stop = createOrderedStop(
			[
				{ name: "first", timeoutMs: 100, run: () => void ran.push("first") },
				{ name: "fails", timeoutMs: 100, run: () => Promise.reject(new Error("broken")) },
				{ name: "hangs", timeoutMs: 20, run: () => new Promise(() => undefined) },
				{ name: "last", timeoutMs: 100, run: () => void ran.push("last") },
			],
			pino({ level: "silent" }),
		);
		const first = stop();
		expect(stop()).toBe(first);
		await expect(first).rejects.toThrow(/"fails": broken; .*"hangs": not done after 20 ms/);
		expect(ran).toEqual(["first", "last"]);
	});
});

test.each([
	["2.9.10", false],
	["2.10.27", false],
	["2.11.15", false],
	["2.11.16", true],
	["2.12.6", false],
	["2.12.7", true],
	["2.14.0", true],
	["2.14.9", true],
	["2.15.0", true],
	["3.0.0", true],
])("NATS %s holds the last security fixes: %s", (version, safe) => {
	expect(isSafeNatsVersion(version)).toBe(safe);
});
