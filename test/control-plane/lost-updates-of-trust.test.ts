// ETag and If-Match of what a tenant trusts, over both databases: nobody decides on a list that somebody else changed meanwhile.
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { makeSigner } from "../support/make-signer.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { TestMarketplace } from "../support/start-marketplace.js";
import { EACH_DATABASE } from "./each-database.js";

const PUBLISHERS = "/api/v1/trusted-publishers";
const POLICY = "/api/v1/trust-policy";
const SOURCES = "/api/v1/marketplace/sources";
const RECALLS = "/api/v1/recalls";
const REACHABLE = { HOOKBUS_MARKET_ALLOW_HTTP: "true", HOOKBUS_MARKET_PRIVATE_RANGES: "127.0.0.0/8, ::1/128" };

describe.each(EACH_DATABASE)("BR-09 on $kind", ({ create }) => {
	let api: ApiClient;

	beforeAll(async () => {
		api = (await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create(), env: REACHABLE })).admin;
	});

	const tagOf = async (path: string) => (await api.get(path)).headers.get("etag") ?? "";
	const send = (method: string, path: string, body: unknown, tag: string) =>
		api.call<ProblemBody>(method, path, body, { "if-match": tag });

	/** The first change with a tag is made; the second one with the same tag is not. */
	async function onlyTheFirst(list: string, first: () => ReturnType<typeof send>, late: () => ReturnType<typeof send>) {
		const before = await tagOf(list);
		expect(before).toMatch(/^"[0-9a-f]{32}"$/);
		expect((await first()).status).toBeLessThan(300);
		expect(await tagOf(list)).not.toBe(before);
		const shown = (await api.get(list)).body;
		expect(await late()).toMatchObject({ status: 412, body: { code: "precondition_failed" } });
		expect((await api.get(list)).body).toEqual(shown);
	}

	test("publishers are trusted and distrusted by who read the newest list", async () => {
		const keys = [makeSigner(), makeSigner()] as const;
		const body = (index: 0 | 1) => ({ name: `Publisher ${index}`, publicKey: keys[index].publicKey });
		let tag = await tagOf(PUBLISHERS);
		await onlyTheFirst(
			PUBLISHERS,
			() => send("POST", PUBLISHERS, body(0), tag),
			() => send("POST", PUBLISHERS, body(1), tag),
		);
		tag = await tagOf(PUBLISHERS);
		await onlyTheFirst(
			PUBLISHERS,
			() => send("POST", PUBLISHERS, body(1), tag),
			() => send("DELETE", `${PUBLISHERS}/${keys[0].keyId}`, undefined, tag),
		);
		expect((await send("DELETE", `${PUBLISHERS}/${keys[0].keyId}`, undefined, await tagOf(PUBLISHERS))).status).toBe(200);
	});

	test("of ten publishers that are added at once to the same list one is", async () => {
		const tag = await tagOf(PUBLISHERS);
		const answers = await Promise.all(
			Array.from({ length: 10 }, (_, index) =>
				send("POST", PUBLISHERS, { name: `At once ${index}`, publicKey: makeSigner().publicKey }, tag),
			),
		);
		expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(412)]);
	});

	test("the policy is changed by who read the newest one, and a policy that was never set has a tag too", async () => {
		const tag = await tagOf(POLICY);
		await onlyTheFirst(
			POLICY,
			() => send("PUT", POLICY, { requireSignature: true }, tag),
			() => send("PUT", POLICY, { requireSignature: false }, tag),
		);
		expect((await send("PUT", POLICY, { requireSignature: false }, await tagOf(POLICY))).status).toBe(200);
	});

	test("the publisher of a plugin is changed by who read the plugin as it is", async () => {
		const path = "/api/v1/plugins/pinned";
		await api.install({ file: (await buildPackage({ name: "pinned" })).zip });
		const { publicKey, keyId } = makeSigner();
		await api.post(PUBLISHERS, { name: "Pinned", publicKey });
		const tag = await tagOf(path);
		await onlyTheFirst(
			path,
			() => send("PUT", `${path}/publisher`, { keyId }, tag),
			() => send("PUT", `${path}/publisher`, { keyId: null }, tag),
		);
	});

	test("recalls are declared and lifted by who read the newest list", async () => {
		const declare = (plugin: string, tag: string) => send("POST", RECALLS, { plugin, reason: "bad" }, tag);
		const tag = await tagOf(RECALLS);
		await onlyTheFirst(
			RECALLS,
			() => declare("one", tag),
			() => declare("two", tag),
		);
		const { items } = (await api.get<{ items: { id: string }[] }>(RECALLS)).body;
		const lift = `${RECALLS}/${items[0]?.id}`;
		const next = await tagOf(RECALLS);
		await onlyTheFirst(
			RECALLS,
			() => declare("two", next),
			() => send("DELETE", lift, undefined, next),
		);
		expect((await send("DELETE", lift, undefined, await tagOf(RECALLS))).status).toBe(200);
	});

	test("marketplaces are added and removed by who read the newest list; what the service fetches meanwhile is no change", async () => {
		const market = await TestMarketplace.start();
		market.publish();
		const add = (name: string, tag: string) =>
			send("POST", SOURCES, { name, url: market.indexUrl, publicKey: market.signer.publicKey }, tag);
		const tag = await tagOf(SOURCES);
		await onlyTheFirst(
			SOURCES,
			() => add("one", tag),
			() => add("two", tag),
		);
		const refresh = (wanted: string) => send("POST", `${SOURCES}/one/refresh`, undefined, wanted);
		expect((await refresh(tag)).status).toBe(412);
		const next = await tagOf(SOURCES);
		market.publish();
		expect((await refresh(next)).status).toBe(200);
		expect(await tagOf(SOURCES)).toBe(next);
		await onlyTheFirst(
			SOURCES,
			() => add("two", next),
			() => send("DELETE", `${SOURCES}/one`, undefined, next),
		);
		expect((await send("DELETE", `${SOURCES}/one`, undefined, "*")).status).toBe(200);
	});
});
