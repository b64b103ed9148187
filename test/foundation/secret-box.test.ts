// Secrets open only in the place that they were sealed for and with the key that sealed them; everything else fails closed.
import {
	createMasterKeys,
	createSecretBox,
	createSecretOpener,
	protectedHeader,
	sealedWith,
	valueIdOf,
} from "@hookbus/foundation";
import type { SealedSecret } from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { makeTenantBox, sealDirectly } from "../support/tenant-box.js";

const KEY = Buffer.alloc(32, 1).toString("base64");
const OTHER = Buffer.alloc(32, 2).toString("base64");
const PLACE = { tenant: "acme", plugin: "pii-redactor", field: "pseudonymKey" };
const OWN = { ...PLACE, user: "ada" };
const refused = { code: "secret_unreadable" };

/** Every value that differs in one bit, for each part of a JWE. */
function flipped({ jwe, ...rest }: SealedSecret): SealedSecret[] {
	return Object.entries(jwe).flatMap(([part, encoded]) => {
		const bytes = Buffer.from(String(encoded), "base64url");
		return Array.from({ length: bytes.length * 8 }, (_, bit) => {
			const changed = Buffer.from(bytes);
			changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			return { ...rest, jwe: { ...jwe, [part]: changed.toString("base64url") } };
		});
	});
}

/** Every value of which something was cut off, part by part, and those that lack a part. */
function truncated({ jwe, ...rest }: SealedSecret): SealedSecret[] {
	return Object.entries(jwe).flatMap(([part, encoded]) => {
		const bytes = Buffer.from(String(encoded), "base64url");
		const cut = Array.from({ length: bytes.length }, (_, length) => bytes.subarray(0, length).toString("base64url"));
		const { [part]: _, ...without } = jwe;
		return [...cut.map((text) => ({ ...rest, jwe: { ...jwe, [part]: text } })), { ...rest, jwe: without }];
	});
}

describe("SE-02 a sealed secret", () => {
	test("opens where it was sealed, names its key, and is different each time", async () => {
		const { box, dataKey } = await makeTenantBox("acme", KEY);
		const [one, two] = [await box.seal("hush", PLACE), await box.seal("hush", PLACE)];
		expect(await box.open(one, PLACE)).toBe("hush");
		expect(one).not.toEqual(two);
		expect(JSON.stringify(one)).not.toContain("hush");
		expect(sealedWith(one)).toBe(dataKey.id);
		expect(one.jwe["protected"]).toBe(protectedHeader(dataKey.id));
		const own = await box.seal("mine", OWN);
		expect(await box.open(own, OWN)).toBe("mine");
	});

	test.each([{ tenant: "other" }, { plugin: "other" }, { field: "other" }, { user: "eve" }, { user: undefined }])(
		"does not open in another place: %j",
		async (moved) => {
			const { box } = await makeTenantBox("acme", KEY);
			const sealed = await box.seal("hush", OWN);
			const { user, ...place } = { ...OWN, ...moved };
			await expect(box.open(sealed, user === undefined ? place : { ...place, user })).rejects.toMatchObject(refused);
			const everybodys = await box.seal("hush", PLACE);
			if (user !== undefined) await expect(box.open(everybodys, { ...place, user })).rejects.toMatchObject(refused);
		},
	);

	test("of one tenant does not open with the keys of another, under its name or renamed", async () => {
		const acme = await makeTenantBox("acme", KEY);
		const globex = await makeTenantBox("globex", KEY);
		const sealed = await acme.box.seal("hush", PLACE);
		const master = createMasterKeys(KEY);
		const theirs = { ...PLACE, tenant: "globex" };
		for (const place of [PLACE, theirs]) {
			await expect(globex.box.open(sealed, place)).rejects.toMatchObject(refused);
			// Another key under the id that the value names; and the value's key given to another tenant.
			const renamed = { [acme.dataKey.id]: globex.dataKey.wrapped };
			await expect(createSecretOpener(master, renamed).open(sealed, place)).rejects.toMatchObject(refused);
		}
		await expect(acme.box.open(sealed, theirs)).rejects.toMatchObject(refused);
		// The value under the id of another key of its own tenant.
		const second = await makeTenantBox("acme", KEY);
		const keys = { ...acme.dataKeys, ...second.dataKeys };
		const relabelled = { ...sealed, jwe: { ...sealed.jwe, protected: protectedHeader(second.dataKey.id) } };
		await expect(createSecretOpener(master, keys).open(relabelled, PLACE)).rejects.toMatchObject(refused);
		expect(await createSecretOpener(master, keys).open(sealed, PLACE)).toBe("hush");
		// It is bound to the id too, and not only by being sealed with that key.
		const key = await master.unwrap("acme", acme.dataKey);
		const bound = [PLACE.tenant, PLACE.plugin, PLACE.field];
		expect(await key.open(sealed.jwe, [...bound, key.id])).toEqual(new Uint8Array(Buffer.from("hush")));
		for (const other of [bound, [...bound, second.dataKey.id]]) await expect(key.open(sealed.jwe, other)).rejects.toThrow();
	});

	test("does not open when a bit of it was changed, or something of it cut off", async () => {
		const { box, dataKey, dataKeys } = await makeTenantBox("acme", KEY);
		const sealed = await box.seal("hush", PLACE);
		const changed = [...flipped(sealed), ...truncated(sealed)];
		expect(changed.length).toBeGreaterThan(900);
		for (const each of changed) await expect(box.open(each, PLACE)).rejects.toMatchObject(refused);
		const master = createMasterKeys(KEY);
		const wrapped = [...flipped(dataKey.wrapped), ...truncated(dataKey.wrapped)];
		for (const each of wrapped) {
			await expect(createSecretOpener(master, { [dataKey.id]: each }).open(sealed, PLACE)).rejects.toMatchObject(refused);
		}
		expect(await createSecretOpener(master, dataKeys).open(sealed, PLACE)).toBe("hush");
	});

	test("does not open with another master key, and the refusal names the place and no value", async () => {
		const { box, dataKeys, dataKey } = await makeTenantBox("acme", KEY);
		const sealed = await box.seal("hush-hush", PLACE);
		const refusal = await createSecretOpener(createMasterKeys(OTHER), dataKeys)
			.open(sealed, PLACE)
			.catch((thrown: Error) => thrown.message);
		expect(refusal).toContain(
			`secret pseudonymKey of plugin pii-redactor in tenant acme cannot be opened with key ${dataKey.id}`,
		);
		expect(refusal).toContain("set the master key that wrapped it");
		expect(refusal).not.toContain("hush");
	});

	test("of a release without data keys opens still, and only in its place", async () => {
		const opener = createSecretOpener(createMasterKeys(OTHER, KEY), {});
		const sealed = await sealDirectly(KEY, "old", PLACE);
		expect(await opener.open(sealed, PLACE)).toBe("old");
		expect(await opener.open(await sealDirectly(KEY, "old", OWN), OWN)).toBe("old");
		await expect(opener.open(sealed, OWN)).rejects.toMatchObject(refused);
		for (const each of flipped({ jwe: { ...sealed.jwe, aad: undefined } }).filter(({ jwe }) => jwe["aad"] === undefined)) {
			await expect(opener.open(each, PLACE)).rejects.toMatchObject(refused);
		}
	});

	test("that is sealed anew opens with the new key alone, and names the same value", async () => {
		const before = await makeTenantBox("acme", KEY);
		const sealed = await before.box.seal("hush", PLACE);
		const master = createMasterKeys(OTHER, KEY);
		const fresh = await master.makeDataKey("acme");
		const both = createSecretBox(master, { ...before.dataKeys, [fresh.id]: fresh.wrapped }, async () => fresh);
		const anew = await both.sealAnew(sealed, PLACE);
		expect(valueIdOf(anew)).toBe(valueIdOf(sealed));
		expect(valueIdOf(await both.seal("hush", PLACE))).not.toBe(valueIdOf(sealed));
		expect(await createSecretOpener(createMasterKeys(OTHER), { [fresh.id]: fresh.wrapped }).open(anew, PLACE)).toBe("hush");
		await expect(before.box.open(anew, PLACE)).rejects.toMatchObject(refused);
		const old = await sealDirectly(KEY, "old", PLACE);
		expect(valueIdOf(await both.sealAnew(old, PLACE))).toBe(valueIdOf(old));
	});
});

describe("a data key", () => {
	test("is wrapped anew with the current master key, and unwraps with what wrapped it only", async () => {
		const { box, dataKey } = await makeTenantBox("acme", KEY);
		const sealed = await box.seal("hush", PLACE);
		const anew = await createMasterKeys(OTHER, KEY).wrapAnew("acme", dataKey);
		expect(anew.id).toBe(dataKey.id);
		expect(sealedWith(anew.wrapped)).toBe(createMasterKeys(OTHER).current.id);
		expect(await createSecretOpener(createMasterKeys(OTHER), { [anew.id]: anew.wrapped }).open(sealed, PLACE)).toBe("hush");
		await expect(createMasterKeys(KEY).unwrap("acme", anew)).rejects.toMatchObject({ code: "data_key_unreadable" });
		await expect(createMasterKeys(OTHER).unwrap("globex", anew)).rejects.toMatchObject({ code: "data_key_unreadable" });
	});

	test("a master key of another length is refused by its setting's name", () => {
		expect(() => createMasterKeys("c2hvcnQ=")).toThrow(/HOOKBUS_MASTER_KEY holds 5 bytes.*needs 32/);
		expect(() => createMasterKeys(KEY, "c2hvcnQ=")).toThrow(/HOOKBUS_MASTER_KEY_PREVIOUS holds 5 bytes/);
	});
});
