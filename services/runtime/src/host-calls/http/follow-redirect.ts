// What a redirect asks for. It is only asked for: it goes through all checks like a request that the plugin makes itself.
import type { HttpRequest } from "../host-call.js";
import { NoResponse } from "./no-response.js";
import type { PreparedRequest } from "./prepare-request.js";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What a plugin says about itself to one site is not for another one. */
const OF_ONE_ORIGIN = new Set(["authorization", "cookie"]);

export function isRedirect(status: number, headers: ReadonlyMap<string, string>): boolean {
	return REDIRECTS.has(status) && headers.has("location");
}

/**
 * @param previous the request that was redirected
 * @param location of the response, secrets masked
 * @throws NoResponse when it leads nowhere
 */
export function redirectedRequest(previous: PreparedRequest, status: number, location: string): HttpRequest {
	// Headers are read byte by byte; URLs are UTF-8.
	const text = Buffer.from(location, "latin1").toString("utf8");
	if (!URL.canParse(text, previous.url.href)) throw new NoResponse(`${previous.url.hostname} redirects to what is no URL`);
	const url = new URL(text, previous.url.href);
	const becomesGet = status === 303 ? previous.method !== "HEAD" : status <= 302 && previous.method === "POST";
	const headers = [...previous.headers].filter(
		([name]) => !(url.origin !== previous.url.origin && OF_ONE_ORIGIN.has(name)) && !(becomesGet && name.startsWith("content-")),
	);
	return {
		type: "http_request",
		method: becomesGet ? "GET" : previous.method,
		url: url.href,
		headers: Object.fromEntries(headers),
		body: becomesGet ? undefined : previous.body,
	};
}
