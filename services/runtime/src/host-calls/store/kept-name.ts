// Names that plugins give to what they keep: any text, because they stand encoded in a subject and can address nothing else.
import { invalid } from "../host-call-errors.js";

/** Bytes in UTF-8. */
export const MAX_NAME_BYTES = 256;

/**
 * @param what is named: "state_get: the key"
 * @throws HostCallError `guest_error`
 */
export function checkName(what: string, name: string): void {
	if (name === "") throw invalid(`${what} is empty`);
	checkText(what, name);
}

/** As {@link checkName}, for a text that may be empty. */
export function checkText(what: string, text: string): void {
	// Each code unit has at least one byte; what has more of them need not be encoded to know.
	if (text.length > MAX_NAME_BYTES || Buffer.byteLength(text) > MAX_NAME_BYTES)
		throw invalid(`${what} has more than ${MAX_NAME_BYTES} bytes`);
	// Half a surrogate pair has no bytes of its own: two different names would become the same one.
	if (Buffer.from(text).toString() !== text) throw invalid(`${what} is no valid Unicode text`);
}

/** A plugin's name for something, as it may stand in a message: quoted, control characters escaped, not too long. */
export function quoted(name: string): string {
	return JSON.stringify(name.length > 64 ? `${name.slice(0, 63)}…` : name);
}
