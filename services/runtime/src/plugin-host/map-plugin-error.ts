// Everything that an invocation can throw, translated into one outcome and one sentence. Neither Extism's SDK nor the engine
// has error classes for it; no other file looks at their messages.
import type { Outcome } from "@hookbus/schemas";
import { BadOutput } from "../chain/read-result.js";
import { HostCallError } from "../host-calls/host-call-errors.js";
import { GuestError, HostMemoryFull, HostMemoryMisuse, PluginExit } from "./host-errors.js";

export interface MappedFailure {
	readonly outcome: Exclude<Outcome, "ok" | "deferred">;
	readonly message: string;
}

/** How the plugin stood when it failed. */
export interface FailureContext {
	/** Its memory is as large as it may become. */
	readonly memoryFull: boolean;
	/** Bytes that it asked the host for in vain. */
	readonly refusedBytes: number | undefined;
}

export function mapPluginError(
	thrown: unknown,
	{ memoryFull, refusedBytes }: FailureContext = { memoryFull: false, refusedBytes: undefined },
): MappedFailure {
	if (thrown instanceof BadOutput) return { outcome: thrown.outcome, message: thrown.message };
	if (thrown instanceof HostCallError) return { outcome: thrown.outcome, message: printable(thrown.message) };
	if (thrown instanceof GuestError) return { outcome: "guest_error", message: printable(thrown.message) };
	// A plugin that goes on with the null address that it got instead of a block fails somewhere; the refusal is the reason.
	if (refusedBytes !== undefined) return { outcome: "memory", message: new HostMemoryFull(refusedBytes).message };
	if (thrown instanceof HostMemoryMisuse) return { outcome: thrown.outcome, message: thrown.message };
	if (thrown instanceof HostMemoryFull) return { outcome: "memory", message: thrown.message };
	const text = thrown instanceof Error ? thrown.message : String(thrown);
	if (thrown instanceof WebAssembly.LinkError || text.includes("cannot resolve import")) {
		return { outcome: "incompatible", message: printable(text) };
	}
	if (thrown instanceof RangeError) {
		return text.includes("call stack")
			? { outcome: "stack", message: "its calls nest too deeply" }
			: { outcome: "memory", message: printable(text) };
	}
	if (thrown instanceof WebAssembly.RuntimeError || thrown instanceof PluginExit) {
		return memoryFull
			? { outcome: "memory", message: `its memory is full, and then: ${printable(text)}` }
			: { outcome: "trap", message: printable(text) };
	}
	return { outcome: "host_error", message: printable(text) };
}

/** One line without control characters, at most 400 characters: the text may come from the plugin. */
export function printable(text: string): string {
	return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").slice(0, 400);
}
