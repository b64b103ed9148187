// The headers that a plugin gives, without those that are the host's: who is asked, how the connection is used, how long the body
// is. With them a plugin could reach another site on the same server, or put a second request behind its own.
import { validateHeaderName, validateHeaderValue } from "node:http";
import { invalid } from "../host-call-errors.js";

const OURS = new Set([
	"accept-encoding",
	"connection",
	"content-length",
	"expect",
	"host",
	"keep-alive",
	"proxy",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
]);

/** Whether a header is the host's, whoever asks for it. */
export function isHostHeader(name: string): boolean {
	const lower = name.toLowerCase();
	return OURS.has(lower) || lower.startsWith("proxy-");
}

/**
 * @param headers whose size was checked, see request-size.ts
 * @returns by lower-case name
 * @throws HostCallError `guest_error` for a name or value that is none
 */
export function cleanHeaders(headers: Readonly<Record<string, string>>): Map<string, string> {
	const clean = new Map<string, string>();
	for (const [given, value] of Object.entries(headers)) {
		checkHeader(given, value);
		if (isHostHeader(given)) continue;
		const name = given.toLowerCase();
		const other = clean.get(name);
		clean.set(name, other === undefined ? value : `${other}, ${value}`);
	}
	return clean;
}

function checkHeader(name: string, value: string): void {
	const shown = JSON.stringify(name.slice(0, 64));
	if (!isAccepted(() => validateHeaderName(name))) throw invalid(`http_request: ${shown} is no name of a header`);
	if (!isHeaderValue(name, value)) {
		throw invalid(`http_request: the header ${shown} has characters that a header cannot carry, such as a line break`);
	}
}

export function isHeaderValue(name: string, value: string): boolean {
	return isAccepted(() => validateHeaderValue(name, value));
}

function isAccepted(validate: () => void): boolean {
	try {
		validate();
		return true;
	} catch {
		return false;
	}
}
