// Signed packages: whose signature counts, what happens to one that does not fit, and whose plugin a plugin stays.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
	contentDigest,
	isGenuineSignature,
	type PackageSignature,
	type PluginChange,
	type PluginDetail,
	type PluginVersionList,
	sha256Of,
	signPackage,
	type TrustedPublisher,
	type TrustedPublisherList,
	type TrustPolicy,
} from "@hookbus/schemas";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage, type PackageOptions, testManifest } from "../support/build-package.js";
import { buildZip, type ZipEntry } from "../support/build-zip.js";
import { makeSigner, type Signer } from "../support/make-signer.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { tempDir } from "../support/temp-dir.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows, storedNames } from "./stored-names.js";

const acme = makeSigner();
const other = makeSigner();
const stranger = makeSigner();

test("the digest that is signed is what sha256sum prints, in the order of the paths' bytes", () => {
	const dir = tempDir("digest");
	const names = ["plugin.wasm", "README.md", "a b.txt", "ä.txt", "Z", "\u{ffff}.txt", "\u{1f600}.txt"];
	for (const name of names) writeFileSync(join(dir, name), `content of ${name}`);
	const files = names.map((path) => ({ path, sha256: sha256Of(`content of ${path}`) }));
	const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
	const printed = execFileSync("sh", ["-c", "sha256sum * | sort -k2"], { cwd: dir, env, encoding: "utf8" });
	expect(contentDigest(files)).toBe(sha256Of(printed));
});

test("a signature is genuine only as a whole", () => {
	const content = { plugin: "p", version: "1.0.0", files: [{ path: "plugin.wasm", sha256: "0".repeat(64) }] };
	const signed = signPackage(content, acme.privateKey);
	expect(isGenuineSignature(signed, acme.publicKey)).toBe(true);
	const changes: Partial<PackageSignature>[] = [
		{ plugin: "q" },
		{ version: "1.0.1" },
		{ keyId: other.keyId },
		{ digest: "1".repeat(64) },
		{ files: [{ path: "plugin.wasm", sha256: "1".repeat(64) }] },
		{ files: [...content.files, { path: "x", sha256: "0".repeat(64) }] },
		{ signature: signPackage(content, other.privateKey).signature },
	];
	for (const change of changes) {
		expect(isGenuineSignature({ ...signed, ...change }, acme.publicKey), JSON.stringify(change)).toBe(false);
	}
	expect(isGenuineSignature({ ...signed, keyId: other.keyId }, other.publicKey)).toBe(false);
});

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;

	beforeAll(async () => {
		control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create() });
		api = control.admin;
		await trust("Acme", acme);
		await trust("Other", other);
	});
	afterEach(async () => {
		await api.put("/api/v1/trust-policy", { requireSignature: false });
		await api.delete("/api/v1/plugins/tester");
	});

	async function trust(name: string, { publicKey }: Signer): Promise<void> {
		expect((await api.post("/api/v1/trusted-publishers", { name, publicKey })).status).toBe(201);
	}

	const requireSignatures = () => api.put<TrustPolicy>("/api/v1/trust-policy", { requireSignature: true });
	const signed = (options: PackageOptions = {}) => buildPackage({ signWith: acme.privateKey, ...options });
	const detail = async () => (await api.get<PluginDetail>("/api/v1/plugins/tester")).body;

	async function refused(file: Uint8Array): Promise<ProblemBody> {
		const { body } = await api.install<ProblemBody>({ file });
		expect(await storedNames(control.plane.database)).toEqual([]);
		return body;
	}

	describe("install", () => {
		test("a package with a trusted publisher's signature says whose it is, everywhere it is shown", async () => {
			await requireSignatures();
			const answer = await api.install<PluginChange>({ file: (await signed({ readme: "# T" })).zip });
			expect(answer.status).toBe(201);
			const acmes = { keyId: acme.keyId, name: "Acme" };
			expect(answer.body.plugin).toMatchObject({ signedBy: acmes, publisher: acmes, versions: [{ signedBy: acmes }] });
			const { items } = (await api.get<PluginVersionList>("/api/v1/plugins/tester/versions")).body;
			expect(items).toMatchObject([{ signedBy: acmes }]);
			const [row] = await rows(
				control.plane.database,
				"SELECT detail FROM audit_log WHERE action = 'plugin.install' ORDER BY id DESC",
			);
			expect(row?.["detail"]).toMatchObject({ publisher: acme.keyId });
		});

		test("SC-01 without a signature: refused where one is demanded, taken where none is", async () => {
			const { zip } = await buildPackage();
			await requireSignatures();
			expect(await refused(zip)).toMatchObject({ status: 422, code: "signature_missing" });
			await api.put("/api/v1/trust-policy", { requireSignature: false });
			expect((await api.install({ file: zip })).status).toBe(201);
			expect(await detail()).not.toHaveProperty("signedBy");
		});

		test("SC-01 a bare module has no signature", async () => {
			await requireSignatures();
			const { module } = await buildPackage();
			const answer = await api.install({ file: module, fields: { manifest: JSON.stringify(testManifest()) } });
			expect(answer).toMatchObject({ status: 422, body: { code: "signature_missing" } });
		});

		test.each([true, false])("SC-01 signed with a key that nobody trusts: refused (signature demanded: %s)", async (demanded) => {
			if (demanded) await requireSignatures();
			const problem = await refused((await signed({ signWith: stranger.privateKey })).zip);
			expect(problem).toMatchObject({ status: 422, code: "publisher_unknown" });
			expect(problem.detail).toContain(stranger.keyId);
		});

		test("SC-01 signed with one key and claimed for another: refused", async () => {
			const { entries } = await signed({ signWith: stranger.privateKey });
			const claimed = withSignature(entries, (signature) => ({ ...signature, keyId: acme.keyId }));
			expect(await refused(claimed)).toMatchObject({ status: 422, code: "signature_invalid" });
		});

		const altered: { title: string; change: (entries: readonly ZipEntry[]) => ZipEntry[]; path: string; how: string }[] = [
			{
				title: "a byte of the module",
				change: (entries) => replaced(entries, "plugin.wasm", flipLastByte),
				path: "plugin.wasm",
				how: "changed",
			},
			{
				title: "the manifest",
				change: (entries) => replaced(entries, "plugin.yaml", (content) => Buffer.concat([content, Buffer.from("# more\n")])),
				path: "plugin.yaml",
				how: "changed",
			},
			{
				title: "the README",
				change: (entries) => replaced(entries, "README.md", () => Buffer.from("# Other")),
				path: "README.md",
				how: "changed",
			},
			{
				title: "a file that was added",
				change: (entries) => [...entries, { name: "more.txt", content: "more" }],
				path: "more.txt",
				how: "added",
			},
			{
				title: "a file that was removed",
				change: (entries) => entries.filter(({ name }) => name !== "README.md"),
				path: "README.md",
				how: "removed",
			},
		];
		test.each(altered)("SC-01 altered after it was signed, $title: refused and named", async ({ change, path, how }) => {
			const { entries } = await signed({ readme: "# Tester" });
			const problem = await refused(buildZip(change(entries)));
			expect(problem).toMatchObject({ status: 422, code: "package_altered" });
			expect(problem.errors).toEqual([{ path, message: `${how} since it was signed` }]);
			expect(problem.detail).toContain(`${path} (${how})`);
		});

		test("SC-01 altered, and the list of files corrected to fit: refused", async () => {
			const { entries } = await signed();
			const module = entries.find(({ name }) => name === "plugin.wasm")?.content as Uint8Array;
			// Another salt: the module is valid and other.
			const { module: evil } = await buildPackage({ salt: "evil" });
			expect(sha256Of(evil)).not.toBe(sha256Of(module));
			const swapped = replaced(entries, "plugin.wasm", () => Buffer.from(evil));
			const fitting = withSignature(swapped, (signature) => {
				const files = signature.files.map((file) => (file.path === "plugin.wasm" ? { ...file, sha256: sha256Of(evil) } : file));
				return { ...signature, files, digest: contentDigest(files) };
			});
			expect(await refused(fitting)).toMatchObject({ status: 422, code: "signature_invalid" });
		});

		test("SC-01 the signature of another plugin, or of another version: refused", async () => {
			const { entries } = await signed();
			for (const options of [{ name: "someone-else" }, { version: "2.0.0" }]) {
				const { entries: others } = await signed(options);
				const signature = others.find(({ name }) => name === "signature.json") as ZipEntry;
				const file = buildZip([...entries.filter(({ name }) => name !== "signature.json"), signature]);
				expect(await refused(file)).toMatchObject({ status: 422, code: "signature_other_plugin" });
			}
		});

		const malformed: { title: string; content: string | Uint8Array }[] = [
			{ title: "empty", content: "" },
			{ title: "not JSON", content: "{" },
			{ title: "not UTF-8", content: Uint8Array.of(0x22, 0xff, 0x22) },
			{ title: "null", content: "null" },
			{ title: "of another spec", content: JSON.stringify({ spec: "2" }) },
			{ title: "an object with a prototype", content: '{"__proto__":{"spec":"1"}}' },
		];
		test.each(malformed)("SC-01 a signature.json that is $title: refused", async ({ content }) => {
			const { entries } = await buildPackage();
			const problem = await refused(buildZip([...entries, { name: "signature.json", content }]));
			expect(problem).toMatchObject({ status: 422, code: "signature_malformed" });
		});

		const misshapen: { title: string; change: (signature: PackageSignature) => unknown }[] = [
			{ title: "another algorithm", change: (signature) => ({ ...signature, algorithm: "none" }) },
			{ title: "no files", change: (signature) => ({ ...signature, files: [] }) },
			{ title: "a signature that is too short", change: (signature) => ({ ...signature, signature: "AAAA" }) },
			{ title: "a property too many", change: (signature) => ({ ...signature, also: 1 }) },
		];
		test.each(misshapen)("SC-01 a signature with $title: refused", async ({ change }) => {
			const { entries } = await signed();
			expect(await refused(withSignature(entries, change))).toMatchObject({ status: 422, code: "signature_malformed" });
		});
	});

	describe("SC-04 whose plugin it is", () => {
		const update = (options: PackageOptions) =>
			buildPackage({ version: "2.0.0", ...options }).then(({ zip }) => api.update<ProblemBody>("tester", { file: zip }));

		test("SC-04 a later version without a signature, or with another's, waits until an admin accepts it", async () => {
			await api.install({ file: (await signed()).zip });
			expect(await update({})).toMatchObject({ status: 422, body: { code: "signature_missing" } });
			const byOther = await update({ signWith: other.privateKey });
			expect(byOther).toMatchObject({ status: 409, body: { code: "publisher_differs" } });
			expect(byOther.body.detail).toContain("PUT /api/v1/plugins/tester/publisher");
			expect(await detail()).toMatchObject({ version: "1.0.0", publisher: { name: "Acme" } });

			const accepted = await api.put<PluginDetail>("/api/v1/plugins/tester/publisher", { keyId: other.keyId });
			expect(accepted).toMatchObject({ status: 200, body: { publisher: { name: "Other" }, signedBy: { name: "Acme" } } });
			expect((await update({ signWith: other.privateKey })).status).toBe(200);
			expect(await detail()).toMatchObject({ version: "2.0.0", signedBy: { name: "Other" } });
			expect(await update({ version: "3.0.0", signWith: acme.privateKey })).toMatchObject({ status: 409 });
		});

		test("SC-04 after null the next signed version says whose it is; unsigned ones are taken until then", async () => {
			await api.install({ file: (await signed()).zip });
			expect((await api.put("/api/v1/plugins/tester/publisher", { keyId: null })).status).toBe(200);
			expect((await update({ version: "2.0.0" })).status).toBe(200);
			expect(await detail()).not.toHaveProperty("publisher");
			expect((await update({ version: "3.0.0", signWith: other.privateKey })).status).toBe(200);
			expect(await detail()).toMatchObject({ publisher: { name: "Other" } });
			expect((await update({ version: "4.0.0" })).status).toBe(422);
		});

		test("SC-04 the way back to an older version is a way to a version: it needs the publisher too", async () => {
			const { zip } = await buildPackage();
			await api.install({ file: zip });
			expect((await update({ signWith: acme.privateKey })).status).toBe(200);
			const back = await api.update("tester", { file: zip });
			expect(back).toMatchObject({ status: 422, body: { code: "signature_missing" } });
		});

		test("the version that is there can be signed afterwards", async () => {
			const { zip } = await buildPackage();
			await api.install({ file: zip });
			const again = await api.install<PluginChange>({ file: (await signed()).zip });
			expect(again).toMatchObject({ status: 200, body: { created: false, plugin: { signedBy: { name: "Acme" } } } });
			expect(again.body.plugin.publisher).toMatchObject({ keyId: acme.keyId });
			const actions = await rows(control.plane.database, "SELECT action FROM audit_log ORDER BY id DESC LIMIT 1");
			expect(actions).toEqual([{ action: "plugin.sign" }]);
		});

		test("only a trusted publisher can be given a plugin, and only one that is there", async () => {
			await api.install({ file: (await signed()).zip });
			const path = "/api/v1/plugins/tester/publisher";
			expect(await api.put(path, { keyId: stranger.keyId })).toMatchObject({
				status: 404,
				body: { code: "publisher_not_found" },
			});
			expect(await api.put("/api/v1/plugins/missing/publisher", { keyId: null })).toMatchObject({ status: 404 });
			for (const body of [{}, { keyId: "x" }, { keyId: null, more: 1 }, []]) {
				expect(await api.put(path, body)).toMatchObject({ status: 400, body: { code: "request_invalid" } });
			}
		});
	});

	describe("publishers and policy", () => {
		test("a publisher is added once, listed, and removed; each of it is in the audit log", async () => {
			const made = await api.post<TrustedPublisher>("/api/v1/trusted-publishers", { name: "New", publicKey: stranger.publicKey });
			expect(made).toMatchObject({ status: 201, body: { keyId: stranger.keyId, addedBy: "first admin key" } });
			const twice = await api.post("/api/v1/trusted-publishers", { name: "Again", publicKey: stranger.publicKey });
			expect(twice).toMatchObject({ status: 409, body: { code: "publisher_exists" } });
			const list = await api.get<TrustedPublisherList>("/api/v1/trusted-publishers");
			expect(list.body.items.map(({ name }) => name)).toEqual(["Acme", "New", "Other"]);
			const path = `/api/v1/trusted-publishers/${stranger.keyId}`;
			expect((await api.delete(path)).status).toBe(200);
			expect(await api.delete(path)).toMatchObject({ status: 404, body: { code: "publisher_not_found" } });
			const trail = await rows(
				control.plane.database,
				`SELECT action FROM audit_log WHERE target = '${stranger.keyId}' ORDER BY id`,
			);
			expect(trail.map(({ action }) => action)).toEqual(["publisher.trust", "publisher.distrust"]);
		});

		test("what is no public key is refused", async () => {
			const bytes = Buffer.from(acme.publicKey, "base64");
			const keys = ["", "x", bytes.toString("hex"), bytes.subarray(1).toString("base64"), acme.privateKey, null];
			for (const publicKey of keys) {
				const answer = await api.post("/api/v1/trusted-publishers", { name: "Bad", publicKey });
				expect(answer).toMatchObject({ status: 400, body: { code: "request_invalid" } });
			}
			expect(await api.delete("/api/v1/trusted-publishers/short")).toMatchObject({ status: 400 });
		});

		test("the policy names what does not fulfil it, and then that cannot be enabled again", async () => {
			await api.install({ file: (await buildPackage()).zip, fields: { grants: "all", enable: "true" } });
			expect((await api.get<TrustPolicy>("/api/v1/trust-policy")).body.unverified).toEqual([
				{ plugin: "tester", version: "1.0.0" },
			]);
			const set = await requireSignatures();
			expect(set).toMatchObject({ status: 200, body: { requireSignature: true, changedBy: "first admin key" } });
			expect(set.body.unverified).toEqual([{ plugin: "tester", version: "1.0.0" }]);
			expect(await detail()).toMatchObject({ status: "enabled" });
			expect((await api.post("/api/v1/plugins/tester/disable")).status).toBe(200);
			expect(await api.post("/api/v1/plugins/tester/enable")).toMatchObject({ status: 422, body: { code: "signature_missing" } });
			expect(await api.put("/api/v1/trust-policy", { requireSignature: "yes" })).toMatchObject({ status: 400 });
		});

		test("what a publisher signed who is trusted no more goes on, and cannot be enabled again", async () => {
			await api.install({ file: (await signed()).zip, fields: { grants: "all", enable: "true" } });
			await api.delete(`/api/v1/trusted-publishers/${acme.keyId}`);
			expect(await detail()).toMatchObject({ status: "enabled", signedBy: { keyId: acme.keyId } });
			expect((await detail()).signedBy).not.toHaveProperty("name");
			await api.post("/api/v1/plugins/tester/disable");
			const answer = await api.post("/api/v1/plugins/tester/enable");
			expect(answer).toMatchObject({ status: 422, body: { code: "publisher_unknown" } });
			await trust("Acme", acme);
		});

		test("a stored signature that was tampered with is seen when the plugin is enabled", async () => {
			await api.install({ file: (await signed()).zip, fields: { grants: "all" } });
			const swap = `UPDATE plugin_versions SET signature = jsonb_set(signature, '{version}', '"1.0.1"')`;
			await rows(control.plane.database, swap);
			expect(await api.post("/api/v1/plugins/tester/enable")).toMatchObject({ status: 422, body: { code: "signature_invalid" } });
		});

		test("AU-02 another tenant's publishers do not count", async () => {
			const hash = sha256Of(`hbk_${"C".repeat(43)}`);
			await rows(control.plane.database, "INSERT INTO tenants (id) VALUES ('elsewhere')");
			await rows(
				control.plane.database,
				`INSERT INTO api_keys (tenant, name, role, prefix, hash) VALUES ('elsewhere', 'e', 'admin', 'hbk_CCCCCC', '${hash}')`,
			);
			const elsewhere = api.as(`hbk_${"C".repeat(43)}`);
			expect((await elsewhere.get<TrustedPublisherList>("/api/v1/trusted-publishers")).body.items).toEqual([]);
			expect(await elsewhere.delete(`/api/v1/trusted-publishers/${acme.keyId}`)).toMatchObject({ status: 404 });
			const answer = await elsewhere.install({ file: (await signed()).zip });
			expect(answer).toMatchObject({ status: 422, body: { code: "publisher_unknown" } });
		});
	});
});

function replaced(entries: readonly ZipEntry[], name: string, change: (content: Buffer) => Buffer): ZipEntry[] {
	return entries.map((entry) => (entry.name === name ? { ...entry, content: change(Buffer.from(entry.content ?? "")) } : entry));
}

/** Still a module: the last byte is in its last section. */
function flipLastByte(content: Buffer): Buffer {
	const last = content.length - 1;
	return Buffer.concat([content.subarray(0, last), Buffer.of((content[last] ?? 0) ^ 1)]);
}

function withSignature(entries: readonly ZipEntry[], change: (signature: PackageSignature) => unknown): Buffer {
	const changed = replaced(entries, "signature.json", (content) =>
		Buffer.from(JSON.stringify(change(JSON.parse(content.toString("utf8")) as PackageSignature))),
	);
	return buildZip(changed);
}
