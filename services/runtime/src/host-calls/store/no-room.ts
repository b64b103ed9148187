// Said where a plugin gets an error, because it could not go on without what was to be kept.
import type { HostCallError } from "../host-call-errors.js";
import { invalid } from "../host-call-errors.js";
import { MAX_NAMES } from "./ledger.js";

/**
 * @param what was to be kept: `once: the key "a"`
 * @param limit name of the limit in the manifest, and its value in bytes
 */
export function noRoom(what: string, limit: string, bytes: number): HostCallError {
	return invalid(
		`${what} does not fit: the plugin may keep ${bytes} bytes of names and values (limits.${limit}) under ${MAX_NAMES} names, as long as its tenant has room left`,
	);
}
