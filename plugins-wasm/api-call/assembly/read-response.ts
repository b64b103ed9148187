// What the model gets to read of a response: its JSON or text, cut to a size; and of everything that went wrong, what and why, so
// that it can tell the user or try otherwise.
import { decodeText, HttpResponse, Json, toolResult } from "@hookbus/plugin-as";
import { Endpoint } from "./endpoint";

/** Most bytes of an error's body. */
const ERROR_BYTES: i32 = 4096;

/** The tool's answer, for a claim. */
export function answerOf(response: HttpResponse, endpoint: Endpoint, waitedMs: i32): Json {
	const host = endpoint.origin.substring(endpoint.origin.indexOf("://") + 3);
	if (response.status == 0) {
		const why = `${host} gave no whole response: it cannot be reached, took longer than ${waitedMs} ms, or sent more than 1 MiB`;
		return toolResult(errorAnswer("no_response", why), true);
	}
	if (response.ok) return toolResult(contentOf(response, endpoint.maxBytes));
	const error = errorAnswer("http_status", `${host} answered with status ${response.status}`)
		.set("status", Json.ofInteger(response.status))
		.set("body", contentOf(response, min(endpoint.maxBytes, ERROR_BYTES)));
	return toolResult(error, true);
}

/** Content of an answer that is an error. */
export function errorAnswer(code: string, message: string): Json {
	return Json.ofObject().set("code", Json.ofString(code)).set("message", Json.ofString(message));
}

function contentOf(response: HttpResponse, maxBytes: i32): Json {
	const bytes = response.bytes;
	const type = response.header("content-type");
	if (bytes.byteLength == 0) return Json.ofObject().set("status", Json.ofInteger(response.status));
	if (!isText(type)) {
		return Json.ofObject().set("contentType", Json.ofString(type)).set("bytes", Json.ofInteger(bytes.byteLength));
	}
	if (bytes.byteLength > maxBytes) {
		return Json.ofObject()
			.set("truncated", Json.ofBool(true))
			.set("bytes", Json.ofInteger(bytes.byteLength))
			.set("text", Json.ofString(decodeText(bytes.slice(0, wholeLength(bytes, maxBytes)))));
	}
	if (type.includes("json") || type.length == 0) {
		const value = Json.read(bytes).value;
		if (value !== null) return value;
	}
	return Json.ofString(response.text);
}

/** Types that a model can read; without a type it is tried. */
function isText(type: string): bool {
	const name = type.toLowerCase();
	if (name.length == 0 || name.startsWith("text/")) return true;
	return (
		name.includes("json") ||
		name.includes("xml") ||
		name.includes("javascript") ||
		name.includes("urlencoded") ||
		name.includes("yaml")
	);
}

/** At most `count` bytes, and no half character at the end. */
function wholeLength(bytes: ArrayBuffer, count: i32): i32 {
	const view = Uint8Array.wrap(bytes);
	let length = count;
	while (length > 0 && (view[length] & 0xc0) == 0x80) length--;
	return length;
}
