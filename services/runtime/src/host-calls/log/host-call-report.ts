// What the host noticed during one invocation: the plugin's log lines, kept inside their limits whichever way they came.
import type { PluginLogLine } from "@hookbus/schemas";
import type { HostCallLimits } from "../host-call-limits.js";
import { maskSecrets } from "./mask-secrets.js";

export interface HostCallReport {
	logs: PluginLogLine[];
	/** Characters of the lines in `logs`. */
	logSize: number;
	logsDropped: number;
}

export function newHostCallReport(): HostCallReport {
	return { logs: [], logSize: 0, logsDropped: 0 };
}

/** What log lines are kept in. The report is looked up at each line: every call has another one. */
export interface LogScope {
	readonly limits: HostCallLimits;
	/** Taken out of every line. */
	readonly secrets: readonly string[];
	report(): HostCallReport;
}

/** Whether a further line would be kept. */
export function hasRoomForLog({ report, limits }: LogScope): boolean {
	const { logs, logSize } = report();
	return logs.length < limits.logLines && logSize < limits.logBytes;
}

/** A character has at most four bytes: what lies behind these need not even be decoded. */
export function maxLineBytes(limits: HostCallLimits): number {
	return limits.logLineLength * 4;
}

/** @param readText gives the line, or as much of it as lies in so many bytes; not called when there is no room */
export function addLogLine(scope: LogScope, level: PluginLogLine["level"], readText: (maxBytes: number) => string): void {
	const report = scope.report();
	if (!hasRoomForLog(scope)) {
		report.logsDropped += 1;
		return;
	}
	const { limits, secrets } = scope;
	const line = maskSecrets(readText(maxLineBytes(limits)), secrets).slice(0, limits.logLineLength);
	report.logSize += line.length;
	report.logs.push({ level, text: line });
}
