// For what must not happen twice. An event can be delivered again, and then the plugin runs again: its own state is no
// protection, because two runtimes can look at the same moment.
import { once as callOnce } from "./host-imports";
import { storeText } from "./host-memory";

/**
 * True for the first call with this key in this time, whichever runtime it comes from; false for all others. Put the event's id
 * into the key. Permission `state`. Without it, and inside `initialize`, the plugin's call ends as `denied`; when the bus does not
 * answer, as `host_error`.
 *
 * @param key any text of 1 to 256 bytes in UTF-8
 * @param ttlMs milliseconds until the key counts as new again, at most ten years; 0 for never
 */
export function once(key: string, ttlMs: i64): bool {
	return callOnce(storeText(key), ttlMs) == 1;
}
