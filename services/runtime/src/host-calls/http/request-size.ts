// How large a plugin's request may be. Looked at before anything else: reading a URL or walking headers takes the main thread as
// long as a plugin makes them.
import type { HttpRequest } from "../host-call.js";
import { invalid } from "../host-call-errors.js";
import { HTTP_LIMITS } from "./http-limits.js";

/** @throws HostCallError `guest_error` */
export function checkRequestSize({ url, headers, body }: Pick<HttpRequest, "url" | "headers" | "body">): void {
	const { requestHeaders, requestHeaderBytes, requestBody } = HTTP_LIMITS;
	checkUrlSize(url);
	// Names alone: what is too many is not read.
	const names = Object.keys(headers);
	if (names.length > requestHeaders) {
		throw invalid(`http_request: the request has ${names.length} headers; at most ${requestHeaders} are allowed`);
	}
	const bytes = names.reduce((sum, name) => {
		return sum + bytesOf(name, requestHeaderBytes) + bytesOf(headers[name] ?? "", requestHeaderBytes);
	}, 0);
	if (bytes > requestHeaderBytes) {
		throw invalid(`http_request: the request's headers have ${bytes} bytes; at most ${requestHeaderBytes} are allowed`);
	}
	const bodyBytes = body?.byteLength ?? 0;
	if (bodyBytes > requestBody) throw invalid(`http_request: the body has ${bodyBytes} bytes; at most ${requestBody} are allowed`);
}

/** @throws HostCallError `guest_error` */
export function checkUrlSize(url: string): void {
	const { urlBytes } = HTTP_LIMITS;
	const bytes = bytesOf(url, urlBytes);
	if (bytes > urlBytes) throw invalid(`http_request: the URL has ${bytes} bytes; at most ${urlBytes} are allowed`);
}

/** Bytes in UTF-8; at least those of each character, for a text that is too long in any case. */
function bytesOf(text: string, most: number): number {
	return text.length > most ? text.length : Buffer.byteLength(text);
}
