// Every attack of the suite, on one runtime that well-behaved plugins share. What it costs them in time is for `npm run attack`
// to measure; that none of their events is lost must hold on any machine.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ATTACKS, testIdsOf, unknownNames } from "./catalogue.js";
import { AttackStage } from "./stage.js";

describe("an attack", () => {
	let stage: AttackStage;

	beforeAll(async () => {
		stage = await AttackStage.start(ATTACKS, 20);
	});

	afterAll(async () => {
		const { goodEvents, goodLost } = await stage.finish();
		expect(goodEvents).toBeGreaterThan(100);
		expect(goodLost).toBe(0);
	});

	test.each(ATTACKS.map((attack) => [[...testIdsOf(attack), attack.id].join(" "), attack.tries, attack] as const))(
		"%s is contained: %s",
		async (_id, _tries, attack) => {
			expect((await stage.run(attack)).faults).toEqual([]);
		},
	);
});

test("the suite has at least 40 attacks, and each has a name of its own", () => {
	expect(ATTACKS.length).toBeGreaterThanOrEqual(40);
	expect(new Set(ATTACKS.map(({ id }) => id)).size).toBe(ATTACKS.length);
	expect(unknownNames()).toEqual([]);
});
