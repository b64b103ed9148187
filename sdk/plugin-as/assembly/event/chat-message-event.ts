// on_chat_message: before each model call.
import { Json } from "../json/json";
import { HookEvent } from "./hook-event";
import { Message, messagesOf } from "./message";

export class ChatMessageEvent extends HookEvent {
	/** Tail of the conversation, oldest first; the last one is new. */
	get messages(): Array<Message> {
		return messagesOf(this.messageList);
	}

	/** The same as a JSON array, to push to and to hand to a patch. */
	get messageList(): Json {
		const list = this.data.get("messages");
		return list !== null ? list : Json.ofArray();
	}

	/** Names of the tools offered to the model. */
	get tools(): Array<string> {
		const names: Array<string> = [];
		const list = this.data.get("tools");
		if (list !== null) for (let index = 0; index < list.size; index++) names.push(list.at(index).asString());
		return names;
	}

	/** Parameters of the model, such as temperature; null when there are none. */
	get parameters(): Json | null {
		return this.data.get("parameters");
	}
}
