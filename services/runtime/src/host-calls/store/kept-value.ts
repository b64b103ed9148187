// Limits of single values and of times, the same for every function that keeps something.
import { invalid } from "../host-call-errors.js";
import { FOR_EVER } from "./stored-entry.js";

const DAY_MS = 24 * 60 * 60_000;

/** Longest time to live in milliseconds: ten years. What should last longer is kept for ever. */
const MAX_TTL_MS = 3_650 * DAY_MS;

/**
 * @param what is kept: "state_set: the value"
 * @throws HostCallError `guest_error`
 */
export function checkSize(what: string, value: Uint8Array, maxBytes: number): void {
	if (value.byteLength > maxBytes) throw invalid(`${what} has ${value.byteLength} bytes; at most ${maxBytes} are allowed`);
}

/**
 * @param ttlMs 0: for ever
 * @throws HostCallError `guest_error`
 */
export function checkTtl(what: string, ttlMs: number): void {
	if (Number.isInteger(ttlMs) && ttlMs >= 0 && ttlMs <= MAX_TTL_MS) return;
	throw invalid(`${what} is ${ttlMs} ms; 0 (for ever) to ${MAX_TTL_MS} ms are allowed`);
}

/** When something ends that is kept from now on; milliseconds since 1970. */
export function expiryAfter(now: number, ttlMs: number): number {
	return ttlMs === 0 ? FOR_EVER : now + ttlMs;
}
