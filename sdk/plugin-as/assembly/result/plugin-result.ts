// What a plugin answers. The host strips whatever the effect in the manifest does not allow: only a transform may modify,
// only a gate may block, only a claim may claim.
import { Json } from "../json/json";

/** Longest message for the user, in UTF-16 units; the host refuses longer ones. */
const MAX_MESSAGE: i32 = 2000;

export class PluginResult {
	/** The result as it is written. */
	readonly json: Json;
	/** Why the plugin could not do its work; empty when it could. The binding's failure policy decides then. */
	readonly failure: string;

	private constructor(action: string, failure: string = "") {
		this.json = Json.ofObject().set("action", Json.ofString(action));
		this.failure = failure;
	}

	/** Let the event go on as it is. */
	static continue(): PluginResult {
		return new PluginResult("continue");
	}

	/**
	 * Change the event's data (effect transform).
	 *
	 * @param patch JSON Merge Patch (RFC 7386) of `data`, an object: members replace, null removes, arrays are replaced whole.
	 *   It may write only on the `paths` of the manifest. See {@link patchAt}.
	 */
	static modify(patch: Json): PluginResult {
		const result = new PluginResult("modify");
		result.json.set("patch", patch);
		return result;
	}

	/**
	 * Stop the event (effect gate).
	 *
	 * @param reason stable code for programs: a lower-case letter, then up to 63 of a–z 0–9 _ . -
	 * @param message text for the user; cut after 2000 UTF-16 units; empty for none
	 */
	static block(reason: string, message: string = ""): PluginResult {
		const result = new PluginResult("block");
		result.json.set("reason", Json.ofString(reason));
		if (message.length > 0) result.json.set("message", Json.ofString(message.substring(0, MAX_MESSAGE)));
		return result;
	}

	/**
	 * Answer instead of the model or the tool (effect claim).
	 *
	 * @param answer on_chat_message: a message, see Message.ofText; on_tool_call: see {@link toolResult}
	 */
	static claim(answer: Json): PluginResult {
		const result = new PluginResult("claim");
		result.json.set("result", answer);
		return result;
	}

	/** Report that the plugin could not do its work, and why. The text goes to the operator, not to the user. */
	static fail(why: string): PluginResult {
		return new PluginResult("continue", why.length > 0 ? why : "failed");
	}

	/** Adds a fact for the caller, kept under the plugin's name in the verdict. Names have at most 64 characters. */
	annotate(name: string, value: Json): PluginResult {
		let annotations = this.json.get("annotations");
		if (annotations === null) {
			annotations = Json.ofObject();
			this.json.set("annotations", annotations);
		}
		annotations.set(name, value);
		return this;
	}
}

/** A merge patch that sets one value: `patchAt("/response/message", m)` is `{"response":{"message":m}}`. */
export function patchAt(pointer: string, value: Json): Json {
	const names = pointer.substring(1).split("/");
	let patch = value;
	for (let index = names.length - 1; index >= 0; index--) {
		patch = Json.ofObject().set(names[index].replaceAll("~1", "/").replaceAll("~0", "~"), patch);
	}
	return patch;
}

/** A tool's answer, for {@link PluginResult.claim}. */
export function toolResult(content: Json, isError: bool = false): Json {
	const result = Json.ofObject().set("content", content);
	return isError ? result.set("isError", Json.ofBool(true)) : result;
}
