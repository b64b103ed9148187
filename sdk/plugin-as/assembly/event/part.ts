// One part of a message: text, image, file, tool call or tool result.
import { Json } from "../json/json";

export class Part {
	/** The part as it stands in the event; changes to it are changes to the event. */
	readonly json: Json;

	constructor(json: Json) {
		this.json = json;
	}

	/** `text`, `image`, `file`, `tool_call` or `tool_result`. */
	get type(): string {
		return this.json.getString("type");
	}

	/** Text of a text part; empty for others. */
	get text(): string {
		return this.json.getString("text");
	}

	set text(text: string) {
		this.json.set("text", Json.ofString(text));
	}

	/** Name of the tool in a tool_call part; file name of a file part; else empty. */
	get name(): string {
		return this.json.getString("name");
	}

	/** Arguments of a tool_call part, a JSON object; null for others. */
	get arguments(): Json | null {
		return this.json.get("arguments");
	}

	/** Content of a tool_result part, any JSON value; null for others. */
	get content(): Json | null {
		return this.json.get("content");
	}

	/** A new text part. */
	static ofText(text: string): Part {
		return new Part(Json.ofObject().set("type", Json.ofString("text")).set("text", Json.ofString(text)));
	}
}
