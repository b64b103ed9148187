// What a chat service gives for each hook, small and valid.
import type { AfterResponseInput, BeforeResponseInput, ChatMessageInput, ToolCallInput, ToolResultInput } from "@hookbus/client";

export function chat(text = "Hello", changes: Partial<ChatMessageInput> = {}): ChatMessageInput {
	return { assistant: "support", data: { messages: [{ role: "user", parts: [{ type: "text", text }] }] }, ...changes };
}

export function toolRequest(changes: Partial<ToolCallInput> = {}): ToolCallInput {
	return { assistant: "support", data: { call: { id: "call-1", name: "math", arguments: { expression: "1+1" } } }, ...changes };
}

export function toolOutcome(changes: Partial<ToolResultInput> = {}): ToolResultInput {
	const call = { id: "call-1", name: "math", arguments: { expression: "1+1" } };
	return { assistant: "support", data: { call, result: { content: "2" } }, ...changes };
}

export function response(text = "2", changes: Partial<BeforeResponseInput> = {}): BeforeResponseInput {
	return {
		assistant: "support",
		data: { response: { message: { role: "assistant", parts: [{ type: "text", text }] } } },
		...changes,
	};
}

export function sent(changes: Partial<AfterResponseInput> = {}): AfterResponseInput {
	return { assistant: "support", data: { outcome: "ok", durationMs: 12 }, ...changes };
}
