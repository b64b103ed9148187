// on_before_response: the reply is ready and not yet sent.
import { Json } from "../json/json";
import { HookEvent } from "./hook-event";
import { Message, messagesOf } from "./message";

export class BeforeResponseEvent extends HookEvent {
	/** The reply; patch it under /response/message. */
	get response(): Message {
		const response = this.data.get("response");
		const message = response !== null ? response.get("message") : null;
		return new Message(message !== null ? message : Json.ofObject());
	}

	/** Why the model stopped; empty when unknown. */
	get finishReason(): string {
		const response = this.data.get("response");
		return response !== null ? response.getString("finishReason") : "";
	}

	/** Tail of the conversation as the user knows it, oldest first. */
	get messages(): Array<Message> {
		return messagesOf(this.data.get("messages"));
	}
}
