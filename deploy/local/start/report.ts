// What `npm start` says when everything runs: where things are, what is installed, what became of the first event.
import type { PluginSummary } from "@hookbus/schemas";
import { showVerdict } from "../show/show-verdict.js";
import { type Terminal, table } from "../show/terminal.js";
import type { FirstEvent } from "./first-event.js";
import type { RunningBus } from "./home.js";

export interface StartReport {
	readonly running: RunningBus;
	readonly home: string;
	readonly adminKeyFile: string;
	/** Only at the first start. */
	readonly adminKey: string | undefined;
	readonly plugins: readonly PluginSummary[];
	readonly event: FirstEvent;
}

export function reportAsJson({ running, home, adminKeyFile, adminKey, plugins, event }: StartReport): object {
	return {
		ok: event.fault === undefined,
		...(event.fault === undefined ? {} : { fault: event.fault }),
		api: `${running.apiUrl}/api/v1`,
		docs: `${running.apiUrl}/docs`,
		metrics: [`${running.apiUrl}/metrics`, `${running.runtimeUrl}/metrics`],
		nats: running.natsUrl,
		tenant: running.tenant,
		home,
		adminKeyFile,
		...(adminKey === undefined ? {} : { adminKey }),
		plugins: plugins.map(({ name, version, status }) => ({ name, version, status })),
		verdict: event.verdict,
	};
}

export function reportAsText(report: StartReport, terminal: Terminal): string {
	const { running, home, adminKeyFile, adminKey, plugins, event } = report;
	const { bold, dim } = terminal;
	const places = [
		["REST API", `${running.apiUrl}/api/v1`],
		["API page", `${running.apiUrl}/docs`],
		["metrics", `${running.apiUrl}/metrics`],
		["", `${running.runtimeUrl}/metrics`],
		["NATS", running.natsUrl],
		["admin key", adminKey === undefined ? dim(`in ${adminKeyFile}`) : `${bold(adminKey)} ${dim(`(also in ${adminKeyFile})`)}`],
		["data, logs", home],
	];
	const installed = plugins.map(({ name, version, status, hooks }) => [
		bold(name),
		version,
		status === "enabled" ? terminal.green(status) : dim(status),
		dim(hooks.map(({ hook, effect }) => `${hook} (${effect})`).join(", ")),
	]);
	return [
		"",
		bold("Hookbus is running."),
		"",
		...table(places),
		"",
		bold("Plugins"),
		...(installed.length === 0 ? ["  none"] : table(installed)),
		"",
		`${bold("An event")} ${dim("on_chat_message of assistant support")}`,
		...showVerdict(event.verdict, event.sent, terminal),
		...(event.fault === undefined ? [] : ["", terminal.red(event.fault)]),
		"",
	].join("\n");
}
