// Settings that are wrong are refused with name and way out; an ordered stop does every step.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createOrderedStop, isSafeNatsVersion, readSettings } from "@hookbus/foundation";
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
