// The numbers behind "at most 1 % fall to the policy with one of three runtimes frozen", without a clock.
import { expect, test } from "vitest";
import { RoundTrip } from "../../sdk/client/src/round-trip.js";
import { retryPauseMs, silenceToleranceMs } from "../../sdk/client/src/send-schedule.js";

/** When an event is sent, in ms from its start, if nothing is ever heard. */
function sendTimes(deadlineMs: number, roundTripMs: number): number[] {
	const times: number[] = [];
	for (let at = 0, silences = 0; at < deadlineMs; silences++) {
		times.push(at);
		at += Math.ceil(silenceToleranceMs(60, roundTripMs, silences) / 5) * 5;
	}
	return times;
}

test("an event with a deadline of 1 second is sent often enough for a frozen third of the runtimes, and no oftener than 8 times", () => {
	const times = sendTimes(1_000, 1);
	expect(times[1]).toBe(65);
	expect(times.length).toBeLessThanOrEqual(8);
	// A send is of use when a runtime still has the time that it needs: 20 ms, or half a second.
	for (const neededMs of [20, 500]) {
		const useful = times.filter((at) => at + neededMs <= 1_000);
		expect((1 / 3) ** useful.length).toBeLessThanOrEqual(0.01);
	}
});

test("the tolerance grows with twice the round trip", () => {
	expect(silenceToleranceMs(60, 0, 0)).toBe(60);
	expect(silenceToleranceMs(60, 30, 0)).toBe(120);
	expect(silenceToleranceMs(60, 0, 2)).toBeCloseTo(93.75);
});

test("the round trip follows pings, and delays that the 40 ms to the first frame do not explain", () => {
	const roundTrip = new RoundTrip();
	expect(roundTrip.smoothedMs).toBe(0);
	roundTrip.observePing(8);
	expect(roundTrip.smoothedMs).toBe(8);
	for (let sample = 0; sample < 100; sample++) roundTrip.observeFirstSound(35);
	expect(roundTrip.smoothedMs).toBe(8);
	for (let sample = 0; sample < 100; sample++) roundTrip.observeFirstSound(140);
	expect(roundTrip.smoothedMs).toBeCloseTo(100, 0);
	for (let sample = 0; sample < 100; sample++) roundTrip.observeFirstSound(1e9);
	expect(roundTrip.smoothedMs).toBeLessThanOrEqual(250);
});

test("pauses while nobody listens double up to 100 ms and keep half of their length", () => {
	expect([0, 1, 2, 3, 4, 20].map((refusals) => retryPauseMs(refusals, 1))).toEqual([10, 20, 40, 80, 100, 100]);
	expect(retryPauseMs(20, 0)).toBe(50);
});
