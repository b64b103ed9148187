// `npm run demo`: a recorded conversation with personal data, an injection attempt and tool calls goes through the bus, and
// each verdict is shown as a person wants to read it.
//
//   npm run demo                       shows it
//   npm run demo -- --json             one JSON object for machines
//   npm run demo -- conversation.json  another recording
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { connectHookbus } from "@hookbus/client";
import { createProgress } from "../local/progress.js";
import { terminalFor } from "../local/show/terminal.js";
import { openDemoBus } from "./demo-bus.js";
import { type PlayedStep, playConversation } from "./play-conversation.js";
import { readConversation } from "./read-conversation.js";
import { showStep, summarize } from "./show-step.js";

const progress = createProgress(process.stderr);
const terminal = terminalFor(process.stdout);

/** Resolves with the exit code: 0 when the bus answered every event. */
async function main(): Promise<number> {
	const { values, positionals } = parseArgs({ options: { json: { type: "boolean", default: false } }, allowPositionals: true });
	const recorded = readConversation(resolve(positionals[0] ?? resolve(import.meta.dirname, "conversation.json")));
	const bus = await openDemoBus(progress);
	try {
		const steps = await play(bus.natsUrl, bus.tenant, recorded, values.json);
		// A hook that nothing is bound to has no responders; that is an answer too.
		const unanswered = steps.filter(({ verdict }) => verdict.source === "policy" && verdict.failure !== "no_responders");
		if (values.json) process.stdout.write(`${JSON.stringify({ ok: unanswered.length === 0, steps })}\n`);
		else process.stdout.write(`${terminal.bold(summarize(steps))}\n`);
		return unanswered.length === 0 ? 0 : 1;
	} finally {
		await bus.close();
	}
}

async function play(
	natsUrl: string,
	tenant: string,
	recorded: ReturnType<typeof readConversation>,
	quiet: boolean,
): Promise<PlayedStep[]> {
	const client = await connectHookbus({ servers: natsUrl, tenant, name: "hookbus demo", connectTimeoutMs: 10_000 });
	const steps: PlayedStep[] = [];
	try {
		await playConversation(client, recorded, (step) => {
			steps.push(step);
			if (!quiet) process.stdout.write(`${showStep(steps.length, step, terminal)}\n`);
		});
		return steps;
	} finally {
		await client.close();
	}
}

main().then(
	(code) => process.exit(code),
	(thrown: unknown) => {
		console.error(thrown instanceof Error ? thrown.message : thrown);
		process.exit(1);
	},
);
