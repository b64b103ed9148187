// Bytes of a plugin to a checked result. The bytes come from untrusted code: size, UTF-8, JSON, names, depth and schema are
// looked at in this order, and nothing is silently repaired.
import { firstPluginResultFault, isPluginResult, type Outcome, type PluginResult } from "@hookbus/schemas";
import { jsonFault } from "./merge-patch.js";

/** A result that cannot be used. */
export class BadOutput extends Error {
	readonly outcome: Extract<Outcome, "bad_output" | "output_too_large">;

	constructor(message: string, options: ErrorOptions & { readonly outcome?: BadOutput["outcome"] } = {}) {
		super(message, options);
		this.name = "BadOutput";
		this.outcome = options.outcome ?? "bad_output";
	}
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @param output what the export wrote; `undefined` when it wrote nothing
 * @throws BadOutput
 */
export function readResult(output: Uint8Array | undefined, maxBytes: number): PluginResult {
	if (output === undefined || output.length === 0) throw new BadOutput("the export wrote no result");
	if (output.length > maxBytes) {
		throw new BadOutput(`the result has ${output.length} bytes; the limit is ${maxBytes} (limits.outputBytes)`, {
			outcome: "output_too_large",
		});
	}
	const text = decode(output);
	const value = parse(text);
	const unsafe = jsonFault(value);
	if (unsafe !== undefined) throw new BadOutput(`the result is not accepted: ${unsafe}`);
	if (!isPluginResult(value)) {
		const fault = firstPluginResultFault(value);
		throw new BadOutput(
			`the result is not valid: ${fault === undefined ? "unknown fault" : `${fault.path || "/"}: ${fault.message}`}`,
		);
	}
	return value;
}

function decode(output: Uint8Array): string {
	try {
		return decoder.decode(output);
	} catch (cause) {
		throw new BadOutput("the result is not UTF-8", { cause });
	}
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (thrown) {
		// The engine's own message quotes what it met, which may be a part of a secret.
		const at = /at position \d+/.exec(thrown instanceof Error ? thrown.message : "");
		throw new BadOutput(`the result is not JSON${at === null ? "" : ` (${at[0]})`}`, { cause: thrown });
	}
}
