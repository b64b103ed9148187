// The template for your own plugin. It puts an instruction of the admin in front of the conversation, where the model reads
// it before anything else.
import { answerChatMessage, ChatMessageEvent, Json, Message, PluginResult, patchAt, readConfig } from "@hookbus/plugin-as";

/** The hook. The host calls the export of this name with the event before each model call. */
export function on_chat_message(): i32 {
	return answerChatMessage(addInstruction);
}

function addInstruction(event: ChatMessageEvent): PluginResult {
	// The values that an admin set, over the defaults of plugin.yaml. What is wrong with them goes to the operator.
	const config = readConfig();
	const instruction = config.string("instruction", "Answer in the language of the user's last message.", 2000);
	if (config.fault.length > 0) return PluginResult.fail(config.fault);

	const messages = event.messageList;
	messages.unshift(Message.ofText("system", instruction).json);

	// A patch may write where `paths` in plugin.yaml says, and nowhere else. An annotation is a fact for the chat service.
	return PluginResult.modify(patchAt("/messages", messages)).annotate("greeting", Json.ofString("Hello from your first plugin!"));
}
