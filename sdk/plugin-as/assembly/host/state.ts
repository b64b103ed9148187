// What a plugin keeps from one call to the next: values by key, for this plugin and tenant alone, the same on every runtime.
// Variables and everything else that a call leaves behind are gone when the next one begins.
import { decodeText, encodeUtf8 } from "../json/utf8";
import { state_delete, state_get, state_increment, state_set } from "./host-imports";
import { readBlock, storeBytes, storeText } from "./host-memory";

/**
 * Permission `state`. A key is any text of 1 to 256 bytes in UTF-8, a value has at most 64 KiB, and all keys and values together
 * at most `limits.stateBytes` of the manifest. Each function can be called 64 times in one call of the plugin. Without the
 * permission, inside `initialize`, and with too many calls, the plugin's call ends as `denied`; with a key, value or time that is
 * none, as `guest_error`; when the bus does not answer, as `host_error`. Waiting for the host is part of the plugin's time limit.
 */
export class State {
	/** The text under a key; null when nothing is kept there. Bytes that are not UTF-8 become U+FFFD. */
	static get(key: string): string | null {
		const value = State.getBytes(key);
		return value !== null ? decodeText(value) : null;
	}

	/** The bytes under a key; null when nothing is kept there. */
	static getBytes(key: string): ArrayBuffer | null {
		const block = state_get(storeText(key));
		return block != 0 ? readBlock(block) : null;
	}

	/**
	 * Keeps a text under a key, in place of what was there.
	 *
	 * @param ttlMs milliseconds to keep it, at most ten years; 0 for ever
	 * @returns false when there is no room; then what was there stays
	 */
	static set(key: string, value: string, ttlMs: i64 = 0): bool {
		return State.setBytes(key, encodeUtf8(value), ttlMs);
	}

	/** As {@link set}, for bytes. */
	static setBytes(key: string, value: ArrayBuffer, ttlMs: i64 = 0): bool {
		return state_set(storeText(key), storeBytes(value), ttlMs) == 0;
	}

	/** Removes what is kept under a key, if anything is. */
	static delete(key: string): void {
		state_delete(storeText(key));
	}

	/**
	 * Adds to the integer under a key, which is 0 when nothing is kept there. No other addition gets lost, whichever runtime it
	 * comes from, as it would between {@link get} and {@link set}. It is kept as decimal text. When there is no room, when what is
	 * kept is no integer, and when the sum leaves 64 bits, the plugin's call ends as `guest_error`.
	 *
	 * @param ttlMs milliseconds to keep it, at most ten years; 0 for ever. That of the first addition counts
	 * @returns the sum
	 */
	static increment(key: string, by: i64 = 1, ttlMs: i64 = 0): i64 {
		return state_increment(storeText(key), by, ttlMs);
	}
}
