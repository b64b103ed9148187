// The tool `calculate`: arithmetic that a model can rely on. It answers the call itself; mistakes in the expression come back
// as an error of the tool, which the model can read and correct.
import {
	answerToolCall,
	Config,
	checkConfig,
	Json,
	PluginResult,
	readConfig,
	ToolCallEvent,
	toolResult,
} from "@hookbus/plugin-as";
import { Answer, calculate } from "./calculate";
import { caretLines, Fault, WRONG_ARGUMENTS } from "./fault";
import { MAX_PRECISION } from "./limits";
import { Precision } from "./result/places";
import { Settings } from "./settings";

/** Read by `initialize`, so that the event need not wait for it. */
let settings: Settings | null = null;

export function initialize(): i32 {
	return checkConfig(readSettings);
}

export function on_tool_call(): i32 {
	return answerToolCall(answerCall);
}

function readSettings(config: Config): void {
	settings = new Settings(config);
}

function answerCall(event: ToolCallEvent): PluginResult {
	if (event.phase != "request" || event.toolName != "calculate") return PluginResult.continue();
	if (settings === null) {
		const config = readConfig();
		readSettings(config);
		if (config.fault.length > 0) return PluginResult.fail(config.fault);
	}
	return PluginResult.claim(resultOf(event.arguments, settings as Settings));
}

function resultOf(given: Json, current: Settings): Json {
	const expression = given.get("expression");
	if (expression === null || !expression.isString) return refusal("expression must be a string, such as 1.1 + 2.2.");
	const asked = given.get("precision");
	const isAsked = asked !== null && !asked.isNull;
	const places = asked !== null && isAsked ? asked.asInteger(-1) : current.precision;
	if (places < 0 || places > MAX_PRECISION) return refusal(`precision must be a whole number from 0 to ${MAX_PRECISION}.`);
	const text = expression.asString();
	return answerJson(calculate(text, new Precision(<i32>places, isAsked)), text);
}

function refusal(message: string): Json {
	return errorJson(new Fault(WRONG_ARGUMENTS, message, -1), "");
}

function answerJson(answer: Answer, expression: string): Json {
	const fault = answer.fault;
	if (fault !== null) return errorJson(fault, expression);
	const content = Json.ofObject().set("value", Json.ofString(answer.value)).set("exact", Json.ofBool(answer.exact));
	if (answer.fraction.length > 0) content.set("fraction", Json.ofString(answer.fraction));
	return toolResult(content);
}

function errorJson(fault: Fault, expression: string): Json {
	const content = Json.ofObject().set("code", Json.ofString(fault.code)).set("message", Json.ofString(fault.message));
	if (fault.position >= 0) {
		content.set("position", Json.ofInteger(fault.position));
		content.set("caret", Json.ofString(caretLines(expression, fault.position)));
	}
	return toolResult(content, true);
}
