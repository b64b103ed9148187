// Reads a line of a service's output. The services write JSON for machines; a person gets the sentence in it.

export interface LogLine {
	readonly text: string;
	/** A warning or an error. */
	readonly important: boolean;
}

const WARN = 40;

/** Pino's JSON or a line of nats-server; any other line is text that nobody has to see at once. */
export function readLogLine(line: string): LogLine {
	if (!line.startsWith("{")) return { text: line, important: /\[(ERR|FTL)\]|cannot start/.test(line) };
	try {
		const { level, msg, error } = JSON.parse(line) as { level?: number; msg?: string; error?: string };
		const text = error === undefined ? (msg ?? line) : `${msg}: ${error}`;
		return { text, important: (level ?? 0) >= WARN };
	} catch {
		// A line that only looks like JSON.
		return { text: line, important: false };
	}
}
