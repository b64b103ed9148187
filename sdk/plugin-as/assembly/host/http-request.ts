// An HTTP request while a plugin puts it together. Secrets do not belong into it: the host puts them in by the rules of the
// manifest, so that no plugin has to hold one.
import { Json } from "../json/json";
import { encodeUtf8 } from "../json/utf8";
import { asciiLowerText } from "../text/character-class";

export class HttpRequest {
	/** Absolute, http: or https:. */
	readonly url: string;
	readonly method: string;
	/** A JSON object: each header's value by its name in lower case. */
	readonly headers: Json = Json.ofObject();
	/** Null for none. */
	content: ArrayBuffer | null = null;
	/** Milliseconds to wait for the response; 0 until the plugin's own time is over. */
	timeoutMs: i32 = 0;

	/** @param method GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS */
	constructor(url: string, method: string = "GET") {
		this.url = url;
		this.method = method;
	}

	/** Sets a header, in place of one of this name, and returns this request. The case of names does not matter. */
	header(name: string, value: string): HttpRequest {
		this.headers.set(asciiLowerText(name), Json.ofString(value));
		return this;
	}

	/**
	 * Sets how long to wait for the whole response, 1 to 60,000 milliseconds, and returns this request. A response that takes longer
	 * is none: status 0. Without it, waiting ends with the plugin's own time, and the plugin's call with it.
	 */
	timeout(ms: i32): HttpRequest {
		this.timeoutMs = ms;
		return this;
	}

	/** Sets the body, at most 1 MiB in UTF-8, and returns this request. */
	body(text: string): HttpRequest {
		return this.bytes(encodeUtf8(text));
	}

	/** Sets the body, at most 1 MiB, and returns this request. */
	bytes(content: ArrayBuffer): HttpRequest {
		this.content = content;
		return this;
	}

	/** Sets the body and the header `content-type: application/json`, and returns this request. */
	json(value: Json): HttpRequest {
		return this.header("content-type", "application/json").bytes(value.toBytes());
	}
}
