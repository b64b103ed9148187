// One request and its response on one connection. All limits of responses are here.
import { type IncomingMessage, request as startRequest } from "node:http";
import type { Socket } from "node:net";
import { eventOrEnd } from "./event-or-end.js";
import { isRedirect } from "./follow-redirect.js";
import { HTTP_LIMITS } from "./http-limits.js";
import { limitWork } from "./limit-work.js";
import { NoResponse } from "./no-response.js";

export interface WireRequest {
	readonly method: string;
	readonly url: URL;
	readonly headers: ReadonlyMap<string, string>;
	readonly body: Uint8Array | undefined;
}

export interface WireResponse {
	readonly status: number;
	/** By lower-case name; values of the same name are joined. Each character is a byte. */
	readonly headers: ReadonlyMap<string, string>;
	/** Empty when the response is a redirect: it is not waited for. */
	readonly body: Buffer;
}

/**
 * Leaves the connection to whoever opened it, also in the middle of a response.
 *
 * @throws NoResponse
 */
export async function sendRequest(socket: Socket, wire: WireRequest, signal: AbortSignal): Promise<WireResponse> {
	const { method, url } = wire;
	const request = startRequest({
		createConnection: () => socket,
		method,
		path: `${url.pathname}${url.search}`,
		headers: hostHeaders(wire),
		setHost: false,
		maxHeaderSize: HTTP_LIMITS.responseHeaderBytes,
		signal,
	});
	// One more than is allowed, so that it shows: further headers are left out without a word.
	request.maxHeadersCount = HTTP_LIMITS.responseHeaders + 1;
	limitWork(request, url);
	try {
		request.end(wire.body);
		const response = await eventOrEnd<IncomingMessage>(request, "response");
		const headers = readHeaders(response, url);
		const status = response.statusCode ?? 0;
		const body = isRedirect(status, headers) ? Buffer.alloc(0) : await readBody(response, url);
		// A body without a length ends with its connection: also with one that the signal has ended.
		signal.throwIfAborted();
		return { status, headers, body };
	} catch (thrown) {
		throw thrown instanceof NoResponse ? thrown : NoResponse.because(`${url.hostname} gave no whole response`, thrown);
	}
}

/** The plugin's headers with those that are the host's. */
function hostHeaders({ headers, url, body, method }: WireRequest): Record<string, string> {
	const all = new Map(headers);
	all.set("host", url.host);
	// A compressed response could be small on the wire and fill the memory of whoever opens it.
	all.set("accept-encoding", "identity");
	if (!all.has("user-agent")) all.set("user-agent", "hookbus");
	if (body !== undefined || BODY_EXPECTED.has(method)) all.set("content-length", String(body?.byteLength ?? 0));
	return Object.fromEntries(all);
}

/** Methods whose requests say that they have no body. */
const BODY_EXPECTED = new Set(["POST", "PUT", "PATCH"]);

function readHeaders({ rawHeaders }: IncomingMessage, url: URL): Map<string, string> {
	const { responseHeaders } = HTTP_LIMITS;
	if (rawHeaders.length / 2 > responseHeaders) {
		throw new NoResponse(`the response of ${url.hostname} has more than ${responseHeaders} headers`);
	}
	const headers = new Map<string, string>();
	for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
		const name = (rawHeaders[at] ?? "").toLowerCase();
		const value = rawHeaders[at + 1] ?? "";
		const other = headers.get(name);
		headers.set(name, other === undefined ? value : `${other}, ${value}`);
	}
	return headers;
}

async function readBody(response: IncomingMessage, url: URL): Promise<Buffer> {
	const { responseBody, responsePieces } = HTTP_LIMITS;
	const pieces: Buffer[] = [];
	let bytes = 0;
	// Iterating would show pieces that were put together, and not how many there were.
	response.on("data", (piece: Buffer) => {
		bytes += piece.length;
		pieces.push(piece);
		if (bytes > responseBody) {
			response.destroy(new NoResponse(`the response of ${url.hostname} has more than ${responseBody} bytes`));
		} else if (pieces.length > responsePieces) {
			response.destroy(new NoResponse(`the response of ${url.hostname} comes in more than ${responsePieces} pieces`));
		}
	});
	await eventOrEnd(response, "end");
	return Buffer.concat(pieces, bytes);
}
