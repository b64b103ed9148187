// Events for tests, complete and valid, with what a test wants different.
import { randomUUID } from "node:crypto";
import type { AfterResponseEvent, BeforeResponseEvent, ChatMessageEvent, ToolCallEvent } from "@hookbus/schemas";

function envelope() {
	return {
		spec: "1" as const,
		id: randomUUID(),
		tenant: "acme",
		assistant: "support",
		conversation: "conv-1",
		time: new Date().toISOString(),
		// Long: only tests about time may depend on how fast the machine is.
		deadlineMs: 30_000,
	};
}

export function chatEvent(text: string, changes: Partial<ChatMessageEvent> = {}): ChatMessageEvent {
	return {
		...envelope(),
		hook: "on_chat_message",
		data: { messages: [{ role: "user", parts: [{ type: "text", text }] }] },
		...changes,
	};
}

export function toolEvent(name: string, args: Record<string, unknown>, changes: Partial<ToolCallEvent> = {}): ToolCallEvent {
	return {
		...envelope(),
		hook: "on_tool_call",
		phase: "request",
		data: { call: { id: "call-1", name, arguments: args } },
		...changes,
	};
}

export function responseEvent(text: string, changes: Partial<BeforeResponseEvent> = {}): BeforeResponseEvent {
	return {
		...envelope(),
		hook: "on_before_response",
		data: { response: { message: { role: "assistant", parts: [{ type: "text", text }] } } },
		...changes,
	};
}

export function afterEvent(changes: Partial<AfterResponseEvent> = {}): AfterResponseEvent {
	return {
		...envelope(),
		hook: "on_after_response",
		data: { outcome: "ok", response: { message: { role: "assistant", parts: [{ type: "text", text: "done" }] } } },
		...changes,
	};
}
