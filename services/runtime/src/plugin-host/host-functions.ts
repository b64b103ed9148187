// Our own versions of the functions of `extism:host/env` that need a limit or a grant. The SDK lets every one of them be
// replaced through `functions`; those that only move bytes stay the SDK's. A fresh object for each instance, because the
// SDK would otherwise share what it binds between plugins.
import type { CurrentPlugin } from "@extism/extism";
import type { PluginLogLine } from "@hookbus/schemas";
import type { HostCallLimits } from "./host-call-limits.js";

/** A host function that the plugin has no right to call. */
export class HostCallDenied extends Error {
	constructor(message: string) {
		super(message);
		this.name = "HostCallDenied";
	}
}

/** What the host noticed during one invocation. */
export interface HostCallReport {
	logs: PluginLogLine[];
	logsDropped: number;
	/** Bytes of a refused allocation; the invocation cannot have ended well after it. */
	refusedAlloc: number | undefined;
}

export function newHostCallReport(): HostCallReport {
	return { logs: [], logsDropped: 0, refusedAlloc: undefined };
}

type HostFunction = (plugin: CurrentPlugin, value: bigint) => unknown;

type HostFunctions = Record<string, HostFunction>;

/** The replaced functions for one instance, and a way to read what they noticed. */
export function createHostFunctions(limits: HostCallLimits, report: HostCallReport): HostFunctions {
	return { ...memoryFunctions(limits, report), ...logFunctions(limits, report), ...httpFunctions() };
}

function memoryFunctions(limits: HostCallLimits, report: HostCallReport): HostFunctions {
	let bytes = 0;
	let blocks = 0;
	return {
		// The SDK's own `maxPages` allocates first and checks afterwards; a single request of 2 GB would already hurt.
		alloc: (plugin: CurrentPlugin, size: bigint) => {
			const asked = BigInt.asUintN(64, size);
			if (asked > BigInt(limits.allocBytes - bytes) || blocks >= limits.allocBlocks) {
				report.refusedAlloc = Number(asked);
				return 0n;
			}
			bytes += Number(asked);
			blocks += 1;
			return plugin.alloc(asked);
		},
	};
}

function logFunctions(limits: HostCallLimits, report: HostCallReport): HostFunctions {
	let bytes = 0;
	const log = (level: PluginLogLine["level"]) => (plugin: CurrentPlugin, address: bigint) => {
		const block = report.logs.length < limits.logLines ? plugin.read(address) : null;
		if (block === null || bytes >= limits.logBytes) {
			report.logsDropped += 1;
			return;
		}
		const text = new TextDecoder().decode(block.bytes().subarray(0, limits.logLineLength * 4)).slice(0, limits.logLineLength);
		bytes += text.length;
		report.logs.push({ level, text });
	};
	return {
		log_trace: log("trace"),
		log_debug: log("debug"),
		log_info: log("info"),
		log_warn: log("warn"),
		log_error: log("error"),
	};
}

function httpFunctions(): HostFunctions {
	return {
		http_request: () => {
			throw new HostCallDenied("http_request: this host grants no plugin access to the network");
		},
		http_status_code: () => 0,
		http_headers: () => 0n,
	};
}
