// Extism's HTTP functions of one instance: a request, and then what was answered besides the body, until the next request or the end
// of the call.
import type { HttpRequest, HttpResponse } from "../host-call.js";
import { invalid } from "../host-call-errors.js";
import { MOST_REQUEST_TEXT, requireFewHeaders } from "../request-limits.js";
import { HTTP_LIMITS } from "./http-limits.js";

/** Sends a request by way of the main thread. */
export type SendRequest = (request: HttpRequest) => HttpResponse;

export class HttpCalls {
	readonly #send: SendRequest;
	/** The last response; `undefined`: there was no request, or nobody answered it. */
	last: HttpResponse | undefined;

	constructor(send: SendRequest) {
		this.#send = send;
	}

	/**
	 * @param text the request as Extism's PDKs write it: JSON with url, method (GET when absent) and headers; and timeoutMs, which only
	 * this host knows
	 * @throws HostCallError
	 */
	send(text: string, body: Uint8Array | undefined): HttpResponse {
		this.last = undefined;
		if (text.length > MOST_REQUEST_TEXT) {
			throw invalid(`http_request: a request of ${text.length} characters; at most ${MOST_REQUEST_TEXT} are allowed`);
		}
		const response = this.#send({ ...parseRequest(text), body });
		if (response.status !== 0) this.last = response;
		return response;
	}

	/** Forgets what the call before it was answered. */
	reset(): void {
		this.last = undefined;
	}
}

function parseRequest(text: string): Omit<HttpRequest, "body"> {
	const { url, method, headers, timeoutMs } = parseObject(text);
	if (typeof url !== "string") throw invalid("http_request: the request has no url");
	if (method !== undefined && method !== null && typeof method !== "string") throw invalid("http_request: the method is no text");
	return {
		type: "http_request",
		url,
		method: method ?? "GET",
		headers: parseHeaders(headers),
		...(timeoutMs === undefined || timeoutMs === null ? {} : { timeoutMs: parseTimeout(timeoutMs) }),
	};
}

function parseTimeout(timeoutMs: unknown): number {
	if (typeof timeoutMs === "number" && timeoutMs >= 1 && timeoutMs <= HTTP_LIMITS.timeoutMs) return timeoutMs;
	throw invalid(`http_request: timeoutMs must be a number of milliseconds from 1 to ${HTTP_LIMITS.timeoutMs}`);
}

function parseObject(text: string): Readonly<Partial<Record<"url" | "method" | "headers" | "timeoutMs", unknown>>> {
	try {
		const value: unknown = JSON.parse(text);
		if (typeof value === "object" && value !== null) return value;
	} catch {
		// Said below: what matters is that it is no request.
	}
	throw invalid("http_request: the request is no JSON object with url, method and headers");
}

function parseHeaders(headers: unknown): Record<string, string> {
	if (headers === undefined || headers === null) return {};
	if (typeof headers !== "object") throw invalid("http_request: the headers are no JSON object");
	requireFewHeaders(Object.keys(headers).length);
	const entries = Object.entries(headers).map(([name, value]): [string, string] => {
		if (typeof value !== "string") throw invalid(`http_request: the header ${name.slice(0, 64)} is no text`);
		return [name, value];
	});
	return Object.fromEntries(entries);
}
