// What the host memory (host-memory/assembly/index.ts) passes on to the host: logs, configuration, variables, outbound HTTP. A
// new object for each instance, because it is bound to that instance's memory and to the report of the call that runs on it.
import type { CurrentPlugin } from "@extism/extism";
import type { PluginLogLine } from "@hookbus/schemas";
import type { ConfigValues } from "../host-calls/config/config-values.js";
import type { HttpCalls } from "../host-calls/http/http-calls.js";
import { addLogLine, type LogScope } from "../host-calls/log/host-call-report.js";
import type { Variables } from "../host-calls/variables/variables.js";
import { HostMemoryMisuse, UNKNOWN_BLOCK } from "./host-errors.js";
import type { HostMemory } from "./host-memory.js";

/** Module that the host memory imports from: the name of host-memory/assembly/host.ts. No plugin may import from it. */
export const HOST_MODULE = "host";

/** What the functions work on. The memory is looked up at each call: it is there only when everything is linked. */
export interface HostCallScope extends LogScope {
	readonly config: ConfigValues;
	readonly variables: Variables;
	readonly http: HttpCalls;
	memory(): HostMemory;
}

/** The SDK passes a context of its own first; it belongs to its own memory, which is not used here. */
type HostFunction = (context: CurrentPlugin, ...values: number[]) => unknown;

const encoder = new TextEncoder();

const LOG_LEVELS: readonly PluginLogLine["level"][] = ["trace", "debug", "info", "warn", "error"];

export function createHostFunctions(scope: HostCallScope): Record<string, HostFunction> {
	const text = (begin = 0, length = 0) => scope.memory().text(begin, length);
	const answer = (value: Uint8Array | undefined) => (value === undefined ? 0 : scope.memory().store(value));
	return {
		fail: (_context, fault = 0) => {
			throw new HostMemoryMisuse(fault);
		},
		log: (_context, level = 0, begin = 0, length = 0) =>
			addLogLine(scope, LOG_LEVELS[level] ?? "info", (maxBytes) => text(begin, Math.min(length, maxBytes))),
		config_get: (_context, begin, length) => answer(scope.config.get(text(begin, length))),
		var_get: (_context, begin, length) => answer(scope.variables.get(text(begin, length))),
		var_set: (_context, nameBegin, nameLength, begin = 0, length = 0) => {
			const fault = scope.variables.set(text(nameBegin, nameLength), scope.memory().copy(begin, length));
			if (fault !== undefined) scope.memory().setError(fault);
		},
		var_delete: (_context, begin, length) => scope.variables.delete(text(begin, length)),
		http_request: (_context, begin = 0, length = 0, bodyBegin = 0, bodyLength = 0) => {
			if (begin === 0) throw new HostMemoryMisuse(UNKNOWN_BLOCK);
			const body = bodyBegin === 0 ? undefined : scope.memory().copy(bodyBegin, bodyLength);
			const response = scope.http.send(text(begin, length), body);
			if (response.status === 0) addLogLine(scope, "warn", () => `no response: ${response.reason ?? "unknown reason"}`);
			return answer(response.body);
		},
		http_status_code: () => scope.http.last?.status ?? 0,
		http_headers: () =>
			answer(scope.http.last === undefined ? undefined : encoder.encode(JSON.stringify(scope.http.last.headers))),
	};
}
