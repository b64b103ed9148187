// The host's side of a marketplace: what hookbus registry build makes of a folder, and that a control plane takes it as it is.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { EXIT, runCommand } from "@hookbus/cli";
import { isGenuineIndex, type MarketplaceIndex, type MarketplacePage, sha256Of } from "@hookbus/schemas";
import { beforeEach, expect, test } from "vitest";
import { type BuiltPackage, buildPackage } from "../support/build-package.js";
import { buildZip } from "../support/build-zip.js";
import { closeAfter } from "../support/close-after.js";
import { makeSigner } from "../support/make-signer.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { tempDir } from "../support/temp-dir.js";

const author = makeSigner();
const host = makeSigner();

let dir: string;
let alpha: BuiltPackage;
const at = (name: string) => join(dir, name);

beforeEach(async () => {
	dir = tempDir("registry");
	mkdirSync(at("packages"));
	writeFileSync(at("host.key"), host.privateKey);
	alpha = await buildPackage({
		name: "alpha",
		manifest: { category: "safety", tags: ["pii"], author: "Ann" },
		signWith: author.privateKey,
	});
	writeFileSync(at("packages/alpha 1.zip"), alpha.zip);
	writeFileSync(at("packages/beta.zip"), (await buildPackage({ name: "beta" })).zip);
	writeFileSync(at("packages/notes.txt"), "no package");
});

async function build(...more: string[]): Promise<Record<string, unknown>> {
	const lines: string[] = [];
	const args = ["registry", "build", at("packages"), "--key", at("host.key"), "--out", at("index.json"), ...more, "--json"];
	const code = await runCommand(args, { print: (line) => lines.push(line), complain: (line) => lines.push(line) });
	const said = JSON.parse(lines.join("")) as Record<string, unknown>;
	expect(said["ok"]).toBe(code === EXIT.done);
	return said;
}

const index = () => JSON.parse(readFileSync(at("index.json"), "utf8")) as MarketplaceIndex;

test("an index has every package of the folder, is signed, numbered, and expires after as many days as were asked for", async () => {
	writeFileSync(at("stats.json"), JSON.stringify({ alpha: { downloads: 7, rating: 4.5 } }));
	expect(await build("--name", "Ours", "--days", "2", "--stats", at("stats.json"))).toMatchObject({ number: 1, plugins: 2 });
	const built = index();
	expect(isGenuineIndex(built, host.publicKey)).toBe(true);
	expect(Date.parse(built.expiresAt) - Date.parse(built.issuedAt)).toBe(2 * 86_400_000);
	expect(built).toMatchObject({ name: "Ours", number: 1, recalls: [] });
	expect(built.plugins).toMatchObject([
		{
			name: "alpha",
			digest: sha256Of(alpha.zip),
			module: sha256Of(alpha.module),
			size: alpha.zip.length,
			url: "packages/alpha%201.zip",
			category: "safety",
			tags: ["pii"],
			author: "Ann",
			downloads: 7,
			rating: 4.5,
			signature: { keyId: author.keyId },
		},
		{ name: "beta", tags: [], url: "packages/beta.zip" },
	]);
});

test("the next index has the next number and keeps name and recalls; a number that is not higher is refused", async () => {
	writeFileSync(at("recalls.json"), JSON.stringify([{ digest: "a".repeat(64), reason: "leaks" }]));
	await build("--name", "Ours", "--recalls", at("recalls.json"));
	expect(await build("--url", "https://cdn.example.com/p")).toMatchObject({ number: 2, recalls: 1 });
	expect(index()).toMatchObject({ name: "Ours", recalls: [{ digest: "a".repeat(64), reason: "leaks" }] });
	expect(index().plugins[0]?.url).toBe("https://cdn.example.com/p/alpha%201.zip");
	expect(await build("--number", "2")).toMatchObject({ code: "usage" });
	expect(await build("--number", "10")).toMatchObject({ number: 10 });
});

test("what makes no index is refused, and what was there stays", async () => {
	await build();
	const before = readFileSync(at("index.json"));
	writeFileSync(at("bad.json"), "[");
	writeFileSync(at("shape.json"), JSON.stringify([{ digest: "short", reason: "r" }]));
	writeFileSync(at("object.json"), "{}");
	const rows: [string[], string][] = [
		[["--days", "0"], "usage"],
		[["--days", "soon"], "usage"],
		[["--recalls", at("missing.json")], "file_unreadable"],
		[["--recalls", at("bad.json")], "index_invalid"],
		[["--recalls", at("object.json")], "index_invalid"],
		[["--recalls", at("shape.json")], "index_invalid"],
		[["--stats", at("bad.json")], "index_invalid"],
		[["--name", ""], "index_invalid"],
	];
	for (const [more, code] of rows) expect(await build(...more), more.join(" ")).toMatchObject({ code });
	writeFileSync(at("packages/broken.zip"), "no archive");
	expect(await build()).toMatchObject({ code: "package_invalid" });
	const altered = alpha.entries.map((entry) => (entry.name === "plugin.wasm" ? { ...entry, content: "other" } : entry));
	writeFileSync(at("packages/broken.zip"), buildZip(altered));
	expect(await build()).toMatchObject({ code: "package_altered" });
	writeFileSync(at("packages/broken.zip"), alpha.zip);
	expect(await build()).toMatchObject({ code: "index_invalid", message: expect.stringContaining("alpha@1.0.0 stands twice") });
	expect(readFileSync(at("index.json")).equals(before)).toBe(true);
	writeFileSync(at("index.json"), "something of somebody");
	expect(await build()).toMatchObject({ code: "index_invalid" });
	expect(readFileSync(at("index.json"), "utf8")).toBe("something of somebody");
});

test("the folder on any web server is a marketplace", async () => {
	await build();
	const server = createServer((request, response) => {
		response.setHeader("connection", "close");
		response.end(readFileSync(join(dir, decodeURIComponent(request.url ?? ""))));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	closeAfter(() => new Promise((resolve) => server.close(resolve)));
	const { admin } = await startTestControlPlane({
		natsUrl: "nats://127.0.0.1:9",
		env: { HOOKBUS_MARKET_ALLOW_HTTP: "true", HOOKBUS_MARKET_PRIVATE_RANGES: "127.0.0.0/8" },
	});
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/index.json`;
	await admin.post("/api/v1/trusted-publishers", { name: "Ann", publicKey: author.publicKey });
	const added = await admin.post("/api/v1/marketplace/sources", { name: "ours", url, publicKey: host.publicKey });
	expect(added.status).toBe(201);
	const { items } = (await admin.get<MarketplacePage>("/api/v1/marketplace/plugins?category=safety")).body;
	expect(items).toMatchObject([{ marketId: "ours/alpha@1.0.0", signedBy: { name: "Ann" } }]);
	const form = new FormData();
	form.append("source", "market");
	form.append("marketId", "ours/alpha@1.0.0");
	expect(await admin.call("POST", "/api/v1/plugins/install", form)).toMatchObject({
		status: 201,
		body: { plugin: { name: "alpha", signedBy: { name: "Ann" } } },
	});
});
