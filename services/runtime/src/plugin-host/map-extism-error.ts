// Everything that an invocation can throw, translated into one outcome and one sentence. The SDK has no error classes and
// even throws a Symbol; no other file looks at its messages.
import type { Outcome } from "@hookbus/schemas";
import { BadOutput } from "../chain/read-result.js";
import { HostCallDenied, type HostCallReport } from "./host-functions.js";

export interface MappedFailure {
	readonly outcome: Exclude<Outcome, "ok" | "deferred">;
	readonly message: string;
}

const GUEST_PREFIX = "Plugin-originated error: ";

/**
 * @param memoryFull the plugin's memory stood at its maximum when it failed
 */
export function mapExtismError(thrown: unknown, report: HostCallReport, memoryFull: boolean): MappedFailure {
	if (thrown instanceof BadOutput) return { outcome: thrown.outcome, message: thrown.message };
	if (thrown instanceof HostCallDenied) return { outcome: "denied", message: thrown.message };
	const text = thrown instanceof Error ? thrown.message : String(thrown);
	if (text.startsWith(GUEST_PREFIX)) return { outcome: "guest_error", message: printable(text.slice(GUEST_PREFIX.length)) };
	if (report.refusedAlloc !== undefined) {
		return { outcome: "memory", message: `asked the host for ${report.refusedAlloc} bytes, more than one invocation may hold` };
	}
	if (text.startsWith("length longer than target block")) {
		return { outcome: "output_too_large", message: "claims a result longer than the block that holds it" };
	}
	if (thrown instanceof WebAssembly.LinkError || text.includes("cannot resolve import")) {
		return { outcome: "incompatible", message: printable(text) };
	}
	if (thrown instanceof RangeError) {
		return text.includes("call stack")
			? { outcome: "stack", message: "its calls nest too deeply" }
			: { outcome: "memory", message: printable(text) };
	}
	if (thrown instanceof WebAssembly.RuntimeError) {
		return memoryFull
			? { outcome: "memory", message: `its memory is full, and then: ${printable(text)}` }
			: { outcome: "trap", message: printable(text) };
	}
	if (text.includes("cannot assign")) return { outcome: "bad_output", message: "names a block that does not exist" };
	if (typeof thrown === "symbol") return { outcome: "trap", message: "the plugin ended its own process" };
	return { outcome: "host_error", message: printable(text) };
}

/** One line without control characters, at most 400 characters: the text may come from the plugin. */
function printable(text: string): string {
	return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").slice(0, 400);
}
