// Plays a recorded conversation the way a chat service would: each step becomes the event of its hook, and what the verdict
// says decides what goes into the history and what the model would see.
import { randomUUID } from "node:crypto";
import type { DurableResult, HookbusClient, HookVerdict } from "@hookbus/client";
import type { HookName, Message, ToolCallData } from "@hookbus/schemas";
import type { Conversation, Step } from "./read-conversation.js";

export interface PlayedStep {
	readonly step: Step;
	readonly hook: HookName;
	readonly phase?: "request" | "result";
	/** The data of the event. */
	readonly sent: unknown;
	readonly verdict: HookVerdict<unknown>;
	/** A reply: what became of its on_after_response event. */
	readonly after?: DurableResult;
}

/** Milliseconds that a verdict may take: the first call of a plugin compiles it. */
const DEADLINE_MS = 5_000;

/** Plays step after step; `played` gets each as soon as its verdict is there. */
export async function playConversation(
	client: HookbusClient,
	recorded: Conversation,
	played: (step: PlayedStep) => void,
): Promise<void> {
	const conversation = `demo-${randomUUID()}`;
	const common = { assistant: recorded.assistant, conversation, user: recorded.user, deadlineMs: DEADLINE_MS };
	/** As the user knows it. */
	const history: Message[] = [message("system", recorded.system)];
	/** What the model saw last, with placeholders. */
	let seen: unknown;
	let turn = -1;
	for (const step of recorded.steps) {
		switch (step.type) {
			case "user": {
				turn++;
				const said = message("user", step.text);
				const sent = { messages: [...history, said] };
				const verdict = await client.chatMessage({ ...common, turn, origin: "user", data: sent });
				if (verdict.action !== "blocked") {
					history.push(said);
					seen = verdict.data;
				}
				played({ step, hook: "on_chat_message", sent, verdict });
				break;
			}
			case "reply": {
				const reply = message("assistant", withPlaceholders(step.text, seen));
				const sent = { response: { message: reply, finishReason: "stop" }, messages: [...history] };
				const verdict = await client.beforeResponse({ ...common, turn, data: sent });
				const blocked = verdict.action === "blocked";
				if (!blocked) history.push(verdict.data.response.message);
				const after = await client.afterResponse({
					assistant: common.assistant,
					conversation,
					user: common.user,
					turn,
					data: blocked ? { outcome: "blocked" } : { outcome: "ok", response: { message: verdict.data.response.message } },
				});
				played({ step, hook: "on_before_response", sent, verdict, after });
				break;
			}
			case "toolCall": {
				const sent: ToolCallData = { call: { id: step.id, name: step.name, arguments: step.arguments } };
				const verdict = await client.toolCall({ ...common, turn, data: sent });
				played({ step, hook: "on_tool_call", phase: "request", sent, verdict });
				break;
			}
			case "toolResult": {
				const sent = { call: { id: step.id, name: step.name, arguments: step.arguments }, result: { content: step.content } };
				const verdict = await client.toolResult({ ...common, turn, data: sent });
				played({ step, hook: "on_tool_call", phase: "result", sent, verdict });
				break;
			}
		}
	}
}

function message(role: Message["role"], text: string): Message {
	return { role, parts: [{ type: "text", text }] };
}

/** Puts in the placeholder that the model would have repeated: `{{EMAIL}}` → the first `[EMAIL_…]` in what it saw. */
function withPlaceholders(text: string, seen: unknown): string {
	return text.replaceAll(/\{\{(\w+)\}\}/g, (_, kind: string) => {
		const placeholder = new RegExp(`\\[${kind}_[0-9A-Za-z]+\\]`).exec(JSON.stringify(seen ?? ""));
		return placeholder?.[0] ?? `your ${kind.toLowerCase()}`;
	});
}
