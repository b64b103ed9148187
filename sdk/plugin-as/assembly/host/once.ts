// For what must not happen twice. An event can be delivered again, and then the plugin runs again: its own state is no
// protection, because two runtimes can look at the same moment.
import { once as callOnce } from "./host-imports";
import { storeText } from "./host-memory";

/**
 * True for the first call with this key in this time, whichever runtime it comes from; false for all others. Put the event's id
 * into the key. When the bus fails in the middle, the key can be noted and nobody was the first: what follows happens at most once,
 * not surely once.
 *
 * Permission `state`, and room in `limits.stateBytes`; 16 times in one call of the plugin. Without the permission, inside
 * `initialize`, and with too many calls, the plugin's call ends as `denied`; with a key or time that is none, and without room, as
 * `guest_error`; when the bus does not answer, as `host_error`.
 *
 * @param key any text of 1 to 256 bytes in UTF-8; {@link State} does not see it
 * @param ttlMs milliseconds until the key counts as new again: 1 to 604,800,000, which is seven days
 */
export function once(key: string, ttlMs: i64): bool {
	return callOnce(storeText(key), ttlMs) == 1;
}
