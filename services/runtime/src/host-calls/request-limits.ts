// What a thread looks at before it passes a request on: the permission, and that the request is no larger than any that can be
// granted. The main thread decides (host-call-desk.ts); this keeps it from having to read what a plugin without rights made large,
// while everybody's events wait.
import type { Permission } from "@hookbus/schemas";
import type { HostCallRequest, HostCallType } from "./host-call.js";
import { denied, invalid } from "./host-call-errors.js";

/** The permission that each call needs. */
export const PERMISSION_OF: Readonly<Record<HostCallType, Permission>> = {
	http_request: "network_access",
	state_get: "state",
	state_set: "state",
	state_delete: "state",
	state_increment: "state",
	once: "state",
	file_read: "write_files",
	file_write: "write_files",
	file_delete: "write_files",
	file_list: "write_files",
	publish: "publish",
};

/** Largest request in bytes, names and headers included, by the permission that it needs. */
const MOST_BYTES: Readonly<Record<"state" | "write_files" | "publish" | "network_access", number>> = {
	state: 66 * 1024,
	write_files: 514 * 1024,
	publish: 66 * 1024,
	network_access: 1024 * 1024 + 32 * 1024,
};
const MOST_HEADERS = 64;
/** Longest name of anything, in UTF-16 units. */
const MOST_NAME = 8 * 1024;

/** @throws HostCallError `denied` */
export function requireAsked({ grants }: { readonly grants: readonly Permission[] }, { type }: HostCallRequest): void {
	const permission = PERMISSION_OF[type];
	if (!grants.includes(permission))
		throw denied(`${type} needs the permission ${permission}, which was not granted to the plugin`);
}

/** @throws HostCallError `guest_error` */
export function requireSize(request: HostCallRequest): void {
	const { type } = request;
	const most = MOST_BYTES[PERMISSION_OF[type] as keyof typeof MOST_BYTES];
	let bytes = 0;
	for (const value of Object.values(request) as unknown[]) {
		if (typeof value === "string") {
			if (value.length > MOST_NAME)
				throw invalid(`${type}: a text of ${value.length} characters; at most ${MOST_NAME} are allowed`);
			bytes += value.length;
		} else if (value instanceof Uint8Array) {
			bytes += value.length;
		}
	}
	if (bytes > most) throw invalid(`${type}: ${bytes} bytes; at most ${most} are allowed`);
}

/** Looked at while headers are read: so many are no request's. */
export function requireFewHeaders(count: number): void {
	if (count > MOST_HEADERS) throw invalid(`http_request: ${count} headers; at most ${MOST_HEADERS} are allowed`);
}

/** Longest text of a request, as Extism's PDKs write it, in bytes: a URL, and headers. */
export const MOST_REQUEST_TEXT = 64 * 1024;
