// Takes personal data and secrets out of what the model sees, and puts them back into what the user sees.
import {
	answerBeforeResponse,
	answerChatMessage,
	BeforeResponseEvent,
	ChatMessageEvent,
	Config,
	checkConfig,
	Json,
	Message,
	PluginResult,
	patchAt,
	readConfig,
} from "@hookbus/plugin-as";
import { Redactor } from "./redactor";
import { Restorer } from "./restorer";
import { Settings } from "./settings";

/** Read by `initialize`, so that the event need not wait for it. */
let settings: Settings | null = null;

export function initialize(): i32 {
	return checkConfig(readSettings);
}

export function on_chat_message(): i32 {
	return answerChatMessage(redactConversation);
}

export function on_before_response(): i32 {
	return answerBeforeResponse(finishResponse);
}

function readSettings(config: Config): void {
	settings = new Settings(config);
}

/** Empty when the settings are ready; else what is wrong with the configuration. */
function settingsFault(): string {
	if (settings !== null) return "";
	const config = readConfig();
	readSettings(config);
	return config.fault;
}

function redactConversation(event: ChatMessageEvent): PluginResult {
	const fault = settingsFault();
	if (fault.length > 0) return PluginResult.fail(fault);
	const redactor = new Redactor(settings as Settings, event.tenant);
	if (!redactMessages(redactor, event.messages)) return PluginResult.continue();
	return PluginResult.modify(patchAt("/messages", event.messageList)).annotate("redacted", redactor.summary);
}

function finishResponse(event: BeforeResponseEvent): PluginResult {
	const fault = settingsFault();
	if (fault.length > 0) return PluginResult.fail(fault);
	const current = settings as Settings;
	const parts = event.response.json.get("parts");
	if (parts === null) return PluginResult.continue();
	const redactor = new Redactor(current, event.tenant);
	if (current.restore && !current.mask) {
		redactMessages(redactor, event.messages);
		const restorer = new Restorer(redactor.originals);
		if (!restoreParts(restorer, parts)) return PluginResult.continue();
		return PluginResult.modify(patchAt("/response/message/parts", parts)).annotate("restored", Json.ofInteger(restorer.restored));
	}
	if (!redactParts(redactor, parts)) return PluginResult.continue();
	return PluginResult.modify(patchAt("/response/message/parts", parts)).annotate("redacted", redactor.summary);
}

function redactMessages(redactor: Redactor, messages: Array<Message>): bool {
	const roles = (settings as Settings).roles;
	let changed = false;
	for (let index = 0; index < messages.length; index++) {
		const message = messages[index];
		if (!roles.includes(message.role)) continue;
		if (redactMember(redactor, message.json, "name")) changed = true;
		const parts = message.json.get("parts");
		if (parts !== null && redactParts(redactor, parts)) changed = true;
	}
	return changed;
}

/** Members of a part that hold text; references to files and images stay, or they would lead nowhere. */
const TEXT_MEMBERS: StaticArray<string> = ["text", "arguments", "content"];

function redactParts(redactor: Redactor, parts: Json): bool {
	let changed = false;
	for (let index = 0; index < parts.size; index++) {
		const part = parts.at(index);
		for (let member = 0; member < TEXT_MEMBERS.length; member++) {
			if (redactMember(redactor, part, TEXT_MEMBERS[member])) changed = true;
		}
		// The name of a tool must stay, or the call finds no tool.
		if (part.getString("type") == "file" && redactMember(redactor, part, "name")) changed = true;
	}
	return changed;
}

function redactMember(redactor: Redactor, object: Json, name: string): bool {
	const value = object.get(name);
	const replacement = value !== null ? redactor.json(value) : null;
	if (replacement === null) return false;
	object.set(name, replacement);
	return true;
}

function restoreParts(restorer: Restorer, parts: Json): bool {
	let changed = false;
	for (let index = 0; index < parts.size; index++) {
		const part = parts.at(index);
		for (let member = 0; member < TEXT_MEMBERS.length; member++) {
			const value = part.get(TEXT_MEMBERS[member]);
			const replacement = value !== null ? restorer.json(value) : null;
			if (replacement === null) continue;
			part.set(TEXT_MEMBERS[member], replacement);
			changed = true;
		}
	}
	return changed;
}
