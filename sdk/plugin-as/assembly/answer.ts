// From an export to the author's function and back: reads the event, calls the function, writes its result. An export is
// then three lines long, and no plugin has its own idea of what happens to a broken event.
import { AfterResponseEvent } from "./event/after-response-event";
import { BeforeResponseEvent } from "./event/before-response-event";
import { ChatMessageEvent } from "./event/chat-message-event";
import { ToolCallEvent } from "./event/tool-call-event";
import { Config } from "./host/config";
import { readInput, reportError, writeOutput } from "./host/host-memory";
import { configOf } from "./host/read-config";
import { Json } from "./json/json";
import { JsonWriter } from "./json/json-writer";
import { PluginResult } from "./result/plugin-result";

export type ChatMessageHandler = (event: ChatMessageEvent) => PluginResult;
export type ToolCallHandler = (event: ToolCallEvent) => PluginResult;
export type BeforeResponseHandler = (event: BeforeResponseEvent) => PluginResult;
export type AfterResponseHandler = (event: AfterResponseEvent) => PluginResult;
export type ConfigHandler = (config: Config) => void;

/** Body of the export `on_chat_message`. Returns what the export returns: 0, or 1 after an error. */
export function answerChatMessage(handler: ChatMessageHandler): i32 {
	return writeResult(handler(new ChatMessageEvent(readEvent())));
}

/** Body of the export `on_tool_call`. */
export function answerToolCall(handler: ToolCallHandler): i32 {
	return writeResult(handler(new ToolCallEvent(readEvent())));
}

/** Body of the export `on_before_response`. */
export function answerBeforeResponse(handler: BeforeResponseHandler): i32 {
	return writeResult(handler(new BeforeResponseEvent(readEvent())));
}

/** Body of the export `on_after_response`. */
export function answerAfterResponse(handler: AfterResponseHandler): i32 {
	return writeResult(handler(new AfterResponseEvent(readEvent())));
}

/**
 * Body of the optional export `initialize`. The handler reads its settings; faults of the configuration make the activation
 * fail with all of them in one message. The host runs it on every instance before its one event.
 */
export function checkConfig(handler: ConfigHandler): i32 {
	const config = configOf(readInput());
	handler(config);
	return config.fault.length > 0 ? reportError(config.fault) : 0;
}

function readEvent(): Json {
	const parsed = Json.read(readInput());
	const value = parsed.value;
	if (value === null) throw new Error(`event: ${parsed.fault}`);
	if (!value.isObject) throw new Error("event: must be a JSON object");
	return value;
}

function writeResult(result: PluginResult): i32 {
	if (result.failure.length > 0) return reportError(result.failure);
	const writer = new JsonWriter();
	result.json.writeTo(writer);
	writeOutput(writer.begin, writer.size);
	return 0;
}
