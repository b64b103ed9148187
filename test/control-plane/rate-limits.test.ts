// How many requests a caller may send: by key and by address, with the time after which the next one is taken.
import { RateLimiter } from "@hookbus/control-plane";
import type { ApiKeyCreated } from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";

const start = (env: Record<string, string>): Promise<StartedControlPlane> =>
	startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", env });

/** Sends so many and counts the answers by status. */
async function flood(control: StartedControlPlane, many: number, headers: Record<string, string>, key?: string) {
	const client = key === undefined ? control.admin : control.admin.as(key);
	const answers = await Promise.all(
		Array.from({ length: many }, (_, n) =>
			client.call("GET", "/api/v1/plugins", undefined, {
				...headers,
				...(headers["x-forwarded-for"] === "many" ? { "x-forwarded-for": `10.9.8.${n}` } : {}),
			}),
		),
	);
	const refused = answers.filter(({ status }) => status === 429);
	return { answers, refused: refused.length, taken: answers.filter(({ status }) => status === 200).length, first: refused[0] };
}

describe("BR-08", () => {
	test("a key gets its requests a minute and then 429 with the time to wait; another key goes on", async () => {
		const control = await start({ HOOKBUS_RATE_LIMIT_PER_KEY: "60" });
		const other = await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: "other", role: "viewer" });
		const began = performance.now();
		const { taken, refused, first } = await flood(control, 100, {});
		const seconds = (performance.now() - began) / 1_000;
		// One was spent on the other key; one comes back each second.
		expect(taken).toBeGreaterThanOrEqual(59);
		expect(taken).toBeLessThanOrEqual(60 + seconds + 2);
		expect(taken + refused).toBe(100);
		expect(first?.body).toMatchObject({ status: 429, code: "rate_limited", title: "Too many requests" });
		expect(first?.headers.get("content-type")).toContain("application/problem+json");
		const wait = Number(first?.headers.get("retry-after"));
		expect([1, 2]).toContain(wait);
		expect((await control.admin.as(other.body.key).get("/api/v1/plugins")).status).toBe(200);
		await new Promise((resolve) => setTimeout(resolve, wait * 1_000 + 100));
		expect((await control.admin.get("/api/v1/plugins")).status).toBe(200);
	});

	test("an address is counted without a key and with a wrong one, whatever X-Forwarded-For says", async () => {
		const control = await start({ HOOKBUS_RATE_LIMIT_PER_ADDRESS: "20" });
		const { answers, refused } = await flood(control, 60, { "x-forwarded-for": "many" }, `hbk_${"A".repeat(43)}`);
		expect(refused).toBeGreaterThanOrEqual(30);
		expect(answers.every(({ status }) => status === 401 || status === 429)).toBe(true);
		// Whoever watches over the service is not counted.
		expect((await fetch(`${control.url}/livez`, { headers: { connection: "close" } })).status).toBe(200);
	});

	test("behind a proxy that is trusted each address counts for itself; behind any other it does not", async () => {
		const trusting = await start({ HOOKBUS_RATE_LIMIT_PER_ADDRESS: "20", HOOKBUS_TRUSTED_PROXIES: "127.0.0.0/8,::1" });
		expect((await flood(trusting, 60, { "x-forwarded-for": "many" })).taken).toBe(60);
		expect((await flood(trusting, 40, { "x-forwarded-for": "10.1.1.1" })).taken).toBeLessThanOrEqual(30);
		const elsewhere = await start({ HOOKBUS_RATE_LIMIT_PER_ADDRESS: "20", HOOKBUS_TRUSTED_PROXIES: "10.0.0.0/8" });
		expect((await flood(elsewhere, 40, { "x-forwarded-for": "many" })).taken).toBeLessThanOrEqual(30);
	});

	test("over a minute the limit is met to the request, whatever the pattern", () => {
		let now = 0;
		const limiter = new RateLimiter(600, () => now);
		let taken = 0;
		// A burst at once, then three times the limit for ten minutes.
		for (; now < 600_000; now += 1_000 / 30) if (limiter.take("a") === 0) taken += 1;
		expect(Math.abs(taken - (600 + 6_000))).toBeLessThanOrEqual(2);
		expect(limiter.take("b")).toBe(0);
	});

	test("a limiter forgets addresses when there are too many, and none of them gets more than a full bucket", () => {
		const limiter = new RateLimiter(1, () => 0);
		for (let address = 0; address < 100_000; address += 1) expect(limiter.take(`a${address}`)).toBe(0);
		expect(limiter.take("a99999")).toBeGreaterThan(0);
	});
});

test("BR-03 senders of slow headers, slow bodies and nothing at all are cut off", async () => {
	const control = await start({});
	const { server } = control.plane.app;
	expect([server.headersTimeout, server.requestTimeout, server.timeout]).toEqual([15_000, 120_000, 180_000]);
});
