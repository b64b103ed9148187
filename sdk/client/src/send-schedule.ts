// When an event is sent again. Pure functions: the numbers that decide between a lost verdict and a storm of copies.

/**
 * Each silence is longer than the one before by this factor. With the default of 60 ms an event with a deadline of 1 s is
 * sent at about 0, 65, 145, 245, 375, 530, 730 and 975 ms. NATS picks a member of the queue group at random each time, so
 * with 1 of 3 runtimes frozen the first seven all meet the frozen one once in 3^7 = 2,187 events (0.05 %), and a chain that
 * needs half a second still has five sends in time (0.4 %): both under 1 %. A constant silence would be a little better
 * there and much worse where runtimes are alive but late under load: it would send every event 15 times.
 */
const SILENCE_GROWTH = 1.25;

/** Milliseconds before an event is sent again when nobody listened: doubles from the first to the last value. */
const FIRST_RETRY_MS = 10;
const LAST_RETRY_MS = 100;

/** With less than this many milliseconds left an event is not sent again: no answer could come in time. */
export const USELESS_MS = 5;

/**
 * Milliseconds without a sign of life after which an event is sent again. A runtime says something 40 ms after the event at
 * the latest, and what it says needs a round trip; twice the smoothed one leaves room for a slow one.
 *
 * @param silences how many silences this event has had
 */
export function silenceToleranceMs(silenceMs: number, roundTripMs: number, silences: number): number {
	return (silenceMs + 2 * roundTripMs) * SILENCE_GROWTH ** silences;
}

/**
 * Milliseconds to wait when nobody listened. Half of it is random, so that many clients do not come back at once.
 *
 * @param refusals how many times nobody has listened before
 * @param random from 0 to 1
 */
export function retryPauseMs(refusals: number, random: number): number {
	const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** refusals, LAST_RETRY_MS);
	return pauseMs / 2 + (random * pauseMs) / 2;
}
