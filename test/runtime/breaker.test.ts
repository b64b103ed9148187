// The breaker and the rate limit by themselves: their states, and the times between them.
import { Breaker, type BreakerOptions, TokenBucket } from "@hookbus/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const OPTIONS: BreakerOptions = { failures: 5, backoffMs: 1_000, openings: 4 };

/** Without jitter. */
const breaker = (options = OPTIONS) => new Breaker(options, () => 0.5);

function failTimes(opened: Breaker, times: number, now = 0): void {
	for (let time = 0; time < times; time += 1) opened.fail(false, "trap: unreachable", now);
}

describe("a breaker", () => {
	test("HP-35 opens at the fifth failure in a row, and a success in between starts the count again", () => {
		const subject = breaker();
		failTimes(subject, 4);
		subject.succeed(false);
		failTimes(subject, 4);
		expect(subject.admit(0)).toBe("run");
		failTimes(subject, 1);
		expect(subject.admit(0)).toBe("refuse");
		expect(subject.status).toMatchObject({ state: "open", openings: 1, reason: "trap: unreachable" });
	});

	test("HP-35 opens at half of twenty although no five are in a row", () => {
		const subject = breaker();
		for (let pair = 0; pair < 10; pair += 1) {
			subject.succeed(false);
			expect(subject.state).toBe("closed");
			subject.fail(false, "timeout", 0);
		}
		expect(subject.state).toBe("open");
	});

	test("lets exactly one event try it when its time is over", () => {
		const subject = breaker();
		failTimes(subject, 5);
		expect(subject.admit(999)).toBe("refuse");
		expect(subject.admit(1_000)).toBe("trial");
		expect(subject.admit(1_000)).toBe("refuse");
		subject.succeed(true);
		expect(subject.admit(1_000)).toBe("run");
		expect(subject.status).toBeUndefined();
	});

	test("waits twice as long after each trial that failed, and a minute at most", () => {
		const subject = breaker({ ...OPTIONS, openings: 100 });
		failTimes(subject, 5);
		let now = 0;
		for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
			expect(subject.admit(now + waitMs - 1)).toBe("refuse");
			now += waitMs;
			expect(subject.admit(now)).toBe("trial");
			subject.fail(true, "trap", now);
		}
	});

	test("takes off or adds a fifth of the time at most", () => {
		for (const [random, waitMs] of [
			[0, 800],
			[1, 1_200],
		] as const) {
			const subject = new Breaker(OPTIONS, () => random);
			failTimes(subject, 5);
			expect(subject.admit(waitMs - 1)).toBe("refuse");
			expect(subject.admit(waitMs)).toBe("trial");
		}
	});

	test("gives up after so many openings in a row, and nothing brings it back", () => {
		const subject = breaker();
		failTimes(subject, 5);
		let now = 0;
		for (const waitMs of [1_000, 2_000, 4_000]) {
			now += waitMs;
			expect(subject.admit(now)).toBe("trial");
			subject.fail(true, "trap", now);
		}
		expect(subject.status).toMatchObject({ state: "given_up", openings: 4 });
		expect(subject.admit(now + 3_600_000)).toBe("refuse");
		subject.succeed(false);
		expect(subject.admit(now + 3_600_000)).toBe("refuse");
	});

	test("is tried by another event when the one that was to try it never reached the plugin", () => {
		const subject = breaker();
		failTimes(subject, 5);
		expect(subject.admit(1_000)).toBe("trial");
		subject.abandonTrial();
		expect(subject.admit(1_000)).toBe("trial");
	});

	test("learns nothing from events that were on their way when it opened", () => {
		const subject = breaker();
		failTimes(subject, 5);
		failTimes(subject, 50);
		expect(subject.status).toMatchObject({ state: "open", openings: 1 });
	});
});

describe("a rate limit", () => {
	test("lets a minute's worth through at once, and then as many as time brings", () => {
		const bucket = new TokenBucket(60, 0);
		expect(Array.from({ length: 61 }, () => bucket.take(60, 0)).filter(Boolean)).toHaveLength(60);
		expect(bucket.take(60, 999)).toBe(false);
		expect(bucket.take(60, 1_000)).toBe(true);
		expect(bucket.take(60, 1_000)).toBe(false);
	});

	test("never lets more than two minutes' worth through in a minute, however the calls are spread", () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 400 }), (gaps) => {
				const bucket = new TokenBucket(30, 0);
				let now = 0;
				let taken = 0;
				for (const gap of gaps) {
					now += gap;
					if (now <= 60_000 && bucket.take(30, now)) taken += 1;
				}
				expect(taken).toBeLessThanOrEqual(60);
			}),
			{ seed: 7, numRuns: 200 },
		);
	});
});
