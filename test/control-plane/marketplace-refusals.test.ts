// What is refused of a marketplace before anything of it counts: indexes and packages that are not what they should be, and addresses
// that nothing is fetched from.
import type { IndexEntry, MarketplaceSourceList } from "@hookbus/schemas";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Answer, ApiClient, ProblemBody } from "../support/api-client.js";
import { type BuiltPackage, buildPackage } from "../support/build-package.js";
import { makeSigner } from "../support/make-signer.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { TestMarketplace } from "../support/start-marketplace.js";
import { storedNames } from "./stored-names.js";

const SOURCES = "/api/v1/marketplace/sources";
const REACHABLE = { HOOKBUS_MARKET_ALLOW_HTTP: "true", HOOKBUS_MARKET_PRIVATE_RANGES: "127.0.0.0/8, ::1/128" };

let control: StartedControlPlane;
let api: ApiClient;
let market: TestMarketplace;
let built: BuiltPackage;

beforeAll(async () => {
	control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", env: REACHABLE });
	api = control.admin;
	built = await buildPackage();
});
beforeEach(async () => {
	market = await TestMarketplace.start();
});
afterEach(async () => {
	for (const { name } of (await api.get<MarketplaceSourceList>(SOURCES)).body.items) await api.delete(`${SOURCES}/${name}`);
});

const add = (): Promise<Answer<ProblemBody>> =>
	api.post(SOURCES, { name: "main", url: market.indexUrl, publicKey: market.signer.publicKey });

describe("SC-02 an index", () => {
	const past = (ms: number) => new Date(Date.now() - ms).toISOString();
	const refused: { title: string; serve: (of: TestMarketplace) => void; code: string; says: RegExp }[] = [
		{
			title: "that has expired",
			serve: (of) => of.publish({ issuedAt: past(7_200_000), expiresAt: past(1_000) }),
			code: "index_expired",
			says: /expired at/,
		},
		{
			title: "that was issued in the future",
			serve: (of) => of.publish({ issuedAt: past(-3_600_000), expiresAt: past(-7_200_000) }),
			code: "index_invalid",
			says: /future/,
		},
		{
			title: "that expires before it was issued",
			serve: (of) => of.publish({ issuedAt: past(1_000), expiresAt: past(2_000) }),
			code: "index_invalid",
			says: /no span of time/,
		},
		{
			title: "of another key",
			serve: (of) => of.serve("/index.json", JSON.stringify(of.sign({ number: 1 }, makeSigner().privateKey))),
			code: "index_signature_invalid",
			says: /not signed with the key/,
		},
		{
			title: "that was changed after it was signed",
			serve: (of) => of.serve("/index.json", JSON.stringify({ ...of.sign({ number: 1 }), name: "Another" })),
			code: "index_signature_invalid",
			says: /not signed with the key/,
		},
		{ title: "that is not JSON", serve: (of) => of.serve("/index.json", "<html>"), code: "index_invalid", says: /no index/ },
		{
			title: "of another shape",
			serve: (of) => of.serve("/index.json", JSON.stringify({ ...of.sign({ number: 1 }), number: "1" })),
			code: "index_invalid",
			says: /\/number/,
		},
		{
			title: "that is nested without end",
			serve: (of) => of.serve("/index.json", `${"[".repeat(200_000)}${"]".repeat(200_000)}`),
			code: "index_invalid",
			says: /index/,
		},
		{
			title: "that is huge and says so",
			serve: (of) =>
				of.serve("/index.json", (_request, response) => response.writeHead(200, { "content-length": 9_000_000 }).write("{")),
			code: "market_answer_refused",
			says: /more than the 8388608 bytes/,
		},
		{
			title: "that is huge and does not say so",
			serve: (of) =>
				of.serve("/index.json", (_request, response) => {
					const more = (): void => {
						if (!response.destroyed) response.write(Buffer.alloc(1_000_000, " "), more);
					};
					more();
				}),
			code: "market_answer_refused",
			says: /more than the 8388608 bytes/,
		},
		{
			title: "behind a redirect",
			serve: (of) => {
				of.publish();
				of.serve("/index.json", (_request, response) => response.writeHead(302, { location: `${of.url}/else.json` }).end());
			},
			code: "market_answer_refused",
			says: /redirect/,
		},
		{ title: "that is not there", serve: () => undefined, code: "market_answer_refused", says: /status 404/ },
		{
			title: "that is cut off",
			serve: (of) =>
				of.serve("/index.json", (_request, response) => {
					response.writeHead(200, { "content-length": 1_000 });
					response.write("{", () => response.destroy());
				}),
			code: "market_unreachable",
			says: /cannot be fetched/,
		},
		{
			title: "that is compressed",
			serve: (of) =>
				of.serve("/index.json", (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end()),
			code: "market_answer_refused",
			says: /compressed/,
		},
	];
	test.each(refused)("SC-02 an index $title is refused, and the source is not added", async ({ serve, code, says }) => {
		serve(market);
		const answer = await add();
		expect(answer.body).toMatchObject({ code });
		expect(answer.body.detail).toMatch(says);
		expect((await api.get<MarketplaceSourceList>(SOURCES)).body.items).toEqual([]);
	});

	test("SC-06 an index with a name of other letters or of capitals is refused, and names the entry", async () => {
		for (const name of ["Tester", "t\u0435ster", "tester\u200b", "tester_"]) {
			market.offerNothing();
			market.offer(built, { name });
			market.publish();
			const answer = await add();
			expect(answer.body).toMatchObject({ code: "index_invalid", detail: expect.stringContaining("/plugins/0/name") });
		}
	});
});

describe("what is fetched at all", () => {
	test("without the settings neither http nor addresses that are not public are", async () => {
		const { admin } = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
		market.publish();
		const { publicKey } = market.signer;
		const port = new URL(market.url).port;
		const urls = [
			[market.indexUrl, /only https/],
			[`https://127.0.0.1:${port}/`, /not public \(loopback\)/],
			[`https://localhost:${port}/`, /not public \(loopback\)/],
			["https://10.0.0.1/", /not public \(private\)/],
			["https://169.254.169.254/latest/", /not public \(linkLocal\)/],
			["https://[::ffff:10.0.0.1]/", /not public/],
			["https://0x7f000001/", /not public \(loopback\)/],
			["https://user:secret@example.com/", /user and password/],
		] as const;
		for (const [url, says] of urls) {
			const answer = await admin.post<ProblemBody>(SOURCES, { name: "main", url, publicKey });
			expect(answer, url).toMatchObject({ status: 422, body: { code: "market_address_refused" } });
			expect(answer.body.detail).toMatch(says);
			expect(answer.body.detail).not.toContain("secret");
		}
	});

	test("a server that says nothing ends nobody's patience but its own", async () => {
		market.publish();
		market.serve("/index.json", (request) => request.socket.destroy());
		expect(await add()).toMatchObject({ status: 502, body: { code: "market_unreachable" } });
	});
});

describe("SC-02 a package", () => {
	const mismatches: { title: string; says: (entry: IndexEntry) => Partial<IndexEntry>; code: string }[] = [
		{ title: "another digest", says: () => ({ digest: "0".repeat(64) }), code: "digest_mismatch" },
		{ title: "another module", says: () => ({ module: "0".repeat(64) }), code: "digest_mismatch" },
		{ title: "a smaller size", says: ({ size }) => ({ size: size - 1 }), code: "market_answer_refused" },
		{ title: "another version", says: () => ({ version: "1.0.1" }), code: "digest_mismatch" },
		{ title: "another name", says: () => ({ name: "tester-two" }), code: "digest_mismatch" },
		{ title: "a file that is not there", says: () => ({ url: "missing.zip" }), code: "market_answer_refused" },
		{ title: "an address inside", says: () => ({ url: "http://10.0.0.1/x.zip" }), code: "market_address_refused" },
		{ title: "an address of a file", says: () => ({ url: "file:///etc/passwd" }), code: "market_address_refused" },
		{ title: "no address", says: () => ({ url: "https://" }), code: "market_address_refused" },
		{ title: "more bytes than are taken", says: () => ({ size: 100 * 1024 * 1024 }), code: "upload_too_large" },
	];
	test.each(mismatches)("SC-02 an entry with $title: refused, and nothing stays", async ({ says, code }) => {
		const entry = market.offer(built);
		market.offerNothing();
		const wrong = market.offer(built, says(entry));
		market.publish();
		await add();
		const form = new FormData();
		form.append("source", "market");
		form.append("marketId", `main/${wrong.name}@${wrong.version}`);
		const answer = await api.call<ProblemBody>("POST", "/api/v1/plugins/install", form);
		expect(answer.body).toMatchObject({ code });
		expect(await storedNames(control.plane.database)).toEqual([]);
	});
});
