// The author's side of signatures: what hookbus keygen, sign and verify make and say, through the command itself.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, runCommand } from "@hookbus/cli";
import { beforeEach, describe, expect, test } from "vitest";
import { buildPackage } from "../support/build-package.js";
import { buildZip, type ZipEntry } from "../support/build-zip.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { startProcess } from "../support/start-process.js";
import { tempDir } from "../support/temp-dir.js";

let dir: string;
const at = (name: string) => join(dir, name);

beforeEach(() => {
	dir = tempDir("cli");
});

interface Said {
	readonly code: number;
	readonly out: string;
	readonly err: string;
}

async function hookbus(...args: string[]): Promise<Said> {
	const out: string[] = [];
	const err: string[] = [];
	const code = await runCommand(args, { print: (line) => out.push(line), complain: (line) => err.push(line) });
	return { code, out: out.join("\n"), err: err.join("\n") };
}

/** What a command says with --json. */
async function json(...args: string[]): Promise<Record<string, unknown>> {
	const { code, out, err } = await hookbus(...args, "--json");
	expect(err).toBe("");
	const said = JSON.parse(out) as Record<string, unknown>;
	expect(said["ok"]).toBe(code === EXIT.done);
	return said;
}

async function keyPair(name = "author.key"): Promise<{ key: string; publicKey: string; keyId: string }> {
	const made = await json("keygen", "--out", at(name));
	return { key: at(name), publicKey: String(made["publicKey"]), keyId: String(made["keyId"]) };
}

async function packageFile(): Promise<{ file: string; entries: readonly ZipEntry[] }> {
	const { zip, entries } = await buildPackage({
		readme: "# Tester",
		extra: [
			{ name: "assets/", content: "", method: 0 },
			{ name: "assets/icon.svg", content: "<svg/>" },
		],
	});
	writeFileSync(at("tester.zip"), zip);
	return { file: at("tester.zip"), entries };
}

test("keygen writes a private key for its owner only, a public key beside it, and overwrites neither", async () => {
	const { key, publicKey } = await keyPair();
	expect(statSync(key).mode & 0o777).toBe(0o600);
	expect(readFileSync(key, "utf8")).toContain("BEGIN PRIVATE KEY");
	expect(readFileSync(`${key}.pub`, "utf8")).toBe(`${publicKey}\n`);
	const before = readFileSync(key, "utf8");
	expect(await hookbus("keygen", "--out", key)).toMatchObject({
		code: EXIT.refused,
		err: expect.stringContaining("is there already"),
	});
	expect(readFileSync(key, "utf8")).toBe(before);
});

test("keygen prints no private key", async () => {
	const { out } = await hookbus("keygen", "--out", at("k"));
	const secret = readFileSync(at("k"), "utf8").split("\n")[1] as string;
	expect(out).not.toContain(secret);
});

test("what sign signs, verify finds good, by key and by file; signing again changes nothing", async () => {
	const { file } = await packageFile();
	const { key, publicKey, keyId } = await keyPair();
	const signed = await json("sign", file, "--key", key);
	expect(signed).toMatchObject({ plugin: "tester", version: "1.0.0", keyId });
	for (const trust of [publicKey, `${key}.pub`]) {
		expect(await json("verify", file, "--trust", trust)).toMatchObject({ ok: true, digest: signed["digest"], keyId });
	}
	const once = readFileSync(file);
	await json("sign", file, "--key", key);
	expect(readFileSync(file).equals(once)).toBe(true);
});

test("with --out the package itself stays as it is", async () => {
	const { file } = await packageFile();
	const before = readFileSync(file);
	const { key, publicKey } = await keyPair();
	await json("sign", file, "--key", key, "--out", at("signed.zip"));
	expect(readFileSync(file).equals(before)).toBe(true);
	expect(await json("verify", at("signed.zip"), "--trust", publicKey)).toMatchObject({ ok: true });
	expect(await json("verify", file, "--trust", publicKey)).toMatchObject({ code: "signature_missing" });
});

test("a package that it signed is taken by a control plane that trusts the key and demands a signature", async () => {
	const { file } = await packageFile();
	const { key, publicKey } = await keyPair();
	await json("sign", file, "--key", key);
	const { admin } = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	await admin.put("/api/v1/trust-policy", { requireSignature: true });
	await admin.post("/api/v1/trusted-publishers", { name: "Author", publicKey });
	const answer = await admin.install({ file: readFileSync(file) });
	expect(answer).toMatchObject({ status: 201, body: { plugin: { signedBy: { name: "Author" } } } });
});

describe("SC-01 verify says what is wrong", () => {
	async function signedEntries(): Promise<{ entries: ZipEntry[]; key: string; publicKey: string }> {
		const { entries, file } = await packageFile();
		const { key, publicKey } = await keyPair();
		await json("sign", file, "--key", key, "--out", at("signed.zip"));
		const { zip } = { zip: readFileSync(at("signed.zip")) };
		const text = zip.subarray(zip.indexOf("{\n"), zip.lastIndexOf("}\n") + 2);
		return { entries: [...entries, { name: "signature.json", content: text }], key, publicKey };
	}

	async function verified(entries: readonly ZipEntry[], trust: string): Promise<Record<string, unknown>> {
		writeFileSync(at("changed.zip"), buildZip(entries));
		return await json("verify", at("changed.zip"), "--trust", trust);
	}

	test("SC-01 a file that was changed, added or removed is named", async () => {
		const { entries, publicKey } = await signedEntries();
		expect(await verified(entries, publicKey)).toMatchObject({ ok: true });
		const changed = entries
			.filter(({ name }) => name !== "README.md")
			.map((entry) => (entry.name === "plugin.yaml" ? { ...entry, content: `${entry.content}# more\n` } : entry));
		const said = await verified([...changed, { name: "more.txt", content: "x" }], publicKey);
		expect(said).toMatchObject({ ok: false, code: "package_altered" });
		expect(said["files"]).toEqual([
			{ path: "plugin.yaml", how: "changed" },
			{ path: "more.txt", how: "added" },
			{ path: "README.md", how: "removed" },
		]);
	});

	test("SC-01 a key that is not trusted, a signature that is another's, and one that is no signature", async () => {
		const { entries, publicKey } = await signedEntries();
		const other = await keyPair("other.key");
		expect(await verified(entries, other.publicKey)).toMatchObject({ code: "publisher_unknown" });
		const content = String(entries.find(({ name }) => name === "signature.json")?.content);
		const withSignature = (text: string) => [
			...entries.filter(({ name }) => name !== "signature.json"),
			{ name: "signature.json", content: text },
		];
		const claimed = content.replace(/"keyId": "\w+"/, `"keyId": "${other.keyId}"`);
		expect(await verified(withSignature(claimed), other.publicKey)).toMatchObject({ code: "signature_invalid" });
		const elsewhere = content.replace('"plugin": "tester"', '"plugin": "another"');
		expect(await verified(withSignature(elsewhere), publicKey)).toMatchObject({ code: "signature_other_plugin" });
		for (const text of ["", "{}", "null", content.replace("Ed25519", "none")]) {
			expect(await verified(withSignature(text), publicKey)).toMatchObject({ code: "signature_malformed" });
		}
	});
});

describe("bad input", () => {
	const wasm = { name: "plugin.wasm", content: "x" };
	const manifest = { name: "plugin.yaml", content: "name: a\nversion: 1.0.0\n" };
	const packages: { title: string; bytes: () => Uint8Array }[] = [
		{ title: "an empty file", bytes: () => new Uint8Array() },
		{ title: "no archive", bytes: () => Buffer.from("hello") },
		{ title: "a truncated archive", bytes: () => buildZip([manifest, wasm]).subarray(0, -30) },
		{ title: "an unsafe name", bytes: () => buildZip([manifest, wasm, { name: "../x", content: "x" }]) },
		{ title: "a line break in a name", bytes: () => buildZip([manifest, wasm, { name: "a\nb", content: "x" }]) },
		{ title: "a name twice", bytes: () => buildZip([manifest, wasm, wasm]) },
		{ title: "no manifest", bytes: () => buildZip([wasm]) },
		{ title: "two manifests", bytes: () => buildZip([manifest, wasm, { name: "plugin.json", content: "{}" }]) },
		{ title: "a manifest that is no YAML", bytes: () => buildZip([{ name: "plugin.yaml", content: "a: [" }, wasm]) },
		{ title: "a manifest without a version", bytes: () => buildZip([{ name: "plugin.yaml", content: "name: a" }, wasm]) },
		{
			title: "a name that no plugin has",
			bytes: () => buildZip([{ name: "plugin.yaml", content: "name: A B\nversion: 1.0.0" }, wasm]),
		},
		{ title: "no module", bytes: () => buildZip([manifest]) },
		{ title: "a size that is a lie", bytes: () => buildZip([manifest, { ...wasm, says: { size: 0x7fff_ffff } }]) },
	];
	test.each(packages)("a package with $title is not signed and not touched", async ({ bytes }) => {
		const { key } = await keyPair();
		writeFileSync(at("bad.zip"), bytes());
		expect(await json("sign", at("bad.zip"), "--key", key)).toMatchObject({ ok: false, code: "package_invalid" });
		expect(readFileSync(at("bad.zip")).equals(Buffer.from(bytes()))).toBe(true);
	});

	test("files that are not there, and keys that are none", async () => {
		const { file } = await packageFile();
		const { key } = await keyPair();
		expect(await json("sign", at("missing.zip"), "--key", key)).toMatchObject({ code: "file_unreadable" });
		expect(await json("sign", file, "--key", at("missing.key"))).toMatchObject({ code: "file_unreadable" });
		expect(await json("sign", file, "--key", `${key}.pub`)).toMatchObject({ code: "key_invalid" });
		expect(await json("verify", file, "--trust", key)).toMatchObject({ code: "key_invalid" });
		expect(await json("sign", file, "--key", key, "--out", at("no/such/folder.zip"))).toMatchObject({ code: "file_unwritable" });
		expect(existsSync(at("no"))).toBe(false);
	});

	const usages = [
		["sgin"],
		["sign"],
		["sign", "a.zip"],
		["sign", "a.zip", "b.zip", "--key", "k"],
		["sign", "a.zip", "--kee", "k"],
		["verify", "a.zip"],
		["keygen", "surplus"],
	];
	test.each(usages.map((args) => [args.join(" "), args] as const))("hookbus %s is wrong usage", async (_title, args) => {
		expect(await hookbus(...args)).toMatchObject({ code: EXIT.usage, out: "", err: expect.stringContaining("hookbus --help") });
		expect(await json(...args)).toMatchObject({ ok: false, code: "usage" });
	});
});

test("every command has a help text, and the command itself runs as a process", async () => {
	for (const args of [["--help"], ["keygen", "--help"], ["sign", "-h"], ["verify", "--help"]]) {
		const { code, out } = await hookbus(...args);
		expect(code).toBe(EXIT.done);
		expect(out).toContain(`hookbus ${args.length === 1 ? "" : args[0]}`.trim());
	}
	expect(await hookbus()).toMatchObject({ code: EXIT.usage, out: expect.stringContaining("hookbus sign") });
	const bin = join(import.meta.dirname, "../../sdk/cli/bin/hookbus.js");
	const running = await startProcess(process.execPath, [bin, "verify", at("missing.zip"), "--trust", at("missing.pub")], {
		cwd: dir,
	});
	expect(await running.exited).toMatchObject({ code: EXIT.refused });
	expect(running.output()).toContain("missing.pub cannot be read");
});
