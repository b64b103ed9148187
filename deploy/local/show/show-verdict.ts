// Shows a verdict and its trail as a person wants to read them: what came of it, what changed, who did what in which time.
import type { HookVerdict } from "@hookbus/client";
import type { TrailEntry } from "@hookbus/schemas";
import { findChanges } from "./find-changes.js";
import { pad, type Terminal, table, wrap } from "./terminal.js";
import { diffText } from "./text-diff.js";

const BAR_COLUMNS = 12;

/**
 * Lines for one verdict.
 *
 * @param sent the data that the event carried
 */
export function showVerdict(verdict: HookVerdict<unknown>, sent: unknown, terminal: Terminal): string[] {
	return [
		`  ${headline(verdict, terminal)}`,
		...changeLines(sent, verdict.data, terminal),
		...(verdict.action === "claimed" ? [`    answer: ${terminal.green(asText(verdict.result))}`] : []),
		...trailLines(verdict.trail, terminal),
	];
}

function headline(verdict: HookVerdict<unknown>, terminal: Terminal): string {
	const { dim, bold } = terminal;
	const time = dim(`in ${formatMs(verdict.durationMs)}`);
	const by = verdict.source === "policy" ? dim(` — the client's policy decided: ${verdict.detail}`) : "";
	switch (verdict.action) {
		case "continue":
			return `${terminal.green(bold("✓ continue"))} ${time}${by}`;
		case "modified":
			return `${terminal.yellow(bold("~ modified"))} ${time}`;
		case "claimed":
			return `${terminal.cyan(bold("★ claimed"))} ${time} by ${claimer(verdict.trail)}`;
		case "blocked": {
			const { code = "unknown", plugin, message } = verdict.reason ?? {};
			const who = plugin === undefined ? "" : ` by ${plugin}`;
			const why = message === undefined ? "" : `: ${message}`;
			return `${terminal.red(bold("✗ blocked"))} ${time}${who} — ${terminal.red(code)}${why}${by}`;
		}
	}
}

function claimer(trail: readonly TrailEntry[]): string {
	return (
		trail.find(({ action, mode, outcome }) => action === "claim" && mode === "enforce" && outcome === "ok")?.plugin ?? "a plugin"
	);
}

/** Each changed value, with the changed words marked. */
function changeLines(sent: unknown, data: unknown, terminal: Terminal): string[] {
	return findChanges(sent, data).flatMap(({ path, before, after }) => {
		const marked = diffText(asText(before), asText(after))
			.map(({ kind, text }) => (kind === "same" ? text : terminal[kind](text)))
			.join("");
		return [`    ${terminal.dim(path)}`, ...wrap(marked, terminal.width - 6).map((line) => `      ${line}`)];
	});
}

function trailLines(trail: readonly TrailEntry[], terminal: Terminal): string[] {
	const longest = Math.max(0.001, ...trail.map(({ durationMs }) => durationMs));
	return table(
		trail.map((entry) => [
			terminal.bold(entry.plugin),
			terminal.dim(entry.version),
			entry.mode === "shadow" ? `${entry.effect} (shadow)` : entry.effect,
			whatItDid(entry, terminal),
			bar(entry.durationMs / longest, terminal),
			formatMs(entry.durationMs).padStart(8),
			terminal.dim(details(entry)),
		]),
		"    ",
	);
}

function whatItDid({ outcome, action, skipped }: TrailEntry, terminal: Terminal): string {
	if (outcome === "deferred") return terminal.dim("after the reply");
	if (outcome !== "ok") return terminal.red(skipped === true ? `${outcome}, skipped` : outcome);
	const paint = { continue: terminal.green, modify: terminal.yellow, block: terminal.red, claim: terminal.cyan };
	return action === undefined ? "" : paint[action](action);
}

function details({ paths = [], stripped = [], reason, error }: TrailEntry): string {
	return [
		...(paths.length === 0 ? [] : [paths.join(" ")]),
		...(stripped.length === 0 ? [] : [`not allowed: ${stripped.join(" ")}`]),
		...(reason === undefined ? [] : [reason]),
		...(error === undefined ? [] : [error]),
	].join(" · ");
}

function bar(share: number, terminal: Terminal): string {
	const filled = Math.max(1, Math.round(share * BAR_COLUMNS));
	return pad(terminal.coloured ? terminal.cyan("▇".repeat(filled)) : "=".repeat(filled), BAR_COLUMNS);
}

/** Milliseconds with as many digits as matter. */
export function formatMs(ms: number): string {
	return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}

/** A value as one reads it: texts as they are, everything else as JSON. */
export function asText(value: unknown): string {
	if (value === undefined) return "";
	return typeof value === "string" ? value : JSON.stringify(value);
}
