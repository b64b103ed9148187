// on_after_response: the reply was sent. Durable, at least once: the same event id may come again.
import { HookEvent } from "./hook-event";
import { Message } from "./message";

export class AfterResponseEvent extends HookEvent {
	/** `ok`, `blocked`, `error` or `aborted`. */
	get outcome(): string {
		return this.data.getString("outcome");
	}

	/** The reply; null when the turn ended without one. */
	get response(): Message | null {
		const response = this.data.get("response");
		const message = response !== null ? response.get("message") : null;
		return message !== null ? new Message(message) : null;
	}
}
