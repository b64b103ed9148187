// Shows one step of the demo: who said what, and what the bus made of it.
import { asText, showVerdict } from "../local/show/show-verdict.js";
import { type Terminal, wrap } from "../local/show/terminal.js";
import type { PlayedStep } from "./play-conversation.js";

const WHO_COLUMNS = 11;

export function showStep(number: number, played: PlayedStep, terminal: Terminal): string {
	const { step, hook, phase, sent, verdict, after } = played;
	const { bold, dim } = terminal;
	const where = phase === undefined ? hook : `${hook}, ${phase}`;
	return [
		`${bold(`${number}  ${WHO[step.type]}`.padEnd(WHO_COLUMNS))} ${dim(where)}`,
		...wrap(spoken(played), terminal.width - 4).map((line) => `  ${dim("│")} ${line}`),
		...showVerdict(verdict, sent, terminal),
		...(after === undefined ? [] : [`  ${dim(afterLine(after))}`]),
		"",
	].join("\n");
}

const WHO = { user: "User", reply: "Assistant", toolCall: "Tool call", toolResult: "Tool result" } as const;

/** What was said, as it went into the event. */
function spoken({ step, sent }: PlayedStep): string {
	switch (step.type) {
		case "user":
			return step.text;
		case "reply":
			return (sent as { response: { message: { parts: { text: string }[] } } }).response.message.parts
				.map(({ text }) => text)
				.join("");
		case "toolCall":
			return `${step.name}(${asText(step.arguments)})`;
		case "toolResult":
			return asText(step.content);
	}
}

function afterLine(after: NonNullable<PlayedStep["after"]>): string {
	return after.stored
		? "on_after_response: stored, whoever is bound to it works on it later"
		: `on_after_response: not stored (${after.failure}): ${after.detail}`;
}

/** One line for all: how many events went which way. */
export function summarize(steps: readonly PlayedStep[]): string {
	const counts = new Map<string, number>();
	for (const { verdict } of steps) counts.set(verdict.action, (counts.get(verdict.action) ?? 0) + 1);
	return `${steps.length} events: ${[...counts].map(([action, count]) => `${count} ${action}`).join(", ")}`;
}
