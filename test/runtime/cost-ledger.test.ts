// What plugins cost, exchanged over a bus that fails in the middle, or has something else in the place of a sum.
import { CostLedger } from "@hookbus/runtime";
import { COST_BUCKET, Usage } from "@hookbus/schemas";
import { Value } from "@sinclair/typebox/value";
import { type KV, NatsError } from "nats";
import pino from "pino";
import { beforeEach, expect, test } from "vitest";
import { connectTo } from "../support/connect.js";
import { startNats } from "../support/start-nats.js";

const DAY = "2026-01-31";
let sums: KV;

beforeEach(async () => {
	const { url } = await startNats();
	sums = await (await connectTo(url)).jetstream().views.kv(COST_BUCKET);
});

const ledgerOn = (bucket: KV) => new CostLedger(bucket, pino({ level: "silent" }), () => DAY);

/** The bucket, with another put. */
function puttingLike(put: (...args: Parameters<KV["put"]>) => Promise<number>): KV {
	return { get: (key: string) => sums.get(key), put } as unknown as KV;
}

const sumOf = async (plugin: string) => (await sums.get(`${DAY}.acme.${plugin}`))?.string();

test("a cost that no plugin can have is no usage", () => {
	expect(Value.Check(Usage, { cost: 1_000_000 })).toBe(true);
	for (const cost of [1_000_001, 1e308, Number.POSITIVE_INFINITY, Number.NaN]) expect(Value.Check(Usage, { cost })).toBe(false);
});

test.each(["NaN", "Infinity", "-1", "", "much"])(
	"a sum of %j on the bus does not switch the budget off and is repaired",
	async (text) => {
		const ledger = ledgerOn(sums);
		ledger.add("acme", "costly", 2);
		await ledger.stop();
		await sums.put(`${DAY}.acme.costly`, text);
		await ledger.stop();
		expect(ledger.spent("acme", "costly")).toBe(2);
		ledger.add("acme", "costly", 1);
		await ledger.stop();
		expect([ledger.spent("acme", "costly"), await sumOf("costly")]).toEqual([3, "3"]);
	},
);

test("an addition that the bus took without saying so is not made again; one that it did not take is", async () => {
	let done = true;
	let fails = true;
	const ledger = ledgerOn(
		puttingLike(async (...args) => {
			if (!fails) return await sums.put(...args);
			if (done) await sums.put(...args);
			throw new NatsError("timeout", "TIMEOUT");
		}),
	);
	ledger.add("acme", "costly", 2);
	await ledger.stop();
	expect(await sumOf("costly")).toBe("2");
	ledger.add("acme", "costly", 1);
	fails = false;
	await ledger.stop();
	expect([ledger.spent("acme", "costly"), await sumOf("costly")]).toEqual([3, "3"]);
	[done, fails] = [false, true];
	ledger.add("acme", "costly", 4);
	await ledger.stop();
	expect(ledger.spent("acme", "costly")).toBe(7);
	fails = false;
	await ledger.stop();
	expect(await sumOf("costly")).toBe("7");
});

test("plugins whose costs cannot be exchanged keep those of no other from it for more than a round", async () => {
	let tries = 0;
	const ledger = ledgerOn(
		puttingLike(async (key, ...rest) => {
			if (!key.includes(".bad-")) return await sums.put(key, ...rest);
			tries += 1;
			throw new NatsError("timeout", "TIMEOUT");
		}),
	);
	for (const plugin of ["bad-1", "good-1", "bad-2", "bad-3", "bad-4", "good-2"]) ledger.add("acme", plugin, 1);
	await ledger.stop();
	// Three in a row: the bus is taken to be away.
	expect([tries, await sumOf("good-1"), await sumOf("good-2")]).toEqual([4, "1", undefined]);
	await ledger.stop();
	expect(await sumOf("good-2")).toBe("1");
	expect(ledger.spent("acme", "bad-1")).toBe(1);
});

test.each([10_071, 10_164])("a sum that another runtime has changed meanwhile is added to anew (%i)", async (code) => {
	let conflicts = 1;
	const ledger = ledgerOn(
		puttingLike(async (...args) => {
			if (conflicts === 0) return await sums.put(...args);
			conflicts -= 1;
			throw Object.assign(new NatsError("wrong last sequence", "400"), {
				api_error: { err_code: code, code: 400, description: "" },
			});
		}),
	);
	ledger.add("acme", "costly", 2);
	await ledger.stop();
	expect(await sumOf("costly")).toBe("2");
});
