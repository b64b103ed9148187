// What a plugin without the grant `read_messages` gets to see: the envelope and the shape of the conversation, no text.
// The result is still a valid event, so that plugins need no second format.
import type { HookEvent, Message, MessagePart } from "@hookbus/schemas";

function withholdPart(part: MessagePart): MessagePart {
	switch (part.type) {
		case "text":
			return { type: "text", text: "" };
		case "image":
		case "file":
			return { type: part.type, ref: "", ...(part.mediaType === undefined ? {} : { mediaType: part.mediaType }) };
		case "tool_call":
			return { type: "tool_call", id: part.id, name: part.name, arguments: {} };
		case "tool_result":
			return {
				type: "tool_result",
				callId: part.callId,
				content: null,
				...(part.isError === undefined ? {} : { isError: part.isError }),
			};
	}
}

function withholdMessage(message: Message): Message {
	return { role: message.role, ...(message.id === undefined ? {} : { id: message.id }), parts: message.parts.map(withholdPart) };
}

/**
 * A copy of the event without any text of messages, arguments or results.
 *
 * @param keepArguments true for the plugin whose own tool is called: it cannot answer without the arguments
 */
export function withholdText(event: HookEvent, keepArguments: boolean): HookEvent {
	switch (event.hook) {
		case "on_chat_message": {
			const { historyRef: _withheld, parameters: _alsoWithheld, ...data } = event.data;
			return { ...event, data: { ...data, messages: data.messages.map(withholdMessage) } };
		}
		case "on_tool_call": {
			const { call, result } = event.data;
			return {
				...event,
				data: {
					call: keepArguments ? call : { ...call, arguments: {} },
					...(result === undefined ? {} : { result: { ...result, content: null } }),
				},
			};
		}
		case "on_before_response": {
			const { response, messages } = event.data;
			return {
				...event,
				data: {
					response: { ...response, message: withholdMessage(response.message) },
					...(messages === undefined ? {} : { messages: messages.map(withholdMessage) }),
				},
			};
		}
		case "on_after_response": {
			const { response, ...data } = event.data;
			return {
				...event,
				data: {
					...data,
					...(response === undefined ? {} : { response: { ...response, message: withholdMessage(response.message) } }),
				},
			};
		}
	}
}
