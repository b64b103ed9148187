// on_tool_call: phase `request` before a tool runs, phase `result` before the model sees the result.
import { Json } from "../json/json";
import { HookEvent } from "./hook-event";

export class ToolCallEvent extends HookEvent {
	/** `request` or `result`. */
	get phase(): string {
		return this.json.getString("phase");
	}

	private get call(): Json {
		const call = this.data.get("call");
		return call !== null ? call : Json.ofObject();
	}

	/** The model's id of this call. */
	get callId(): string {
		return this.call.getString("id");
	}

	/** Name of the tool. */
	get toolName(): string {
		return this.call.getString("name");
	}

	/** Arguments of the call, a JSON object that fits the tool's schema. */
	get arguments(): Json {
		const given = this.call.get("arguments");
		return given !== null ? given : Json.ofObject();
	}

	/** Phase `result`: what the tool returned, a string or any JSON value; null in phase `request`. */
	get content(): Json | null {
		const result = this.data.get("result");
		return result !== null ? result.get("content") : null;
	}

	/** Phase `result`: the tool reported an error. */
	get isError(): bool {
		const result = this.data.get("result");
		return result !== null && result.getBool("isError");
	}
}
