// The envelope that every event has. It tells where the event comes from and cannot be changed; `data` is what a transform
// may patch.
import { Json } from "../json/json";

export class HookEvent {
	/** The whole event. */
	readonly json: Json;

	constructor(json: Json) {
		this.json = json;
	}

	/** Id of the event; the same when it is delivered again. */
	get id(): string {
		return this.json.getString("id");
	}

	/** `on_chat_message`, `on_tool_call`, `on_before_response` or `on_after_response`. */
	get hook(): string {
		return this.json.getString("hook");
	}

	get tenant(): string {
		return this.json.getString("tenant");
	}

	get assistant(): string {
		return this.json.getString("assistant");
	}

	/** Id of the conversation; empty when the chat service gave none. */
	get conversation(): string {
		return this.json.getString("conversation");
	}

	/** Number of the user's turn, from 0; -1 when the chat service gave none. */
	get turn(): i64 {
		return this.json.getInteger("turn", -1);
	}

	/** Pseudonymous id of the user; empty when the chat service gave none. */
	get userId(): string {
		const user = this.json.get("user");
		return user !== null ? user.getString("id") : "";
	}

	/** Roles of the user. */
	get userRoles(): Array<string> {
		const roles: Array<string> = [];
		const user = this.json.get("user");
		const list = user !== null ? user.get("roles") : null;
		if (list !== null) for (let index = 0; index < list.size; index++) roles.push(list.at(index).asString());
		return roles;
	}

	/** What made the model be called: `user`, `tool_result`, `task`, `api`, `schedule`; empty when the chat service did not say. */
	get origin(): string {
		return this.json.getString("origin");
	}

	/** When the event occurred: RFC 3339, UTC. */
	get time(): string {
		return this.json.getString("time");
	}

	/** Milliseconds that the caller waits for the verdict; 1000 when the chat service did not say. */
	get deadlineMs(): i64 {
		return this.json.getInteger("deadlineMs", 1000);
	}

	/** Name of the model; empty when the chat service gave none. */
	get model(): string {
		return this.json.getString("model");
	}

	/** The hook's data, a JSON object. Changes to it count only when a patch carries them. */
	get data(): Json {
		const data = this.json.get("data");
		return data !== null ? data : Json.ofObject();
	}
}
