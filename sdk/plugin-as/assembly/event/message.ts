// One chat message with its typed parts.
import { Json } from "../json/json";
import { Part } from "./part";

export class Message {
	/** The message as it stands in the event; changes to it are changes to the event. */
	readonly json: Json;

	constructor(json: Json) {
		this.json = json;
	}

	/** `system`, `user`, `assistant` or `tool`. */
	get role(): string {
		return this.json.getString("role");
	}

	/** The chat service's id of the message; empty when it has none. */
	get id(): string {
		return this.json.getString("id");
	}

	/** Name of the speaker; empty when it has none. */
	get name(): string {
		return this.json.getString("name");
	}

	/** The parts, in order. */
	get parts(): Array<Part> {
		const parts: Array<Part> = [];
		const list = this.json.get("parts");
		if (list !== null) for (let index = 0; index < list.size; index++) parts.push(new Part(list.at(index)));
		return parts;
	}

	/** All text parts, joined by line breaks. */
	get text(): string {
		const texts: Array<string> = [];
		const parts = this.parts;
		for (let index = 0; index < parts.length; index++) {
			if (parts[index].type == "text") texts.push(parts[index].text);
		}
		return texts.join("\n");
	}

	/** A new message with one text part. */
	static ofText(role: string, text: string): Message {
		const parts = Json.ofArray().push(Part.ofText(text).json);
		return new Message(Json.ofObject().set("role", Json.ofString(role)).set("parts", parts));
	}
}

/** The messages of a JSON array; none when it is null or something else. */
export function messagesOf(list: Json | null): Array<Message> {
	const messages: Array<Message> = [];
	if (list !== null && list.isArray) for (let index = 0; index < list.size; index++) messages.push(new Message(list.at(index)));
	return messages;
}
