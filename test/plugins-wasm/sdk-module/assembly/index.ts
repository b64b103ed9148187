// The SDK with nothing around it: each export does one thing with the input, so that a test can look at it from outside.
import {
	AfterResponseEvent,
	answerAfterResponse,
	answerBeforeResponse,
	answerChatMessage,
	answerToolCall,
	BeforeResponseEvent,
	ChatMessageEvent,
	Config,
	checkConfig,
	HookEvent,
	Json,
	JsonKind,
	logDebug,
	logError,
	logInfo,
	logWarn,
	Message,
	PluginResult,
	patchAt,
	readConfig,
	TextBuilder,
	ToolCallEvent,
	toolResult,
} from "@hookbus/plugin-as";
import { readInput, reportError, writeOutput } from "@hookbus/plugin-as/assembly/host/host-memory";

// ---- JSON ------------------------------------------------------------------------------------------------------------------

/** Reads and writes without looking inside. */
export function copy(): i32 {
	const parsed = Json.read(readInput());
	const value = parsed.value;
	return value === null ? reportError(parsed.fault) : output(value);
}

/** Reads, opens everything, and writes. */
export function open(): i32 {
	const parsed = Json.read(readInput());
	const value = parsed.value;
	if (value === null) return reportError(parsed.fault);
	visit(value);
	return output(value);
}

/** Reads, builds the same value anew from its parts, and writes that. */
export function rebuild(): i32 {
	const parsed = Json.read(readInput());
	const value = parsed.value;
	return value === null ? reportError(parsed.fault) : output(copyOf(value));
}

/** `[object, name, …]` to `[value or null, …]`. */
export function members(): i32 {
	const given = input();
	const found = Json.ofArray();
	for (let index = 1; index < given.size; index++) {
		const member = given.at(0).get(given.at(index).asString());
		found.push(member !== null ? member : Json.ofString("(none)"));
	}
	return output(found);
}

/** `[number, …]` to what each of the readers makes of it. */
export function numbers(): i32 {
	const given = input();
	const read = Json.ofArray();
	for (let index = 0; index < given.size; index++) {
		const number = given.at(index);
		read.push(
			Json.ofObject()
				.set("numeral", Json.ofString(number.asNumeral()))
				.set("number", Json.ofNumber(number.asNumber()))
				.set("integer", Json.ofInteger(number.asInteger(-1)))
				.set("again", Json.ofNumeral(number.asNumeral())),
		);
	}
	return output(read);
}

/** Every kind of change to one object: `{ "list": [1, 2], "old": 1, "drop": 2, "drop": 3, "keep": "é" }`. */
export function edit(): i32 {
	const given = input();
	const list = given.get("list");
	if (list === null) return reportError("no list");
	list.push(Json.ofString("end")).unshift(Json.ofNull());
	list.replaceAt(1, Json.ofBool(true));
	given.renameAt(1, "new");
	given.remove("drop");
	given.set("keep", Json.ofString('\u{1F600}"\\\n\u0001')).set("added", Json.ofArray());
	return output(given);
}

// ---- events, results, configuration -----------------------------------------------------------------------------------------

export function on_chat_message(): i32 {
	return answerChatMessage((event: ChatMessageEvent) =>
		PluginResult.continue()
			.annotate("envelope", envelope(event))
			.annotate("texts", textsOf(event.messages))
			.annotate("tools", stringsOf(event.tools))
			.annotate("parameters", Json.ofBool(event.parameters !== null)),
	);
}

export function on_tool_call(): i32 {
	return answerToolCall((event: ToolCallEvent) => {
		if (event.phase == "result") {
			const content = event.content;
			return PluginResult.block("bad_result", content !== null ? content.toString() : "").annotate(
				"isError",
				Json.ofBool(event.isError),
			);
		}
		return PluginResult.claim(
			toolResult(Json.ofString(`${event.toolName}/${event.callId}/${event.arguments.toString()}`), event.arguments.size == 0),
		);
	});
}

export function on_before_response(): i32 {
	return answerBeforeResponse((event: BeforeResponseEvent) => {
		const part = event.response.parts[0];
		part.text = part.text + "!";
		return PluginResult.modify(patchAt("/response/message", event.response.json))
			.annotate("messages", Json.ofInteger(event.messages.length))
			.annotate("finishReason", Json.ofString(event.finishReason));
	});
}

export function on_after_response(): i32 {
	return answerAfterResponse((event: AfterResponseEvent) => {
		const response = event.response;
		return PluginResult.fail(`outcome ${event.outcome}, ${response !== null ? response.text : "no reply"}`);
	});
}

export function initialize(): i32 {
	return checkConfig((config: Config) => {
		readAll(config);
	});
}

/** Every reader of the configuration once, and what it found wrong. */
export function configuration(): i32 {
	const config = readConfig();
	const values = readAll(config);
	return output(values.set("fault", Json.ofString(config.fault)));
}

export function logs(): i32 {
	logDebug("debug");
	logInfo("info: é, 語, 😀");
	logWarn("warn");
	logError("half: \uD83D");
	return output(Json.ofNull());
}

/** A long text, piece by piece. */
export function build(): i32 {
	const builder = new TextBuilder(1);
	for (let index = 0; index < 1000; index++) builder.add("añ").addUnit(0x62).addRange("xyz", 1, 2);
	return output(Json.ofObject().set("length", Json.ofInteger(builder.length)).set("text", Json.ofString(builder.toString())));
}

// -----------------------------------------------------------------------------------------------------------------------------

function input(): Json {
	return Json.read(readInput()).value as Json;
}

function output(value: Json): i32 {
	const bytes = value.toBytes();
	writeOutput(changetype<usize>(bytes), bytes.byteLength);
	return 0;
}

function visit(value: Json): void {
	if (value.isString) value.asString();
	if (value.isNumber) value.asNumeral();
	for (let index = 0; index < value.size; index++) {
		if (value.isObject) value.nameAt(index);
		visit(value.at(index));
	}
}

function copyOf(value: Json): Json {
	switch (value.kind) {
		case JsonKind.Null:
			return Json.ofNull();
		case JsonKind.Bool:
			return Json.ofBool(value.asBool());
		case JsonKind.Number:
			return Json.ofNumeral(value.asNumeral());
		case JsonKind.String:
			return Json.ofString(value.asString());
		case JsonKind.Array: {
			const list = Json.ofArray();
			for (let index = 0; index < value.size; index++) list.push(copyOf(value.at(index)));
			return list;
		}
		default: {
			const object = Json.ofObject();
			for (let index = 0; index < value.size; index++) object.set(value.nameAt(index), copyOf(value.at(index)));
			return object;
		}
	}
}

function envelope(event: HookEvent): Json {
	return Json.ofObject()
		.set("id", Json.ofString(event.id))
		.set("hook", Json.ofString(event.hook))
		.set("tenant", Json.ofString(event.tenant))
		.set("assistant", Json.ofString(event.assistant))
		.set("conversation", Json.ofString(event.conversation))
		.set("turn", Json.ofInteger(event.turn))
		.set("userId", Json.ofString(event.userId))
		.set("userRoles", stringsOf(event.userRoles))
		.set("origin", Json.ofString(event.origin))
		.set("time", Json.ofString(event.time))
		.set("deadlineMs", Json.ofInteger(event.deadlineMs))
		.set("model", Json.ofString(event.model));
}

function textsOf(messages: Array<Message>): Json {
	const texts = Json.ofArray();
	for (let index = 0; index < messages.length; index++) {
		texts.push(Json.ofString(`${messages[index].role}:${messages[index].name}:${messages[index].text}`));
	}
	return texts;
}

function stringsOf(strings: Array<string>): Json {
	const list = Json.ofArray();
	for (let index = 0; index < strings.length; index++) list.push(Json.ofString(strings[index]));
	return list;
}

function readAll(config: Config): Json {
	return Json.ofObject()
		.set("text", Json.ofString(config.string("text", "fallback", 5)))
		.set("choice", Json.ofString(config.oneOf("choice", ["red", "green"], "red")))
		.set("flag", Json.ofBool(config.bool("flag", true)))
		.set("count", Json.ofInteger(config.integer("count", 7, 0, 10)))
		.set("list", stringsOf(config.strings("list", 2, 3)))
		.set("some", stringsOf(config.someOf("some", ["a", "b"])));
}
