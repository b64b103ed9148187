// HTTP requests of a plugin. The host sends them, checks each one and each redirect against the network rules that an admin
// granted, and puts secrets in.
import { http_request } from "@extism/as-pdk/lib/env";
import { Json } from "../json/json";
import { http_headers, http_status_code } from "./host-imports";
import { storeBytes } from "./host-memory";
import { HttpRequest } from "./http-request";
import { HttpResponse } from "./http-response";

/**
 * Permission `network_access`, and a rule of the manifest's `network` for each request. At most 5 requests in one call of the
 * plugin; a body has at most 1 MiB, in either direction. Without the permission or a rule that fits, inside `initialize`, and with
 * the 6th request, the plugin's call ends as `denied`; with a request that is none, as `guest_error`. Waiting for the response
 * is part of the plugin's time limit.
 */
export class Http {
	/** Sends a GET request. */
	static get(url: string): HttpResponse {
		return Http.send(new HttpRequest(url));
	}

	/** Sends a request and waits for its response. One that gets none is no error: its status is 0. */
	static send(request: HttpRequest): HttpResponse {
		const head = Json.ofObject()
			.set("url", Json.ofString(request.url))
			.set("method", Json.ofString(request.method))
			.set("headers", request.headers);
		if (request.timeoutMs != 0) head.set("timeoutMs", Json.ofInteger(request.timeoutMs));
		const content = request.content;
		const body = http_request(storeBytes(head.toBytes()), content !== null ? storeBytes(content) : 0);
		return new HttpResponse(http_status_code(), body, http_headers());
	}
}
