// Tools without code: each is an HTTP request that the configuration describes. The host has checked the arguments against the
// tool's schema, and puts the secrets in; this plugin puts values where they belong, each encoded for its place, and turns what
// comes back into the tool's answer.
import {
	answerToolCall,
	Config,
	checkConfig,
	Http,
	Json,
	PluginResult,
	readConfig,
	ToolCallEvent,
	toolResult,
} from "@hookbus/plugin-as";
import { buildRequest } from "./build-request";
import { Endpoint, readEndpoints } from "./endpoint";
import { answerOf, errorAnswer } from "./read-response";
import { Values } from "./values";

/** Read by `initialize`, so that the event need not wait for it. */
let endpoints: Array<Endpoint> | null = null;
let settings: Json = Json.ofObject();

export function initialize(): i32 {
	return checkConfig(readSettings);
}

export function on_tool_call(): i32 {
	return answerToolCall(answerCall);
}

function readSettings(config: Config): void {
	settings = config.json;
	endpoints = readEndpoints(config);
}

function answerCall(event: ToolCallEvent): PluginResult {
	if (event.phase != "request") return PluginResult.continue();
	if (endpoints === null) {
		const config = readConfig();
		readSettings(config);
		if (config.fault.length > 0) return PluginResult.fail(config.fault);
	}
	const known = endpoints as Array<Endpoint>;
	for (let index = 0; index < known.length; index++) {
		if (known[index].name == event.toolName) return call(known[index], event);
	}
	return PluginResult.continue();
}

function call(endpoint: Endpoint, event: ToolCallEvent): PluginResult {
	const built = buildRequest(endpoint, new Values(event.arguments, endpoint.defaults, settings));
	const request = built.request;
	if (request === null) return PluginResult.claim(toolResult(errorAnswer("invalid_argument", built.fault), true));
	// Who waits for the verdict must still get one that says that nobody answered.
	const left = max((<i32>min(event.deadlineMs, 60_000) * 9) / 10, 1);
	request.timeout(min(endpoint.timeoutMs, left));
	return PluginResult.claim(answerOf(Http.send(request), endpoint, request.timeoutMs));
}
