// Sends one event through the bus with the client, the way a chat service would, and says whether it went through.
import { connectHookbus, type HookVerdict } from "@hookbus/client";
import type { ChatMessageData, PluginSummary } from "@hookbus/schemas";

export interface FirstEvent {
	readonly sent: ChatMessageData;
	readonly verdict: HookVerdict<ChatMessageData>;
	/** What went wrong; undefined when the bus answered, or when nothing is bound and so nobody had to. */
	readonly fault: string | undefined;
}

const DATA: ChatMessageData = {
	messages: [
		{
			role: "user",
			parts: [{ type: "text", text: "Hi, please send the invoice to jane.doe@example.com, or call me at +49 30 901820." }],
		},
	],
};

/** Milliseconds that the first event may take: the first call of a plugin compiles it. */
const DEADLINE_MS = 10_000;

/** Sends one event for the assistant `support`. */
export async function sendFirstEvent(natsUrl: string, tenant: string, plugins: readonly PluginSummary[]): Promise<FirstEvent> {
	const client = await connectHookbus({ servers: natsUrl, tenant, name: "hookbus first event", connectTimeoutMs: 10_000 });
	try {
		const verdict = await client.chatMessage({ assistant: "support", deadlineMs: DEADLINE_MS, data: DATA });
		return { sent: DATA, verdict, fault: findFault(verdict, plugins) };
	} finally {
		await client.close();
	}
}

function findFault(verdict: HookVerdict<unknown>, plugins: readonly PluginSummary[]): string | undefined {
	if (verdict.source === "bus") return undefined;
	const listening = plugins.some(
		({ status, hooks }) => status === "enabled" && hooks.some(({ hook }) => hook === "on_chat_message"),
	);
	if (verdict.failure === "no_responders" && !listening) return undefined;
	return `the bus did not answer: ${verdict.detail}`;
}
