// The wheel that wakes all requests: on time, once, in any number, and still when nothing waits. The clock is the test's,
// so that a machine that stands still for a second changes nothing.
import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { TimerWheel, type WheelEntry } from "../../sdk/client/src/timer-wheel.js";
import { until } from "./until.js";

vi.setConfig({ testTimeout: 120_000 });

interface Entry extends WheelEntry {
	readonly at: number;
	readonly woken: number[];
}

const entry = (at: number): Entry => ({ at, woken: [], wheelTick: -1 });

/** A wheel whose time stands still until the test moves it. */
function startWheel() {
	const clock = { now: 100_000, looks: 0 };
	const order: Entry[] = [];
	// Keeps the wheel turning.
	const sentinel = entry(0);
	const wheel = new TimerWheel<Entry>(
		(one, at) => {
			if (one === sentinel) {
				wheel.schedule(one, at + 1_000);
				return;
			}
			one.woken.push(at);
			order.push(one);
		},
		() => {
			clock.looks++;
			return clock.now;
		},
	);
	wheel.schedule(sentinel, clock.now + 1_000);
	/** Moves the time, and returns when the wheel has seen it. */
	const advance = async (ms: number): Promise<void> => {
		clock.now += ms;
		const looks = clock.looks;
		await until("the wheel has looked at the clock", () => clock.looks > looks);
	};
	return { wheel, clock, order, sentinel, advance };
}

test("entries are woken once, in the order of their times, at or up to 5 ms after them and never early", async () => {
	const { wheel, clock, order, advance } = startWheel();
	const entries = Array.from({ length: 200 }, (_, index) => entry(clock.now + ((index * 37) % 100)));
	for (const one of entries) wheel.schedule(one, one.at);
	for (let step = 0; step < 40; step++) await advance(3);
	expect(order).toHaveLength(entries.length);
	for (const { at, woken } of entries) {
		expect(woken).toHaveLength(1);
		expect(woken[0]).toBeGreaterThanOrEqual(at);
		// One tick of the wheel and one step of the clock.
		expect((woken[0] ?? 0) - at).toBeLessThanOrEqual(8);
	}
});

test("after a time that was slept through everything that is due is woken in order", async () => {
	const { wheel, clock, order, advance } = startWheel();
	const times = [900, 5, 450, 2_000];
	const entries = times.map((ms) => entry(clock.now + ms));
	for (const one of entries) wheel.schedule(one, one.at);
	await advance(1_000_000);
	expect(order.map(({ at }) => at - 100_000)).toEqual([5, 450, 900, 2_000]);
});

test("an entry that is set again wakes at its last time only, and one that is cancelled never", async () => {
	const { wheel, clock, order, advance } = startWheel();
	const start = clock.now;
	const moved = entry(0);
	wheel.schedule(moved, start + 20);
	wheel.schedule(moved, start + 400);
	wheel.schedule(moved, start + 60);
	const cancelled = entry(0);
	wheel.schedule(cancelled, start + 20);
	wheel.cancel(cancelled);
	await advance(55);
	expect(order).toEqual([]);
	await advance(10);
	expect(order).toEqual([moved]);
	// The places in the wheel that were left behind are passed.
	const last = entry(0);
	wheel.schedule(last, start + 450);
	await advance(400);
	expect(order).toEqual([moved, last]);
});

test("a time that is past wakes the entry at the next tick, and one far away lets it look again", async () => {
	const { wheel, clock, order, advance } = startWheel();
	const far = entry(clock.now + 60_000);
	const past = entry(clock.now - 1_000);
	wheel.schedule(far, far.at);
	wheel.schedule(past, past.at);
	await advance(5);
	expect(order).toEqual([past]);
	await advance(2_600);
	expect(order).toEqual([past, far]);
});

test("the wheel stands still when nothing waits, and starts again", async () => {
	const { wheel, clock, order, sentinel, advance } = startWheel();
	wheel.cancel(sentinel);
	wheel.schedule(entry(0), clock.now + 1_500);
	await advance(1_600);
	expect(order).toHaveLength(1);
	await until("it stands still", async () => {
		const { looks } = clock;
		await delay(60);
		return clock.looks === looks;
	});
	clock.now += 500_000;
	wheel.schedule(entry(0), clock.now + 10);
	await advance(20);
	expect(order).toHaveLength(2);
});
