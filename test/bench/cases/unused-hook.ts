// unused_hook_vs_no_responders: what a hook costs a chat service as long as nothing is bound to it.
import { connectHookbus } from "@hookbus/client";
import type { BenchBus } from "../bench-bus.js";
import { timeInTurns } from "../measure.js";

export async function benchUnusedHook(
	bus: BenchBus,
): Promise<{ unused_hook_vs_no_responders: number; detail: { oursUs: number; bareUs: number } }> {
	const client = await connectHookbus({ servers: bus.url, tenant: "unbound", waitOnFirstConnect: true });
	const data = {
		messages: [{ role: "user" as const, parts: [{ type: "text" as const, text: "a plain sentence. ".repeat(40) }] }],
	};
	const body = JSON.stringify(data);
	const ours = async () => {
		const verdict = await client.chatMessage({ assistant: "support", data });
		if (verdict.action !== "continue") throw new Error(`an unused hook answered ${verdict.action}`);
	};
	const bare = () => bus.connection.request("bench.nobody", body, { timeout: 5_000 }).catch(() => undefined);
	const pair = await timeInTurns(ours, bare, 20, 100);
	await client.close();
	return { unused_hook_vs_no_responders: pair.ours / pair.other, detail: { oursUs: pair.ours, bareUs: pair.other } };
}
