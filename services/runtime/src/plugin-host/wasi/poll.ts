// WASI's `poll_oneoff`: waits for the first of several events. Only time passes here; of files, standard output and standard
// error can always be written, and nothing else is open.
import { type Clock, MONOTONIC, REALTIME } from "./clock.js";
import { ERRNO, type Errno } from "./errno.js";
import { isOutputStream } from "./output-lines.js";
import type { PluginBytes } from "./plugin-bytes.js";

const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
/** Kinds of subscriptions, and of the events that answer them. */
const CLOCK_EVENT = 0;
const WRITE_EVENT = 2;
const ABSOLUTE_TIME = 1;
const NS_PER_MS = 1_000_000;

/**
 * @param from where the subscriptions stand
 * @param to where the events go
 * @param found where the number of events goes
 */
export function poll(bytes: PluginBytes, clock: Clock, from: number, to: number, count: number, found: number): Errno {
	if (count === 0) return ERRNO.invalid;
	// Taken once: an event is due at the end of the wait because of what it asked for, not because the reading took time.
	const now: Readonly<Record<number, number>> = {
		[REALTIME]: clock.nowMs(REALTIME),
		[MONOTONIC]: clock.nowMs(MONOTONIC),
	};
	let waitMs = Number.POSITIVE_INFINITY;
	for (let index = 0; index < count; index += 1) {
		waitMs = Math.min(waitMs, readSubscription(bytes, from + index * SUBSCRIPTION_BYTES, now).dueMs);
	}
	if (waitMs > 0) clock.wait(waitMs);

	let events = 0;
	for (let index = 0; index < count; index += 1) {
		const subscription = readSubscription(bytes, from + index * SUBSCRIPTION_BYTES, now);
		if (subscription.dueMs > waitMs) continue;
		writeEvent(bytes, to + events * EVENT_BYTES, subscription);
		events += 1;
	}
	bytes.setU32(found, events);
	return ERRNO.success;
}

interface Subscription {
	/** The plugin's own name for it. */
	readonly id: readonly [low: number, high: number];
	readonly kind: number;
	/** Milliseconds until its event. */
	readonly dueMs: number;
	readonly error: Errno;
}

function readSubscription(bytes: PluginBytes, at: number, now: Readonly<Record<number, number>>): Subscription {
	const kind = bytes.byte(at + 8);
	const head = { id: [bytes.u32(at), bytes.u32(at + 4)] as const, kind };
	if (kind !== CLOCK_EVENT) {
		const isReady = kind === WRITE_EVENT && isOutputStream(bytes.u32(at + 16));
		return { ...head, dueMs: 0, error: isReady ? ERRNO.success : ERRNO.badFile };
	}
	const nowMs = now[bytes.u32(at + 16)];
	if (nowMs === undefined) return { ...head, dueMs: 0, error: ERRNO.invalid };
	const timeMs = bytes.u64(at + 24) / NS_PER_MS;
	const isAbsolute = (bytes.byte(at + 40) & ABSOLUTE_TIME) !== 0;
	return { ...head, dueMs: Math.max(0, isAbsolute ? timeMs - nowMs : timeMs), error: ERRNO.success };
}

function writeEvent(bytes: PluginBytes, at: number, { id, kind, error }: Subscription): void {
	bytes.write(at, new Uint8Array(EVENT_BYTES));
	bytes.setU32(at, id[0]);
	bytes.setU32(at + 4, id[1]);
	bytes.setByte(at + 8, error);
	bytes.setByte(at + 10, kind);
}
