// A plugin that asks the host for whatever the message says: its text is a JSON array of calls, each an array of a name and
// arguments, and the annotation `answers` has an answer for each. So tests say what happens, and the module never has to change.
import {
	answerChatMessage,
	ChatMessageEvent,
	Files,
	Http,
	HttpRequest,
	HttpResponse,
	Json,
	once,
	PluginResult,
	publish,
	State,
} from "@hookbus/plugin-as";

export function on_chat_message(): i32 {
	return answerChatMessage(answerCalls);
}

function answerCalls(event: ChatMessageEvent): PluginResult {
	const calls = Json.read(String.UTF8.encode(event.messages[0].parts[0].text)).value as Json;
	const answers = Json.ofArray();
	for (let index = 0; index < calls.size; index++) answers.push(answerOf(calls.at(index)));
	return PluginResult.continue().annotate("answers", answers);
}

function answerOf(call: Json): Json {
	const name = call.at(0).asString();
	const first = call.size > 1 ? call.at(1).asString() : "";
	const second = call.size > 2 ? call.at(2).asString() : "";
	if (name == "state_get") return textOrNull(State.get(first));
	if (name == "state_set") return Json.ofBool(State.set(first, second, integer(call, 3)));
	if (name == "state_delete") {
		State.delete(first);
		return Json.ofNull();
	}
	if (name == "state_increment") return Json.ofInteger(State.increment(first, I64.parseInt(second)));
	if (name == "once") return Json.ofBool(once(first, I64.parseInt(second)));
	if (name == "file_read") return textOrNull(Files.read(first));
	if (name == "file_write") return Json.ofBool(Files.write(first, second));
	if (name == "file_list") {
		const paths = Files.list(first);
		const list = Json.ofArray();
		for (let index = 0; index < paths.length; index++) list.push(Json.ofString(paths[index]));
		return list;
	}
	if (name == "publish") {
		publish(first, second);
		return Json.ofNull();
	}
	if (name == "http_get") return responseOf(Http.get(first));
	if (name == "http_post") return responseOf(Http.send(new HttpRequest(first, "POST").body(second)));
	return Json.ofString("unknown call " + name);
}

function integer(call: Json, index: i32): i64 {
	return call.size > index ? I64.parseInt(call.at(index).asString()) : 0;
}

function textOrNull(value: string | null): Json {
	return value !== null ? Json.ofString(value) : Json.ofNull();
}

function responseOf(response: HttpResponse): Json {
	return Json.ofObject().set("status", Json.ofInteger(response.status)).set("text", Json.ofString(response.text));
}
