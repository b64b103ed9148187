// What the host memory (host-memory/assembly/index.ts) passes on to the host: logs, configuration, variables, outbound HTTP. A
// new object for each instance, because it is bound to that instance's memory and to the report of the call that runs on it.
import type { CurrentPlugin } from "@extism/extism";
import type { PluginLogLine } from "@hookbus/schemas";
import type { HostCallLimits } from "./host-call-limits.js";
import { HostCallDenied, HostMemoryMisuse } from "./host-errors.js";
import type { HostMemory } from "./host-memory.js";
import { maskSecrets } from "./mask-secrets.js";
import type { Variables } from "./variables.js";

/** Module that the host memory imports from: the name of host-memory/assembly/host.ts. No plugin may import from it. */
export const HOST_MODULE = "host";

/** What the host noticed during one invocation. */
export interface HostCallReport {
	logs: PluginLogLine[];
	/** Characters of the lines in `logs`. */
	logSize: number;
	logsDropped: number;
}

export function newHostCallReport(): HostCallReport {
	return { logs: [], logSize: 0, logsDropped: 0 };
}

/** What the functions work on. Memory and report are looked up at each call: the report is another one every time. */
export interface HostCallScope {
	readonly limits: HostCallLimits;
	/** Values by name, in UTF-8. */
	readonly config: ReadonlyMap<string, Uint8Array>;
	/** Taken out of log lines. */
	readonly secrets: readonly string[];
	readonly variables: Variables;
	memory(): HostMemory;
	report(): HostCallReport;
}

/** The SDK passes a context of its own first; it belongs to its own memory, which is not used here. */
type HostFunction = (context: CurrentPlugin, ...values: number[]) => unknown;

const LOG_LEVELS: readonly PluginLogLine["level"][] = ["trace", "debug", "info", "warn", "error"];

export function createHostFunctions(scope: HostCallScope): Record<string, HostFunction> {
	const text = (begin = 0, length = 0) => scope.memory().text(begin, length);
	const answer = (value: Uint8Array | undefined) => (value === undefined ? 0 : scope.memory().store(value));
	return {
		fail: (_context, fault = 0) => {
			throw new HostMemoryMisuse(fault);
		},
		log: (_context, level = 0, begin = 0, length = 0) => addLogLine(scope, LOG_LEVELS[level] ?? "info", begin, length),
		config_get: (_context, begin, length) => answer(scope.config.get(text(begin, length))),
		var_get: (_context, begin, length) => answer(scope.variables.get(text(begin, length))),
		var_set: (_context, nameBegin, nameLength, begin = 0, length = 0) => {
			const fault = scope.variables.set(text(nameBegin, nameLength), scope.memory().copy(begin, length));
			if (fault !== undefined) scope.memory().setError(fault);
		},
		var_delete: (_context, begin, length) => scope.variables.delete(text(begin, length)),
		http_request: () => {
			throw new HostCallDenied("http_request: this host grants no plugin access to the network");
		},
	};
}

function addLogLine(scope: HostCallScope, level: PluginLogLine["level"], begin: number, length: number): void {
	const { limits } = scope;
	const report = scope.report();
	if (report.logs.length >= limits.logLines || report.logSize >= limits.logBytes) {
		report.logsDropped += 1;
		return;
	}
	// A character has at most four bytes; what lies behind the longest line is not even decoded.
	const text = scope.memory().text(begin, Math.min(length, limits.logLineLength * 4));
	const line = maskSecrets(text, scope.secrets).slice(0, limits.logLineLength);
	report.logSize += line.length;
	report.logs.push({ level, text: line });
}
