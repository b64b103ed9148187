// What a plugin writes to its standard output and standard error, as lines of its log. A line that is not finished waits for the
// rest until the call ends; it belongs to that call alone.
import type { PluginLogLine } from "@hookbus/schemas";
import { addLogLine, type LogScope, maxLineBytes } from "../../host-calls/log/host-call-report.js";

/** The files that WASI counts on being open. */
export const STANDARD_OUTPUT = 1;
export const STANDARD_ERROR = 2;

export function isOutputStream(file: number): boolean {
	return file === STANDARD_OUTPUT || file === STANDARD_ERROR;
}

const NEWLINE = 0x0a;
const decoder = new TextDecoder();

export class OutputLines {
	readonly #level: PluginLogLine["level"];
	readonly #scope: LogScope;
	/** The unfinished line, as much of it as the log would keep. */
	readonly #line: Uint8Array;
	#length = 0;
	/** Bytes came since the last end of a line. */
	#begun = false;

	constructor(level: PluginLogLine["level"], scope: LogScope) {
		this.#level = level;
		this.#scope = scope;
		this.#line = new Uint8Array(maxLineBytes(scope.limits));
	}

	write(bytes: Uint8Array): void {
		for (const byte of bytes) {
			this.#begun = true;
			if (byte === NEWLINE) this.flush();
			else if (this.#length < this.#line.length) this.#line[this.#length++] = byte;
		}
	}

	/** Ends the line; an end of a line without anything before it is an empty line. */
	flush(): void {
		if (!this.#begun) return;
		addLogLine(this.#scope, this.#level, () => decoder.decode(this.#line.subarray(0, this.#length)));
		this.#length = 0;
		this.#begun = false;
	}
}
