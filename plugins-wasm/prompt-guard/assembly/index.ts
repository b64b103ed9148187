// Stops attempts to take over the assistant: in what users write, and in what tools bring in from outside.
import {
	answerChatMessage,
	answerToolCall,
	ChatMessageEvent,
	Config,
	checkConfig,
	Message,
	PluginResult,
	readConfig,
	ToolCallEvent,
} from "@hookbus/plugin-as";
import { messageOf, reasonOf } from "./findings";
import { Inspector } from "./inspector";
import { Settings } from "./settings";

/** Made by `initialize`, so that the event need not wait for it. */
let guard: Guard | null = null;

/** What the hooks need: the settings, and an inspector that knows them. */
class Guard {
	readonly settings: Settings;
	readonly inspector: Inspector;

	constructor(settings: Settings) {
		this.settings = settings;
		this.inspector = new Inspector(settings);
	}
}

export function initialize(): i32 {
	return checkConfig(prepare);
}

export function on_chat_message(): i32 {
	return answerChatMessage(guardMessages);
}

export function on_tool_call(): i32 {
	return answerToolCall(guardToolResult);
}

function prepare(config: Config): void {
	guard = new Guard(new Settings(config));
}

/** Empty when the guard is ready; else what is wrong with the configuration. */
function configFault(): string {
	if (guard !== null) return "";
	const config = readConfig();
	prepare(config);
	return config.fault;
}

function guardMessages(event: ChatMessageEvent): PluginResult {
	const fault = configFault();
	if (fault.length > 0) return PluginResult.fail(fault);
	const current = guard as Guard;
	const messages = event.messages;
	for (let index = current.settings.wholeConversation ? 0 : firstNew(messages); index < messages.length; index++) {
		if (current.settings.roles.includes(messages[index].role)) addMessage(current.inspector, messages[index]);
	}
	return decide(current);
}

function guardToolResult(event: ToolCallEvent): PluginResult {
	const fault = configFault();
	if (fault.length > 0) return PluginResult.fail(fault);
	const current = guard as Guard;
	const content = event.content;
	if (content !== null) current.inspector.add(content);
	return decide(current);
}

/** Index of the first message after the assistant's last one. */
function firstNew(messages: Array<Message>): i32 {
	let index = messages.length - 1;
	while (index > 0 && messages[index - 1].role != "assistant") index--;
	return max(index, 0);
}

/** Members of a part that can hold text of strangers. */
const TEXT_MEMBERS: StaticArray<string> = ["text", "arguments", "content"];

function addMessage(inspector: Inspector, message: Message): void {
	inspector.addText(message.name);
	const parts = message.parts;
	for (let index = 0; index < parts.length; index++) {
		for (let member = 0; member < TEXT_MEMBERS.length; member++) {
			const value = parts[index].json.get(TEXT_MEMBERS[member]);
			if (value !== null) inspector.add(value);
		}
	}
}

function decide(current: Guard): PluginResult {
	const findings = current.inspector.run();
	if (findings.isEmpty) return PluginResult.continue();
	const list = findings.toJson();
	const decisive = findings.decisive(current.settings.thresholds);
	if (decisive === null) return PluginResult.continue().annotate("findings", list);
	const message = current.settings.message;
	return PluginResult.block(reasonOf(decisive), message.length > 0 ? message : messageOf(decisive)).annotate("findings", list);
}
