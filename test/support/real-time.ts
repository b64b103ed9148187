// For tests of what happens within milliseconds. On a machine whose host takes the processor away for a tenth of a second at
// a time, over and over, they would measure the host; there they are skipped, which the report shows and counts.
import type { TestContext } from "vitest";

/** Milliseconds of looking. */
const LOOK_MS = 1_000;
/** A standstill longer than this is no turn of another process: the scheduler's turns are a few milliseconds. */
const STANDSTILL_MS = 20;
/** Milliseconds of one look that a sound machine does not lose to standstills, even with more to do than it has processors. */
const TOO_MUCH_MS = 300;

/** Skips the rest of the test when the machine stands still again and again. Takes a second. */
export function needsRealTime(context: TestContext): void {
	const { count, lost } = standstills();
	if (lost < TOO_MUCH_MS) return;
	context.skip(`the machine stood still ${count} times and for ${Math.round(lost)} ms in one second`);
}

/** Whether the machine stands still again and again; where skipping one test is not enough. Takes a second. */
export function standsStill(): boolean {
	return standstills().lost >= TOO_MUCH_MS;
}

function standstills(): { count: number; lost: number } {
	const started = performance.now();
	let count = 0;
	let lost = 0;
	for (let last = started, now = started; now - started < LOOK_MS; last = now) {
		now = performance.now();
		if (now - last <= STANDSTILL_MS) continue;
		count += 1;
		lost += now - last;
	}
	return { count, lost };
}
