// What the SDK offers of the host, with nothing around it: each export passes the members of its input, a JSON array, to one
// function and puts out what that returns, so that a test can stand on the other side as the host.
import { Files, Http, HttpRequest, HttpResponse, Json, once, publish, State } from "@hookbus/plugin-as";
import { readInput, writeOutput } from "@hookbus/plugin-as/assembly/host/host-memory";

export function state_get(): i32 {
	return output(textOrNull(State.get(text(0))));
}

export function state_get_bytes(): i32 {
	return output(bytesOrNull(State.getBytes(text(0))));
}

export function state_set(): i32 {
	return output(Json.ofBool(State.set(text(0), text(1), integer(2))));
}

export function state_set_for_ever(): i32 {
	return output(Json.ofBool(State.set(text(0), text(1))));
}

export function state_set_bytes(): i32 {
	return output(Json.ofBool(State.setBytes(text(0), bytes(1), integer(2))));
}

export function state_delete(): i32 {
	State.delete(text(0));
	return output(Json.ofNull());
}

export function state_increment(): i32 {
	return output(Json.ofInteger(State.increment(text(0), integer(1), integer(2))));
}

export function state_increment_by_one(): i32 {
	return output(Json.ofInteger(State.increment(text(0))));
}

export function once_for(): i32 {
	return output(Json.ofBool(once(text(0), integer(1))));
}

export function file_read(): i32 {
	return output(textOrNull(Files.read(text(0))));
}

export function file_read_bytes(): i32 {
	return output(bytesOrNull(Files.readBytes(text(0))));
}

export function file_write(): i32 {
	return output(Json.ofBool(Files.write(text(0), text(1))));
}

export function file_write_bytes(): i32 {
	return output(Json.ofBool(Files.writeBytes(text(0), bytes(1))));
}

export function file_delete(): i32 {
	Files.delete(text(0));
	return output(Json.ofNull());
}

export function file_list(): i32 {
	return output(textList(Files.list(text(0))));
}

export function file_list_all(): i32 {
	return output(textList(Files.list()));
}

export function publish_text(): i32 {
	publish(text(0), text(1));
	return output(Json.ofNull());
}

export function http_get(): i32 {
	return output(everythingOf(Http.get(text(0))));
}

/** [url, method, header, value, body] */
export function http_send(): i32 {
	return output(everythingOf(Http.send(new HttpRequest(text(0), text(1)).header(text(2), text(3)).body(text(4)))));
}

/** [url, any JSON] */
export function http_send_json(): i32 {
	return output(everythingOf(Http.send(new HttpRequest(text(0), "POST").json(input().at(1)))));
}

/** Two requests; the first response is read when both are there. */
export function http_twice(): i32 {
	const first = Http.get(text(0));
	const second = Http.get(text(1));
	return output(Json.ofArray([everythingOf(first), everythingOf(second)]));
}

// -----------------------------------------------------------------------------------------------------------------------------

function input(): Json {
	return Json.read(readInput()).value as Json;
}

function text(index: i32): string {
	return input().at(index).asString();
}

function integer(index: i32): i64 {
	return I64.parseInt(input().at(index).asString());
}

function bytes(index: i32): ArrayBuffer {
	const list = input().at(index);
	const content = new Uint8Array(list.size);
	for (let at = 0; at < list.size; at++) content[at] = <u8>list.at(at).asInteger();
	return content.buffer;
}

function output(value: Json): i32 {
	const json = value.toBytes();
	writeOutput(changetype<usize>(json), json.byteLength);
	return 0;
}

function textOrNull(value: string | null): Json {
	return value !== null ? Json.ofString(value) : Json.ofNull();
}

function bytesOrNull(value: ArrayBuffer | null): Json {
	return value !== null ? byteList(value) : Json.ofNull();
}

function byteList(value: ArrayBuffer): Json {
	const list = Json.ofArray();
	const content = Uint8Array.wrap(value);
	for (let at = 0; at < content.length; at++) list.push(Json.ofInteger(content[at]));
	return list;
}

function textList(texts: Array<string>): Json {
	const list = Json.ofArray();
	for (let index = 0; index < texts.length; index++) list.push(Json.ofString(texts[index]));
	return list;
}

function everythingOf(response: HttpResponse): Json {
	return Json.ofObject()
		.set("status", Json.ofInteger(response.status))
		.set("ok", Json.ofBool(response.ok))
		.set("type", Json.ofString(response.header("Content-Type")))
		.set("headers", response.headers)
		.set("text", Json.ofString(response.text))
		.set("bytes", byteList(response.bytes));
}
