// Everything that a plugin imports, by name. What is not listed here may change without notice.
export {
	AfterResponseHandler,
	answerAfterResponse,
	answerBeforeResponse,
	answerChatMessage,
	answerToolCall,
	BeforeResponseHandler,
	ChatMessageHandler,
	ConfigHandler,
	checkConfig,
	ToolCallHandler,
} from "./answer";
export { AfterResponseEvent } from "./event/after-response-event";
export { BeforeResponseEvent } from "./event/before-response-event";
export { ChatMessageEvent } from "./event/chat-message-event";
export { HookEvent } from "./event/hook-event";
export { Message } from "./event/message";
export { Part } from "./event/part";
export { ToolCallEvent } from "./event/tool-call-event";
export { abortPlugin } from "./host/abort";
export { Config } from "./host/config";
export { Files } from "./host/files";
export { Http } from "./host/http";
export { HttpRequest } from "./host/http-request";
export { HttpResponse } from "./host/http-response";
export { logDebug, logError, logInfo, logWarn } from "./host/log";
export { once } from "./host/once";
export { publish } from "./host/publish";
export { readConfig } from "./host/read-config";
export { State } from "./host/state";
export { Json, JsonParse } from "./json/json";
export { JsonKind } from "./json/json-kind";
export { decodeText, encodeUtf8, utf8Text } from "./json/utf8";
export { PluginResult, patchAt, toolResult } from "./result/plugin-result";
export {
	asciiLower,
	asciiLowerText,
	hasWordAt,
	isAlphanumeric,
	isAsciiLetter,
	isDigit,
	isExtendedLetter,
	isHexDigit,
	isSpace,
	isUnspacedLetter,
	isWordUnit,
} from "./text/character-class";
export { mayBeginSecret, secretLengthAt, urlPasswordLength, urlPasswordStart } from "./text/secret-shapes";
export { TextBuilder } from "./text/text-builder";
